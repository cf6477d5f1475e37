//! An approved commit that waited for a change window was told as denied and as not approved; and the window opened unseen.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::*;

use crate::drift_meanwhile::Paused;
use crate::support::{World, owned};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn opens() -> Time {
    Time::default().after(10 * MINUTE)
}

fn changed(proposal: &Proposal<'_>) -> Vec<Key> {
    let steps = proposal.plan.steps.iter().filter(|step| step.cause != Cause::Drift);
    steps.map(|step| step.key.clone()).collect()
}

fn who(proposal: &Proposal<'_>) -> Verdict {
    match changed(proposal) {
        keys if keys.is_empty() => Verdict::Allow,
        keys => Verdict::needs_approval("who", "somebody looks at it").naming(keys),
    }
}

fn window(proposal: &Proposal<'_>) -> Verdict {
    match changed(proposal).is_empty() || proposal.now >= opens() {
        true => Verdict::Allow,
        false => Verdict::deny("window", "closed").until(Some(opens())),
    }
}

/// An application that has applied `1` of two objects before there were rules, of which `a` is declared as `2` now.
async fn held() -> World {
    let mut world = World::with(&[("a", "1"), ("b", "1")]);
    world.cx = Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(System));
    world.converge().await;
    world.declare(&[("a", "2"), ("b", "1")]);
    world
}

async fn engine(world: &World) -> Engine {
    let builder = world.builder("test").target("t", world.memory.clone());
    let builder = builder.gate(Arc::new(gate("who", 1, who))).gate(Arc::new(gate("window", 1, window)));
    builder.open(&world.cx).await.unwrap()
}

async fn approve(world: &World, until: Option<Time>) {
    let mut engine = engine(world).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let by = Approver::new("bo", Through::Review { review: "forge/17".into() });
    let approval = engine.approval_of(&world.cx, &plan, by).unwrap().until(until);
    engine.approve(&world.cx, approval).await.unwrap();
}

/// Keeps the application for so long, and gives how it stands then.
async fn works(world: &World, engine: &mut Engine, time: Duration) -> EngineStatus {
    let handle = engine.handle();
    engine.run(&world.cx.within(time).child(), HOUR).await.unwrap();
    let status = handle.status().borrow().clone();
    EngineStatus::clone(&status)
}

fn gates(notes: &[GateMessage]) -> Vec<&str> {
    notes.iter().map(|note| note.gate.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_was_approved_waits_for_the_window_alone_and_is_applied_when_that_opens() {
    let world = held().await;
    approve(&world, None).await;
    // What another process is told.
    let mut other = engine(&world).await;
    let plan = other.plan(&world.cx).await.unwrap();
    let verdict = other.verdict(&world.cx, &plan);
    assert_eq!(verdict.denied_until(), Some(opens()));
    let own: Vec<_> = verdict.each().map(|(own, note)| (own, note.approved_by.as_deref())).collect();
    assert_eq!(own, [(Strictness::Warn, Some("bo, review forge/17")), (Strictness::Deny, None)]);
    let error = other.apply(&world.cx, &plan, &ApplyOptions::by("ci")).await.unwrap_err();
    assert_eq!(error.to_string(), "a gate denies the plan (gate: window: closed)");
    drop(other);
    // It waits, also after another look.
    let mut engine = engine(&world).await;
    for _ in 0..2 {
        let status = works(&world, &mut engine, 4 * MINUTE).await;
        assert_eq!((gates(&status.denied), gates(&status.awaits_approval)), (vec!["window"], vec![]));
        assert_eq!((status.denied_until(), status.next), (Some(opens()), Some(opens())));
        assert_eq!(status.postponed.as_deref(), Some("a gate denies the plan (gate: window: closed)"));
        assert_eq!(world.contents()[0], owned(("a", "1")));
    }
    // The window opens long before the next look was due.
    let status = works(&world, &mut engine, 4 * MINUTE).await;
    assert_eq!(world.contents()[0], owned(("a", "2")), "{status:?}");
    assert_eq!((status.denied.len(), status.postponed), (0, None));
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_ends_before_the_window_opens_is_asked_for_again() {
    let world = held().await;
    approve(&world, Some(Time::default().after(5 * MINUTE))).await;
    let mut engine = engine(&world).await;
    let status = works(&world, &mut engine, 4 * MINUTE).await;
    assert_eq!((gates(&status.denied), gates(&status.awaits_approval)), (vec!["window"], vec![]));
    tokio::time::advance(2 * MINUTE).await;
    let status = works(&world, &mut engine, MINUTE).await;
    assert_eq!((gates(&status.denied), gates(&status.awaits_approval)), (vec!["window"], vec!["who"]));
    let error = status.last.unwrap().error.unwrap();
    let both = "a gate denies the plan (gate: window: closed, needs an approval: who: somebody looks at it (the approval by \
                bo, review forge/17 expired at 1970-01-01T00:05:00.000Z))";
    assert_eq!(error, both);
    // Once it is open, that alone is waited for.
    let status = works(&world, &mut engine, 10 * MINUTE).await;
    assert_eq!((gates(&status.denied), gates(&status.awaits_approval)), (vec![], vec!["who"]));
    assert_eq!(world.contents()[0], owned(("a", "1")));
}

/// A gate that names the time that it is, or one that is over, keeps no processor busy.
#[tokio::test(start_paused = true)]
async fn a_gate_that_names_a_time_that_is_over_is_not_asked_all_the_time() {
    let world = held().await;
    let asked = Arc::new(Mutex::new(0));
    let asks = asked.clone();
    let late = gate("late", 1, move |proposal: &Proposal<'_>| {
        *asks.lock().unwrap() += 1;
        Verdict::deny("late", "no").until(Some(proposal.now))
    });
    let builder = world.builder("test").gate(Arc::new(late)).target("t", world.memory.clone());
    let mut engine = builder.open(&world.cx).await.unwrap();
    works(&world, &mut engine, MINUTE).await;
    let asked = *asked.lock().unwrap();
    assert!((50..=200).contains(&asked), "{asked}");
}
