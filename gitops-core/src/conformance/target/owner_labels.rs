//! C52 to C56: whose an object is.

use super::bench::{TargetBench, given, told};
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::value::{Live, Ownership};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C52",
        Asked::Labelled,
        round_trip,
        "An owner label comes back whole, also after an update and a replacement."
    ),
    check!("C53", Asked::Labelled, survives_edits, "An owner label survives what others do to the object."),
    check!(
        "C54",
        Asked::Labelled,
        anothers_mark,
        "An object with another's owner label is shown as theirs, and not written."
    ),
    check!(
        "C55",
        Asked::Labelled,
        lists_only_ours,
        "In a list, each object has its own owner's owner label."
    ),
    check!(
        "C56",
        Asked::Labelled,
        copied_mark,
        "An object with a copy of our owner label is not taken for the one that we made."
    ),
];

fn ours(bench: &TargetBench, live: &Live) -> Checked {
    ensure!(live.is_owned_by(bench.owner()), "{} is shown as {:?}, not as ours", live.key, live.ownership);
    Ok(())
}

async fn round_trip(bench: &TargetBench) -> Checked {
    // An inventory's id is an application's name and a random number. Services that cut a label do so at 255 characters at
    // most, and some write it in small letters.
    let (key, owner) = (bench.key(), format!("{}-{}", "A-Long-Application".repeat(14), bench.cx.random()));
    let comes_back = |live: &Live| {
        ensure!(live.is_owned_by(&owner), "the owner {owner} comes back as {:?}", live.ownership);
        Ok(())
    };
    bench.done(&bench.creation_by(&key, bench.body(0), bench.owner_label_of(&owner)).await).await?;
    let made = bench.there(&key).await?;
    comes_back(&made)?;
    bench.done(&bench.update_by(&made, bench.body(1), bench.owner_label_of(&owner)).await).await?;
    comes_back(&bench.there(&key).await?)
}

async fn survives_edits(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    given(bench.outside().edit(&made.key, Some(&bench.body(1))).await)?;
    let edited = bench.there(&made.key).await?;
    ours(bench, &edited)?;
    ensure!(edited.version != made.version, "{} was edited, and is still {}", made.key, made.version);
    let back = bench.rewrite(&edited, bench.body(0)).await?;
    ours(bench, &back)
}

async fn anothers_mark(bench: &TargetBench) -> Checked {
    let (key, them) = (bench.key(), format!("{}-other", bench.owner()));
    bench.done(&bench.creation_by(&key, bench.body(0), bench.owner_label_of(&them)).await).await?;
    let theirs = bench.there(&key).await?;
    ensure!(theirs.is_owned_by(&them), "{key} is theirs and shown as {:?}", theirs.ownership);
    for change in [
        bench.update(&theirs, bench.body(1)).await,
        bench.replacement(&theirs, bench.body(1)).await,
        bench.deletion(&theirs).await,
    ] {
        bench.refused(&change).await?;
        let now = bench.there(&key).await?;
        ensure!(now == theirs, "{} was refused and left {now:?} of {theirs:?}", told(&change));
    }
    Ok(())
}

async fn lists_only_ours(bench: &TargetBench) -> Checked {
    let them = format!("{}-other", bench.owner());
    let keys = bench.keys(3);
    bench.make_at(&keys[0], bench.body(0)).await?;
    bench.done(&bench.creation_by(&keys[1], bench.body(0), bench.owner_label_of(&them)).await).await?;
    let mut expected = vec![
        (keys[0].clone(), Ownership::Owner(bench.owner().to_owned())),
        (keys[1].clone(), Ownership::Owner(them)),
    ];
    match given(bench.outside().edit(&keys[2], Some(&bench.body(0))).await) {
        Ok(()) => expected.push((keys[2].clone(), Ownership::Unlabelled)),
        Err(Stop::Skip(_)) => {}
        Err(stop) => return Err(stop),
    }
    let found = bench.look(&keys).await?;
    for (key, ownership) in expected {
        let live = found.iter().find(|live| live.key == key).map(|live| &live.ownership);
        ensure!(live == Some(&ownership), "in a list, {key} is {live:?} and not {ownership:?}");
    }
    Ok(())
}

async fn copied_mark(bench: &TargetBench) -> Checked {
    let (made, copy) = (bench.make().await?, bench.key());
    given(bench.outside().copy_owner_label(&made.key, &copy).await)?;
    let copied = bench.see(&copy).await?;
    let is_taken_for_ours =
        copied.as_ref().is_some_and(|live| live.is_owned_by(bench.owner()) && live.uid == made.uid);
    ensure!(
        !is_taken_for_ours,
        "a copy of our owner label makes {copy} the object that we made as {}",
        made.key
    );
    let now = bench.there(&made.key).await?;
    ensure!(now == made, "a copy of its owner label changed {made:?} into {now:?}");
    Ok(())
}
