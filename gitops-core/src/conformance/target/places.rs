//! C80 to C82: what goes with an object, where a target works, and whose name an object carries.

use super::bench::{TargetBench, given, sample};
use crate::capability::{Identity, Preview};
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::value::{Change, Key, Live, OwnerLabel, Ownership, Whose};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C80",
        Asked::Power("a dry run"),
        tells_what_goes_along,
        "What others have in an object, and goes with it, is previewed of its deletion."
    ),
    check!(
        "C81",
        Asked::Power("a place"),
        stays_in_its_place,
        "The place that a target names is the same from call to call, whatever is written there."
    ),
    check!(
        "C82",
        Asked::Power("shown labels"),
        takes_a_new_name,
        "The label of an owner that was renamed moves by an update, and with it nothing else."
    ),
];

async fn tells_what_goes_along(bench: &TargetBench) -> Checked {
    let container = bench.subject.samples.container.clone();
    let ((outer, body), (inner, content)) = sample(container, "object that takes another one with it")?;
    let made = bench.make_at(&outer, body).await?;
    let empty = previewed(bench, &made).await?;
    ensure!(empty.takes.is_empty(), "{outer} is empty, and takes {:?}", empty.takes);
    given(bench.outside().edit(&inner, Some(&content)).await)?;
    let previewed = previewed(bench, &made).await?;
    let theirs = previewed.takes.iter().filter(|taken| taken.whose != Whose::Ours);
    let counted: usize = theirs.map(|taken| taken.count.unwrap_or(1)).sum();
    ensure!(counted == 1, "{inner} of others goes with {outer}, and told is {:?}", previewed.takes);
    ensure!(bench.see(&inner).await?.is_some(), "to preview the deletion of {outer} removed {inner}");
    let (key, expect, owner_label) =
        (made.key.clone(), crate::value::Expect::from(&made), bench.owner_label());
    bench.done(&Change::Delete { key, expect, owner_label, preview: Some(previewed.digest) }).await?;
    bench.gone(&outer).await?;
    bench.gone(&inner).await
}

async fn previewed(bench: &TargetBench, live: &Live) -> Checked<Preview> {
    let plan = bench.target().dry_run();
    let plan = plan.ok_or_else(|| Stop::Fail("the target offered a dry run, and then did not".into()))?;
    Ok(plan.preview(&bench.cx, &live.key, None, Some(live)).await?)
}

async fn stays_in_its_place(bench: &TargetBench) -> Checked {
    let place = async || {
        let identity: Option<&dyn Identity> = bench.target().identity();
        let identity =
            identity.ok_or_else(|| Stop::Fail("the target named a place, and then did not".into()))?;
        Ok::<_, Stop>(identity.place(&bench.cx).await?)
    };
    let first = place().await?;
    let Some(name) = &first else { return Err(Stop::Skip("the target may not ask for its place".into())) };
    ensure!(!name.is_empty(), "the name of the place is empty");
    let made = bench.make().await?;
    let updated = bench.rewrite(&made, bench.body(1)).await?;
    bench.unmake(&updated).await?;
    let now = place().await?;
    ensure!(now == first, "the place was {first:?} and is {now:?}, and nobody moved it");
    Ok(())
}

async fn takes_a_new_name(bench: &TargetBench) -> Checked {
    let number = format!("{:032x}", bench.cx.random());
    let owner_label =
        |name: &str| OwnerLabel { owner: format!("{name}/{number}").into(), ..bench.owner_label() };
    let key = bench.key();
    let made = made_by(bench, &key, owner_label("old")).await?;
    let renaming = bench.update_by(&made, bench.body(0), owner_label("new")).await;
    bench.done(&renaming).await?;
    let moved = bench.there(&key).await?;
    let label = format!("new/{number}");
    ensure!(
        moved.ownership == Ownership::Owner(label.as_str().into()),
        "{key} was written under the label {label}, and carries {:?}",
        moved.ownership
    );
    ensure!((&moved.uid, &moved.body) == (&made.uid, &made.body), "{made:?} became {moved:?} by a new name");
    bench.holds(&moved, &bench.body(0)).await
}

async fn made_by(bench: &TargetBench, key: &Key, owner_label: OwnerLabel) -> Checked<Live> {
    bench.done(&bench.creation_by(key, bench.body(0), owner_label).await).await?;
    bench.there(key).await
}
