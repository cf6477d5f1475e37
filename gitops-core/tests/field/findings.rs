//! What an approval of one finding says of others, and which of several approvals is told of: people approved once, and the
//! next question named a reason that was not theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use gitops_core::*;

use crate::support::{World, body, key};

fn bo() -> Approver {
    Approver::new("bo", Through::Review { review: "forge/17".into() })
}

fn messages(verdict: &Verdict) -> Vec<&str> {
    verdict.messages().iter().map(|note| note.message.as_str()).collect()
}

async fn gated(world: &World, gate: Arc<dyn Gate>) -> Engine {
    world.open_with(|builder| builder.gate(gate), "test").await.unwrap()
}

/// Who approved last is told why that does not count any more, and not what became of an approval before it.
#[tokio::test]
async fn of_two_approvals_that_do_not_cover_a_plan_the_reason_of_the_newer_one_is_told() {
    let updates = |rule: u32| {
        Arc::new(gate("updates", rule, |proposal: &Proposal<'_>| {
            let keys = proposal.plan.steps.iter().map(|step| step.key.clone());
            Verdict::needs_approval("updates", "something is updated").naming(keys)
        }))
    };
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    world.declare(&[("a", "2")]);
    let mut latest = None;
    for rule in [1, 2] {
        drop(latest.take());
        let mut engine = gated(&world, updates(rule)).await;
        let plan = engine.plan(&world.cx).await.unwrap();
        engine.approve(&world.cx, engine.approval_of(&world.cx, &plan, bo()).unwrap()).await.unwrap();
        latest = Some(engine);
    }
    let mut engine = latest.unwrap();
    assert_eq!(engine.inventory().approvals().iter().count(), 2);
    world.memory.edit(&key("a"), Some(body("theirs")));
    let plan = engine.plan(&world.cx).await.unwrap();
    let verdict = engine.verdict(&world.cx, &plan);
    let message = messages(&verdict)[0];
    assert!(message.contains("it would now have another effect"), "{message}");
    assert!(!message.contains("the gate has another rule now"), "{message}");
}

/// Somebody approved what a gate said of one object: that is no word about another one, though that changed too.
#[tokio::test]
async fn an_approval_of_one_finding_lifts_no_other_one_of_the_same_gate() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    let of_b = Arc::new(AtomicBool::new(false));
    let asks = of_b.clone();
    let finding = move || {
        let name = if asks.load(SeqCst) { "b" } else { "a" };
        Verdict::needs_approval("always", "it has no owner").naming([key(name)])
    };
    let mut engine = gated(&world, Arc::new(gate("always", 1, move |_: &Proposal<'_>| finding()))).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.approve(&world.cx, engine.approval_of(&world.cx, &plan, bo()).unwrap()).await.unwrap();
    assert!(matches!(engine.verdict(&world.cx, &plan), Verdict::Warn { .. }));
    of_b.store(true, SeqCst);
    assert!(matches!(engine.verdict(&world.cx, &plan), Verdict::NeedsApproval { .. }));
}

/// A gate that nobody asked for an approval before has no other rule now: it is another gate.
#[tokio::test]
async fn a_new_gate_asks_without_a_word_about_approvals_of_another_one() {
    let world = World::with(&[("a", "1")]);
    let named = |name: &'static str| {
        let says =
            move |_: &Proposal<'_>| Verdict::needs_approval(name, "it has no owner").naming([key("a")]);
        Arc::new(gate(name, 1, says))
    };
    let mut engine = gated(&world, named("owners")).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.approve(&world.cx, engine.approval_of(&world.cx, &plan, bo()).unwrap()).await.unwrap();
    drop(engine);
    let mut engine = gated(&world, named("freeze")).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let verdict = engine.verdict(&world.cx, &plan);
    assert_eq!(messages(&verdict), ["it has no owner"], "{verdict:?}");
}
