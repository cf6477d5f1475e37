//! What is protected, or to be kept, is not removed without an approval.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::capability::Preview;
use gitops_core::*;
use support::previews::Previews;
use support::{World, key};

/// The file `kept…` declares an object that is to be kept.
fn render(part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
    let body = Value::map([("content", Value::text_or_bytes(part.bytes()?))]);
    let object = Object::new(key(part.path()), body, part.provenance(0));
    Ok(vec![if part.path().starts_with("kept") { object.kept() } else { object }])
}

/// A target that can't change anything in place, and may protect its one kind.
async fn engine(world: &World, protects: bool) -> Engine {
    let rigid = Previews::over(world, |key, object, live| {
        let replace = (object.is_some() && live.is_some()).then(|| "it is set in stone".to_owned());
        let preview = Preview::new(Diff::default(), Digest::of(b"")).replacing(replace);
        Ok(preview.protecting(key.name() == "precious"))
    });
    let rigid = rigid.info(|info| info.protected(protects.then(|| GroupKind::new("", "K"))));
    let builder = world.builder("test").render(Arc::new(render_files("protected 1", render)));
    builder.target("t", Arc::new(rigid)).open(&world.cx).await.unwrap()
}

/// Applies the plan without its name, then with it; says what the first was told.
async fn refused_then_done(world: &World, engine: &mut Engine) -> String {
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(plan.steps.iter().any(|step| step.risk.contains(&Risk::Protected)), "{:?}", plan.steps);
    let writes = world.memory.writes();
    let error = engine.apply(&world.cx, &plan, &ApplyOptions::by("tester")).await.unwrap_err();
    assert_eq!((error.kind(), world.memory.writes()), (ErrorKind::NeedsApproval, writes));
    assert!(engine.apply(&world.cx, &plan, &support::yes()).await.unwrap().is_converged());
    error.to_string()
}

#[tokio::test]
async fn one_deletion_or_replacement_of_a_protected_kind_needs_an_approval() {
    let world = World::with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let mut engine = engine(&world, true).await;
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged(), "making something needs none");
    world.declare(&[("a", "1"), ("b", "2")]);
    insta::assert_snapshot!(refused_then_done(&world, &mut engine).await, @"the plan needs an approval (gate: mass-delete: the delete of t:K/-/c removes what is protected)");
    world.declare(&[("a", "new"), ("b", "2")]);
    insta::assert_snapshot!(refused_then_done(&world, &mut engine).await, @"the plan needs an approval (gate: mass-delete: the replace of t:K/-/a removes what is protected)");
}

#[tokio::test]
async fn what_is_not_protected_needs_none() {
    let world = World::with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let mut engine = engine(&world, false).await;
    for files in [&[("a", "1"), ("b", "2"), ("c", "3")][..], &[("a", "new"), ("b", "2")]] {
        world.declare(files);
        assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    }
}

#[tokio::test]
async fn what_is_to_be_kept_stays_and_is_replaced_only_with_an_approval() {
    let world = World::with(&[("kept", "1"), ("b", "2")]);
    let mut engine = engine(&world, false).await;
    engine.reconcile(&world.cx).await.unwrap();
    world.declare(&[("kept", "2"), ("b", "2")]);
    refused_then_done(&world, &mut engine).await;
    world.declare(&[("b", "2")]);
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.results.len(), report.plan.orphaned), (0, vec![key("kept")]));
    assert_eq!(world.memory.keys(), [key("b"), key("kept")]);
}

#[tokio::test]
async fn what_the_target_says_can_not_be_made_anew_needs_an_approval() {
    let world = World::with(&[("precious", "1"), ("b", "2"), ("c", "3")]);
    let mut engine = engine(&world, false).await;
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    world.declare(&[("precious", "2"), ("b", "2"), ("c", "3")]);
    refused_then_done(&world, &mut engine).await;
    world.declare(&[("b", "2"), ("c", "3")]);
    refused_then_done(&world, &mut engine).await;
}
