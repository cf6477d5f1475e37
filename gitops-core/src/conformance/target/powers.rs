//! C65 to C72: the optional powers, each asked of those that offer it.

use super::bench::{TargetBench, given, tells, told};
use super::changes::foretelling;
use crate::capability::MovedObjects;
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::conformance::poll::drop_at;
use crate::value::{Applied, Key, Live, Result};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C65",
        Asked::Power("a watch"),
        tells_of_moves,
        "A watch tells of each object that others change or remove."
    ),
    check!(
        "C66",
        Asked::Power("a watch"),
        loses_nothing,
        "A wait for a watch that is dropped loses no move."
    ),
    check!(
        "C67",
        Asked::Power("health"),
        becomes_ready,
        "Health tells whether an object that was written is ready."
    ),
    check!(
        "C68",
        Asked::Power("import"),
        adopts,
        "To adopt an object puts our owner label on it, and changes nothing else."
    ),
    check!(
        "C69",
        Asked::Power("import"),
        adopts_nothing_else,
        "An object that moved, or that is another's, is not adopted."
    ),
    check!(
        "C70",
        Asked::Power("batches"),
        answers_in_order,
        "A batch has one answer for each change, in their order."
    ),
    check!(
        "C71",
        Asked::Power("batches"),
        fails_alone,
        "A change of a batch that fails leaves the others alone."
    ),
    check!(
        "C72",
        Asked::Power("a dry run"),
        as_foretold,
        "A change that would do something else than was previewed is refused."
    ),
];

fn lost(power: &str) -> Stop {
    Stop::Fail(format!("the target offered {power}, and then did not"))
}

/// Waits until the watch names a key, or says that anything may have moved.
async fn told_of(bench: &TargetBench, key: &Key) -> Checked {
    let watch = bench.target().watch().ok_or_else(|| lost("a watch"))?;
    let cx = bench.cx.within(bench.subject.patience);
    loop {
        let moved = cx.bounded(watch.moved(&cx)).await;
        let moved = moved.map_err(|error| Stop::Fail(format!("{key} moved, and the watch: {error:?}")))?;
        if covers(&moved, key) {
            return Ok(());
        }
    }
}

fn covers(moved: &MovedObjects, key: &Key) -> bool {
    match moved {
        MovedObjects::Any => true,
        MovedObjects::Keys(keys) => keys.contains(key),
    }
}

/// Takes in what a watch says at its start, and a move after which it is under way.
async fn watched(bench: &TargetBench) -> Checked<Live> {
    let first = bench.make().await?;
    stirred(bench, &first).await?;
    told_of(bench, &first.key).await?;
    Ok(first)
}

/// Changes an object as somebody else would; as we do where the kit has no way to be somebody else. A watch need not
/// tell a caller what that caller did, or has seen since.
async fn stirred(bench: &TargetBench, live: &Live) -> Checked {
    match given(bench.outside().edit(&live.key, Some(&bench.body(2))).await) {
        Err(Stop::Skip(_)) => bench.rewrite(live, bench.body(1)).await.map(drop),
        other => other,
    }
}

async fn tells_of_moves(bench: &TargetBench) -> Checked {
    watched(bench).await?;
    let made = bench.make().await?;
    stirred(bench, &made).await?;
    told_of(bench, &made.key).await?;
    let current = bench.there(&made.key).await?;
    match given(bench.outside().edit(&made.key, None).await) {
        Err(Stop::Skip(_)) => bench.unmake(&current).await?,
        other => other?,
    }
    told_of(bench, &made.key).await
}

async fn loses_nothing(bench: &TargetBench) -> Checked {
    watched(bench).await?;
    let watch = bench.target().watch().ok_or_else(|| lost("a watch"))?;
    for awaits in 1..4 {
        let made = bench.make().await?;
        stirred(bench, &made).await?;
        let moved = drop_at(watch.moved(&bench.cx), awaits).await.transpose()?;
        if !moved.is_some_and(|moved| covers(&moved, &made.key)) {
            told_of(bench, &made.key).await?;
        }
    }
    Ok(())
}

async fn becomes_ready(bench: &TargetBench) -> Checked {
    let health = bench.target().health().ok_or_else(|| lost("health"))?;
    let key = bench.key();
    let applied = bench.done(&bench.creation(&key, bench.body(0)).await).await?;
    let cx = bench.cx.within(bench.subject.patience);
    let readiness = health.ready(&cx, &key, &applied).await?;
    ensure!(readiness.is_ready(), "{key} was just made from a sample, and is {readiness:?}");
    Ok(())
}

