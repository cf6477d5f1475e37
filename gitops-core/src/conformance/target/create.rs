//! C16 to C21: an object is made once, and is ours from its first moment.

use futures::future::join_all;

use super::bench::{TargetBench, given, tells, told};
use super::outside::Fault;
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::conformance::poll::overlap;
use crate::value::Change;

/// At how many requests of one creation its answer is lost.
const REQUESTS: usize = 8;

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C16",
        Asked::Keyed,
        create_over_existing,
        "A creation over an object that is there is refused, and changes nothing."
    ),
    check!(
        "C17",
        Asked::Keyed,
        racing_creates,
        "Of creations of one key at once, one wins and the others learn it."
    ),
    check!(
        "C18",
        Asked::Labelled,
        repeated_create,
        "A creation whose answer was lost, sent again, makes one object."
    ),
    check!(
        "C19",
        Asked::Labelled,
        late_create,
        "A creation that arrives after its repetition makes one object."
    ),
    check!(
        "C20",
        Asked::Labelled,
        marked_at_once,
        "An object carries our owner label from its first moment."
    ),
    check!(
        "C21",
        Asked::Opaque,
        unknown_create,
        "A creation whose answer was lost is unknown, and not sent again."
    ),
];

async fn create_over_existing(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    bench.refused(&bench.creation(&made.key, bench.body(1)).await).await?;
    let live = bench.there(&made.key).await?;
    ensure!(live == made, "the refused creation left {live:?} in the place of {made:?}");
    Ok(())
}

async fn racing_creates(bench: &TargetBench) -> Checked {
    for _ in 0..bench.rounds() {
        let key = bench.key();
        let mut changes = Vec::new();
        for number in 0..8 {
            let owner_label = bench.owner_label_of(&format!("{}-{number}", bench.owner()));
            changes.push(bench.creation_by(&key, bench.body(number), owner_label).await);
        }
        let answers = join_all(changes.iter().map(|change| bench.apply(change))).await;
        let won: Vec<usize> = (0..8).filter(|number| answers[*number].is_ok()).collect();
        ensure!(won.len() == 1, "of 8 creations of {key} at once, {} won", won.len());
        let live = bench.there(&key).await?;
        ensure!(
            live.is_owned_by(&changes[won[0]].owner_label().owner),
            "{} won, and the object is {live:?}",
            told(&changes[won[0]])
        );
        bench.holds(&live, &bench.body(won[0])).await?;
    }
    Ok(())
}

async fn repeated_create(bench: &TargetBench) -> Checked {
    let key = bench.key();
    let change = bench.creation(&key, bench.body(0)).await;
    match bench.refused_by(Fault::LostAnswer, &change).await {
        // Without a way to lose it, nobody listens to the answer.
        Err(Stop::Skip(_)) => drop(bench.done(&change).await?),
        lost => drop(lost?),
    }
    makes_one(bench, &change).await?;
    for passing in 0..REQUESTS {
        let change = bench.creation(&bench.key(), bench.body(0)).await;
        match given(bench.outside().fault_at(passing, Fault::LostAnswer).await) {
            Err(Stop::Skip(_)) => return Ok(()),
            given => given?,
        }
        drop(bench.apply(&change).await);
        bench.outside().mend().await?;
        makes_one(bench, &change).await?;
    }
    Ok(())
}

/// Sends a creation again, of which nobody knows whether it was carried out.
async fn makes_one(bench: &TargetBench, change: &Change) -> Checked {
    let first = bench.see(change.key()).await?;
    let again = bench.done(change).await?;
    let live = bench.there(change.key()).await?;
    let is_one = first.as_ref().is_none_or(|first| *first == live);
    ensure!(is_one, "{} made {first:?}, and again {live:?}", told(change));
    ensure!(tells(&again, &live), "{again:?} was answered, and {live:?} is there");
    bench.holds(&live, &bench.body(0)).await?;
    // One that was made twice is hidden behind the one that we know, until that one goes.
    bench.unmake(&live).await
}

async fn late_create(bench: &TargetBench) -> Checked {
    for awaits in 0..bench.subject.samples.awaits {
        let key = bench.key();
        let change = bench.creation(&key, bench.body(0)).await;
        let both = overlap(bench.target().apply(&bench.cx, &change), awaits, bench.apply(&change)).await;
        let answers: Vec<_> = [both.first, both.second].into_iter().filter_map(Result::ok).collect();
        let live = bench.there(&key).await?;
        ensure!(!answers.is_empty(), "neither {} nor its repetition was answered", told(&change));
        ensure!(
            answers.iter().all(|answer| tells(answer, &live)),
            "{} and its repetition were answered {answers:?}, and {live:?} is there",
            told(&change)
        );
        if !both.overlapped {
            break;
        }
    }
    Ok(())
}

async fn marked_at_once(bench: &TargetBench) -> Checked {
    for awaits in 0..bench.subject.samples.awaits {
        let key = bench.key();
        let change = bench.creation(&key, bench.body(0)).await;
        let both = overlap(bench.target().apply(&bench.cx, &change), awaits, bench.see(&key)).await;
        both.first?;
        if let Some(live) = both.second? {
            ensure!(
                live.is_owned_by(bench.owner()),
                "at await {awaits}, {key} was there without our owner_label: {live:?}"
            );
        }
        if !both.overlapped {
            break;
        }
    }
    Ok(())
}

async fn unknown_create(bench: &TargetBench) -> Checked {
    let key = bench.key();
    let change = bench.creation(&key, bench.body(0)).await;
    let error = bench.refused_by(Fault::LostAnswer, &change).await?;
    ensure!(error.is_unknown(), "the answer was lost, and {} is known: {error:?}", told(&change));
    let found = bench.look(std::slice::from_ref(&key)).await?;
    ensure!(found.len() <= 1, "{} made {} objects", told(&change), found.len());
    Ok(())
}
