use std::sync::{Arc, Mutex};

use gitops_core::*;

use crate::support::previews::{Previews, fields};
use crate::support::{World, key, yes};

/// A target whose deletes take things with them, and of which some fields belong to another client.
async fn engine(
    world: &World,
    takes: impl Fn(&Key) -> Vec<Taken> + Send + Sync + 'static,
    foreign: fn() -> Vec<ForeignField>,
) -> Engine {
    let target = Previews::over(world, move |key, object, live| {
        let preview = fields(object, live, Digest::of(b""));
        Ok(match object {
            None => preview.taking(takes(key)),
            Some(_) if live.is_some() => preview.among(foreign()),
            Some(_) => preview,
        })
    });
    world.builder("test").target("t", Arc::new(target)).open(&world.cx).await.unwrap()
}

const FILES: [(&str, &str); 3] = [("a", "1"), ("b", "2"), ("c", "3")];

/// Where people met it: a definition of a cluster's kind left the source, and took the objects of another team.
#[tokio::test]
async fn a_delete_that_takes_what_others_have_needs_an_approval_of_its_own() {
    let world = World::with(&FILES);
    let takes = |key: &Key| match key.name() {
        "a" => vec![Taken::new("Thing", Whose::Ours, ["x"]), Taken::new("Thing", Whose::Others, ["y", "z"])],
        _ => vec![Taken::unknown("Secret", "may not be listed")],
    };
    let mut engine = engine(&world, takes, Vec::new).await;
    engine.reconcile(&world.cx).await.unwrap();
    for left in [&[("b", "2"), ("c", "3")][..], &[("c", "3")]] {
        world.declare(left);
        let plan = engine.plan(&world.cx).await.unwrap();
        let Verdict::NeedsApproval { messages } = engine.verdict(&world.cx, &plan) else {
            panic!("{:?}", engine.verdict(&world.cx, &plan))
        };
        let of_blast: Vec<&GateMessage> =
            messages.iter().filter(|note| note.gate == "blast-radius").collect();
        let what = ["2 × Thing of others: y, z", "an unknown number of Secret (may not be listed)"];
        assert!(
            of_blast.len() == 1 && what.iter().any(|what| of_blast[0].message.ends_with(what)),
            "{messages:?}"
        );
        let error = engine.apply(&world.cx, &plan, &ApplyOptions::by("tester")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NeedsApproval);
        engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    }
}

/// What goes with a delete is part of what was approved.
#[tokio::test]
async fn a_plan_whose_delete_would_take_more_is_another_plan() {
    let world = World::with(&FILES);
    let there = Arc::new(Mutex::new(vec!["y"]));
    let now = there.clone();
    let takes = move |_: &Key| vec![Taken::new("Thing", Whose::Others, now.lock().unwrap().clone())];
    let mut engine = engine(&world, takes, Vec::new).await;
    engine.reconcile(&world.cx).await.unwrap();
    world.declare(&[("b", "2"), ("c", "3")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(engine.plan(&world.cx).await.unwrap().id, plan.id);
    there.lock().unwrap().push("z");
    let error = engine.apply(&world.cx, &plan, &yes()).await.unwrap_err();
    assert_eq!((error.is_stale(), world.memory.keys().len()), (true, 3), "{error}");
    let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    let told = |plan: &Plan| (plan.steps[0].takes[0].to_string(), plan.steps[0].takes[0].set);
    assert_eq!(told(&read), told(&plan), "a saved plan keeps what goes with a delete");
    assert_eq!(read.effect(), plan.effect());
}

/// Where people met it: one field that a scaler set, and the image was not rolled out for weeks.
#[tokio::test]
async fn a_field_of_another_client_blocks_itself_and_is_never_forgotten() {
    let world = World::with(&FILES);
    let foreign = || vec![ForeignField::new("/replicas", "a-scaler", ForeignOutcome::Blocked)];
    let mut engine = engine(&world, |_| Vec::new(), foreign).await;
    engine.reconcile(&world.cx).await.unwrap();
    world.declare(&[("a", "new"), ("b", "2"), ("c", "3")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!((plan.steps.len(), plan.steps[0].foreign.len()), (1, 1));
    let report = engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    assert_eq!((report.applied(), report.failed()), (1, 0), "the other fields are written");
    for _ in 0..2 {
        let plan = engine.plan(&world.cx).await.unwrap();
        let blocked: Vec<_> =
            plan.blocked.iter().map(|blocked| (&blocked.key, blocked.why.to_string())).collect();
        let why = "another client owns a declared field: `replicas` was set by `a-scaler`".to_owned();
        assert_eq!((plan.steps.len(), blocked), (0, vec![(&key("a"), why)]));
        engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    }
}

/// Where people met it: a namespace left the source while what was declared in it stayed: all of it was deleted, and the apply
/// said that the target is as declared.
#[tokio::test]
async fn a_delete_that_takes_what_is_declared_or_to_be_kept_is_held() {
    let world = World::with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let takes = |key_: &Key| match key_.name() {
        "a" => vec![Taken::new("Thing", Whose::Ours, ["b"]).of([key("b")])],
        _ => Vec::new(),
    };
    let mut engine = engine(&world, takes, Vec::new).await;
    engine.reconcile(&world.cx).await.unwrap();
    world.declare(&[("b", "2"), ("c", "4")]);
    for _ in 0..2 {
        let plan = engine.plan(&world.cx).await.unwrap();
        let why = BlockedBecause::TakesAlong { declared: vec![key("b")], kept: Vec::new() };
        assert_eq!(plan.blocked, [Blocked::new(key("a"), why)]);
        let report = engine.apply(&world.cx, &plan, &yes()).await.unwrap();
        assert!(!report.is_converged(), "{report:?}");
    }
    assert!(world.contents().iter().any(|(name, _)| name == "a"), "{:?}", world.contents());
    world.declare(&[("c", "4")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(plan.blocked.is_empty(), "both leave by now: {plan:?}");
}
