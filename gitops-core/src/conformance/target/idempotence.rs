//! C28 to C34: what is as it should be stays as it is.

use super::bench::{TargetBench, given, sample, told};
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::value::{Applied, Change, Live, Value};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C28",
        Asked::All,
        repeats,
        "A change that is sent again, ten times, has one effect and the same answer."
    ),
    check!(
        "C29",
        Asked::All,
        no_difference,
        "What was just written does not differ from its declaration, also where the target fills in fields."
    ),
    check!(
        "C30",
        Asked::All,
        spelled_otherwise,
        "What was written over itself does not differ, however the target spells its values."
    ),
    check!("C31", Asked::All, undeclared_fields, "Fields that are not declared survive an update."),
    check!("C32", Asked::All, dropped_fields, "A field that is no longer declared goes."),
    check!(
        "C33",
        Asked::Power("a dry run"),
        dry_run,
        "What is previewed is what comes, and to preview writes nothing."
    ),
    check!("C34", Asked::All, delete_of_absent, "A deletion of an absent object succeeds, and does nothing."),
];

async fn repeats(bench: &TargetBench) -> Checked {
    let key = bench.key();
    let made = repeat(bench, bench.creation(&key, bench.body(0)).await).await?;
    let updated = repeat(bench, bench.update(&made, bench.body(1)).await).await?;
    let updated = edits_survive(bench, updated).await?;
    let replaced = repeat(bench, bench.replacement(&updated, bench.body(2)).await).await?;
    let deletion = bench.deletion(&replaced).await;
    bench.done(&deletion).await?;
    bench.gone(&key).await?;
    for _ in 1..bench.subject.samples.repeats {
        let answer = bench.done(&deletion).await?;
        ensure!(answer == Applied::Absent, "{} again was answered {answer:?}", told(&deletion));
    }
    bench.gone(&key).await
}

/// Makes a change and sends it again; the object as the first time left it.
async fn repeat(bench: &TargetBench, change: Change) -> Checked<Live> {
    let first = bench.done(&change).await?;
    let live = bench.there(change.key()).await?;
    for time in 1..bench.subject.samples.repeats {
        let again = bench.done(&change).await?;
        ensure!(again == first, "time {time} of {} was answered {again:?} after {first:?}", told(&change));
    }
    let now = bench.there(change.key()).await?;
    ensure!(now == live, "{} left {live:?}, and repeated {now:?}", told(&change));
    Ok(live)
}

/// A repetition after an edit must not call the edit its own effect: nobody would see it again.
async fn edits_survive(bench: &TargetBench, live: Live) -> Checked<Live> {
    let change = bench.update(&live, bench.body(4)).await;
    let first = bench.done(&change).await?;
    match given(bench.outside().edit(&live.key, Some(&bench.body(3))).await) {
        Err(Stop::Skip(_)) => return bench.there(&live.key).await,
        edited => edited?,
    }
    let edited = bench.there(&live.key).await?;
    let again = bench.apply(&change).await;
    let now = bench.there(&live.key).await?;
    ensure!(now == edited, "{} again wrote over an edit: {now:?}", told(&change));
    let is_true = again.as_ref().map_or(true, |again| *again == first);
    ensure!(is_true, "{} was edited, and {} again was answered {again:?}", live.key, told(&change));
    Ok(now)
}

async fn no_difference(bench: &TargetBench) -> Checked {
    let bodies = (0..3).map(|number| bench.body(number)).chain(bench.subject.samples.defaulted.clone());
    for body in bodies {
        let made = bench.make_at(&bench.key(), body.clone()).await?;
        bench.holds(&made, &body).await?;
    }
    Ok(())
}

async fn spelled_otherwise(bench: &TargetBench) -> Checked {
    let bodies = [bench.body(0)].into_iter().chain(bench.subject.samples.defaulted.clone());
    for body in bodies {
        let made = bench.make_at(&bench.key(), bench.body(1)).await?;
        let updated = bench.rewrite(&made, body.clone()).await?;
        bench.holds(&updated, &body).await?;
        // Where a plan is asked of the target, one without a change is never sent.
        if bench.target().dry_run().is_none() {
            let again = bench.rewrite(&updated, body.clone()).await?;
            bench.holds(&again, &body).await?;
        }
    }
    Ok(())
}

async fn undeclared_fields(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    given(bench.outside().add_field(&made.key).await)?;
    let seen = bench.there(&made.key).await?;
    bench.holds(&seen, &bench.body(0)).await?;
    bench.rewrite(&seen, bench.body(1)).await?;
    ensure!(
        given(bench.outside().has_field(&made.key).await)?,
        "an update of {} removed a field that it does not declare",
        made.key
    );
    Ok(())
}

async fn dropped_fields(bench: &TargetBench) -> Checked {
    let narrowing = bench.subject.samples.narrowing.clone();
    let (wide, narrow): (Value, Value) = sample(narrowing, "body that can lose a field")?;
    let made = bench.make_at(&bench.key(), wide.clone()).await?;
    bench.holds(&made, &wide).await?;
    ensure!(
        !bench.difference(&made, &narrow).await?.is_empty(),
        "{} has a field that is no longer declared, and no difference is seen",
        made.key
    );
    let narrowed = bench.rewrite(&made, narrow.clone()).await?;
    bench.holds(&narrowed, &narrow).await
}

async fn dry_run(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    let previewed = bench.difference(&made, &bench.body(1)).await?;
    ensure!(!previewed.is_empty(), "of another body of {} no change is previewed", made.key);
    let again = bench.difference(&made, &bench.body(1)).await?;
    ensure!(again == previewed, "{previewed} is previewed, and then {again}");
    let now = bench.there(&made.key).await?;
    ensure!(now == made, "to preview changed {made:?} into {now:?}");
    let updated = bench.rewrite(&made, bench.body(1)).await?;
    bench.holds(&updated, &bench.body(1)).await
}

async fn delete_of_absent(bench: &TargetBench) -> Checked {
    let (made, other) = (bench.make().await?, bench.make().await?);
    bench.unmake(&made).await?;
    let answer = bench.done(&bench.deletion(&made).await).await?;
    ensure!(answer == Applied::Absent, "a deletion of the absent {} was answered {answer:?}", made.key);
    let now = bench.there(&other.key).await?;
    ensure!(now == other, "a deletion of the absent {} changed {other:?} into {now:?}", made.key);
    Ok(())
}
