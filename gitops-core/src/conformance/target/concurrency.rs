//! C60 to C62: many changes at once.

use futures::future::{join_all, try_join_all};

use super::bench::{TargetBench, told};
use crate::conformance::check::{Asked, Check, Checked, check, ensure};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!("C60", Asked::All, independent, "Changes of different objects at once do not disturb each other."),
    check!("C61", Asked::Keyed, linear, "Of changes of one state of an object at once, one is made."),
    check!("C62", Asked::All, in_flight, "The target takes as many changes at once as it says."),
];

/// Makes, changes and removes some objects, all of a kind at once.
async fn all_at_once(bench: &TargetBench, count: usize) -> Checked {
    let keys = bench.keys(count);
    let creations = keys.iter().enumerate().map(|(number, key)| bench.make_at(key, bench.body(number)));
    let made = try_join_all(creations).await?;
    let updates = made.iter().enumerate().map(|(number, live)| bench.rewrite(live, bench.body(number + 1)));
    let changed = try_join_all(updates).await?;
    for (number, live) in changed.iter().enumerate() {
        bench.holds(live, &bench.body(number + 1)).await?;
    }
    try_join_all(changed.iter().map(|live| bench.unmake(live))).await?;
    Ok(())
}

async fn independent(bench: &TargetBench) -> Checked {
    all_at_once(bench, bench.target().info().concurrency.min(4)).await
}

async fn linear(bench: &TargetBench) -> Checked {
    let mut live = bench.make().await?;
    for round in 0..bench.rounds() {
        let mut changes = Vec::new();
        for number in 1..=8 {
            changes.push(bench.update(&live, bench.body(8 * round + number)).await);
        }
        let answers = join_all(changes.iter().map(|change| bench.apply(change))).await;
        let won: Vec<_> = changes.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).collect();
        ensure!(won.len() == 1, "of 8 updates of one state of {}, {} succeeded", live.key, won.len());
        let now = bench.there(&live.key).await?;
        let body = won[0].0.body().expect("an update has a body");
        let difference = bench.difference(&now, body).await?;
        ensure!(difference.is_empty(), "{} won, and the object differs: {difference}", told(won[0].0));
        live = now;
    }
    Ok(())
}

async fn in_flight(bench: &TargetBench) -> Checked {
    let concurrency = bench.target().info().concurrency;
    ensure!(concurrency >= 1, "the target takes {concurrency} changes at once");
    all_at_once(bench, concurrency.min(64)).await
}