/// An object that others made.
async fn unlabelled(bench: &TargetBench) -> Checked<Live> {
    let key = bench.key();
    given(bench.outside().edit(&key, Some(&bench.body(0))).await)?;
    bench.there(&key).await
}

async fn adopts(bench: &TargetBench) -> Checked {
    let import = bench.target().import().ok_or_else(|| lost("import"))?;
    let found = unlabelled(bench).await?;
    import.adopt(&bench.cx, &bench.update(&found, bench.body(1)).await).await?;
    let adopted = bench.there(&found.key).await?;
    ensure!(adopted.is_owned_by(bench.owner()), "{} was adopted, and is {:?}", found.key, adopted.ownership);
    ensure!(adopted.body == found.body, "to adopt changed {:?} into {:?}", found.body, adopted.body);
    bench.rewrite(&adopted, bench.body(1)).await?;
    Ok(())
}

async fn adopts_nothing_else(bench: &TargetBench) -> Checked {
    let import = bench.target().import().ok_or_else(|| lost("import"))?;
    let found = unlabelled(bench).await?;
    let change = bench.update(&found, bench.body(0)).await;
    given(bench.outside().edit(&found.key, Some(&bench.body(1))).await)?;
    let moved = import.adopt(&bench.cx, &change).await;
    ensure!(moved.is_err(), "{} moved, and {} adopted it", found.key, told(&change));
    let (key, them) = (bench.key(), format!("{}-other", bench.owner()));
    bench.done(&bench.creation_by(&key, bench.body(0), bench.owner_label_of(&them)).await).await?;
    let theirs = bench.there(&key).await?;
    let taken = import.adopt(&bench.cx, &bench.update(&theirs, bench.body(0)).await).await;
    ensure!(taken.is_err(), "{key} is another's, and was adopted");
    let now = bench.there(&key).await?;
    ensure!(now == theirs, "a refused adoption left {now:?} of {theirs:?}");
    Ok(())
}

/// The answers to a batch of creations; the one at `fails` is over an object that is there.
async fn batch(bench: &TargetBench, fails: Option<usize>) -> Checked<Vec<(Key, Result<Applied>)>> {
    let batch = bench.target().batch().ok_or_else(|| lost("batches"))?;
    let keys = bench.keys(batch.limit().clamp(1, 8));
    let mut changes = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        if fails == Some(number) {
            bench.make_at(key, bench.body(9)).await?;
        }
        changes.push(bench.creation(key, bench.body(number)).await);
    }
    let answers = batch.apply_all(&bench.cx, &changes).await;
    ensure!(answers.len() == keys.len(), "{} changes have {} answers", keys.len(), answers.len());
    Ok(keys.into_iter().zip(answers).collect())
}

async fn answers_in_order(bench: &TargetBench) -> Checked {
    for (number, (key, answer)) in batch(bench, None).await?.into_iter().enumerate() {
        let (answer, live) = (answer?, bench.there(&key).await?);
        ensure!(tells(&answer, &live), "{key} was answered {answer:?}, and {live:?} is there");
        bench.holds(&live, &bench.body(number)).await?;
    }
    Ok(())
}

async fn fails_alone(bench: &TargetBench) -> Checked {
    let limit = bench.target().batch().map_or(0, crate::capability::Batch::limit);
    ensure!(limit > 1, "a batch of at most {limit} changes is none");
    for (number, (key, answer)) in batch(bench, Some(1)).await?.into_iter().enumerate() {
        ensure!(
            answer.is_err() == (number == 1),
            "{key}, number {number} of a batch, was answered {answer:?}"
        );
        let body = if number == 1 { bench.body(9) } else { bench.body(number) };
        bench.holds(&bench.there(&key).await?, &body).await?;
    }
    Ok(())
}

async fn as_foretold(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    let (ours, other) = (bench.update(&made, bench.body(1)).await, bench.update(&made, bench.body(2)).await);
    let change = foretelling(ours, other.preview().copied());
    let error = bench.refused(&change).await?;
    ensure!(
        error.is_conflict(),
        "{} does not do what was previewed, and is no conflict: {error:?}",
        told(&change)
    );
    let now = bench.there(&made.key).await?;
    ensure!(now == made, "{} was refused and left {now:?} of {made:?}", told(&change));
    Ok(())
}
