//! An object about which nothing may be done counts, and is told of.

use gitops_core::*;

use crate::support::{World, body, key};

fn told(world: &World) -> Vec<String> {
    let events = world.events();
    let lines = events.iter().filter_map(|event| match event {
        Event::Blocked { key, obstacle, reason } => {
            Some(format!("{} blocked, {obstacle}: {reason}", key.name()))
        }
        Event::Unblocked { key, .. } => Some(format!("{} free", key.name())),
        _ => None,
    });
    let lines = lines.collect();
    world.clear_events();
    lines
}

/// Met with a command that follows a cluster: a conflict was a number in JSON, and nothing else, for hours.
#[tokio::test]
async fn what_is_blocked_is_told_when_it_begins_and_when_it_ends() {
    let world = World::with(&[("a", "ours"), ("b", "needs: a")]);
    world.memory.edit(&key("a"), Some(body("theirs")));
    let mut engine = world.engine().await;
    engine.reconcile(&world.cx).await.unwrap();
    let first =
        ["a blocked, conflict: it is there and was not made by us", "b blocked, wait: it waits for t:K/-/a"];
    assert_eq!(told(&world), first);
    engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(told(&world), [""; 0], "once, not in each reconciliation");
    let mut other = world.engine().await;
    other.reconcile(&world.cx).await.unwrap();
    assert_eq!(told(&world), first, "the next process tells of it too");
    world.memory.edit(&key("a"), None);
    engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(told(&world), ["a free", "b free"]);
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
}

/// Met with a dashboard that counted a reconciliation as converged while an object was blocked.
#[tokio::test]
async fn a_reconciliation_says_how_many_objects_are_blocked() {
    let world = World::with(&[("a", "ours"), ("b", "2")]);
    world.memory.edit(&key("a"), Some(body("theirs")));
    let report = world.converge().await;
    assert_eq!(report.plan.obstacles().map(|(blocked, _)| blocked.key.name()).collect::<Vec<_>>(), ["a"]);
    let events = world.events();
    assert!(events.iter().any(|event| matches!(event, Event::Planned { blocked: 1, .. })), "{events:?}");
    assert!(
        events.contains(&Event::Finished { applied: 1, failed: 0, blocked: 1, skipped: 0 }),
        "{events:?}"
    );
}
