//! C48 to C51: a call that is dropped at any await has had its whole effect or none.

use super::bench::{TargetBench, told};
use crate::capability::{RecoveryClass, Scope};
use crate::conformance::check::{Asked, Check, Checked, check, ensure};
use crate::conformance::poll::drop_at;
use crate::value::{Change, Key, Live, Presence, Value};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!("C48", Asked::All, observe, "A dropped look leaves everything as it is, and the target usable."),
    check!("C49", Asked::All, create, "A dropped creation has made the whole object or none."),
    check!("C50", Asked::All, update, "A dropped update has changed the whole object or nothing."),
    check!("C51", Asked::All, delete, "A dropped deletion has removed the object or nothing."),
];

async fn observe(bench: &TargetBench) -> Checked {
    let made = [bench.make().await?, bench.make().await?];
    let scope: Scope = made.iter().map(|live| live.key.clone()).collect();
    for awaits in 0..bench.subject.samples.awaits {
        let dropped = drop_at(bench.target().observe(&bench.cx, &scope), awaits).await;
        for live in &made {
            let now = bench.see(&live.key).await?;
            ensure!(now.as_ref() == Some(live), "a look dropped at await {awaits} left {now:?} of {live:?}");
        }
        if dropped.is_some() {
            break;
        }
    }
    Ok(())
}

/// Drops a change at an await; whether it was done before that.
///
/// What was sent may go on without its caller. A keyed target is asked again at once, and must bear it; of another one, an engine
/// waits until nothing can land any more, for an object that lands late would be a second one.
async fn dropped(bench: &TargetBench, change: &Change, awaits: usize) -> Checked<bool> {
    let answer = match drop_at(bench.target().apply(&bench.cx, change), awaits).await {
        Some(Err(error)) => return Err(error.into()),
        answer => answer,
    };
    if bench.target().info().recovery_class != RecoveryClass::Keyed {
        bench.outside().landed().await?;
    }
    Ok(answer.is_some())
}

/// What is there must be what was before, or what the change makes; nothing in between.
async fn whole(
    bench: &TargetBench,
    change: &Change,
    awaits: usize,
    before: Option<&Live>,
) -> Checked<Option<Live>> {
    let now = bench.see(change.key()).await?;
    let is_as_before = match (&now, before) {
        (None, None) => true,
        (Some(now), Some(before)) => now == before || now.presence == Presence::Deleting,
        _ => false,
    };
    let is_as_after = match (&now, change.body()) {
        (Some(now), Some(body)) => {
            now.is_owned_by(bench.owner()) && bench.difference(now, body).await?.is_empty()
        }
        (now, None) => now.is_none(),
        (None, Some(_)) => false,
    };
    ensure!(
        is_as_before || is_as_after,
        "dropped at await {awaits}, {} left {now:?} of {before:?}",
        told(change)
    );
    Ok(now)
}

/// Sends a dropped change again, and looks at what it makes. Where a preview was asked meanwhile, the change may be
/// stale: it is then planned anew, as an engine does.
async fn usable(bench: &TargetBench, change: &Change, body: &Value) -> Checked<Live> {
    match bench.apply(change).await {
        Err(error) if error.is_conflict() && bench.target().dry_run().is_some() => {
            let anew = match bench.see(change.key()).await? {
                Some(live) => bench.update(&live, body.clone()).await,
                None => bench.creation(change.key(), body.clone()).await,
            };
            bench.done(&anew).await?;
        }
        answer => drop(answer?),
    }
    let live = bench.there(change.key()).await?;
    bench.holds(&live, body).await?;
    Ok(live)
}

async fn create(bench: &TargetBench) -> Checked {
    for awaits in 0..bench.subject.samples.awaits {
        let (key, body): (Key, Value) = (bench.key(), bench.body(0));
        let change = bench.creation(&key, body.clone()).await;
        let done = dropped(bench, &change, awaits).await?;
        whole(bench, &change, awaits, None).await?;
        let live = usable(bench, &change, &body).await?;
        ensure!(
            live.is_owned_by(bench.owner()),
            "dropped at await {awaits}, {key} is without our owner label"
        );
        if done {
            break;
        }
    }
    Ok(())
}

async fn update(bench: &TargetBench) -> Checked {
    for awaits in 0..bench.subject.samples.awaits {
        let made = bench.make().await?;
        let body = bench.body(1);
        let change = bench.update(&made, body.clone()).await;
        let done = dropped(bench, &change, awaits).await?;
        whole(bench, &change, awaits, Some(&made)).await?;
        usable(bench, &change, &body).await?;
        if done {
            break;
        }
    }
    Ok(())
}

async fn delete(bench: &TargetBench) -> Checked {
    for awaits in 0..bench.subject.samples.awaits {
        let made = bench.make().await?;
        let change = bench.deletion(&made).await;
        let done = dropped(bench, &change, awaits).await?;
        whole(bench, &change, awaits, Some(&made)).await?;
        if let Some(live) = bench.see(&made.key).await?.filter(|live| live.presence == Presence::Present) {
            bench.done(&bench.deletion(&live).await).await?;
        }
        bench.gone(&made.key).await?;
        bench.make_at(&made.key, bench.body(1)).await?;
        if done {
            break;
        }
    }
    Ok(())
}
