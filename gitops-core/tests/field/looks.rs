//! What a call looks at, where no watch tells of anything: all of it, or only what it is about, and then no later call is bound by that.

use std::sync::Arc;

use futures::FutureExt as _;
use gitops_core::*;

use crate::support::{World, body, key};

/// A target that tells of nothing by itself, and takes a moment for each look.
struct Silent(Arc<Memory>);

#[async_trait]
impl Target for Silent {
    fn info(&self) -> TargetInfo {
        self.0.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        tokio::task::yield_now().await;
        self.0.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.0.apply(cx, change).await
    }
}

#[tokio::test]
async fn a_plan_of_the_same_process_sees_drift_that_no_watch_tells_of_unless_it_is_to_pass_over_it() {
    let world = World::with(&[("a", "1")]);
    let silent = Arc::new(Silent(world.memory.clone()));
    let mut engine = world.builder("test").target("t", silent).open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    engine.plan(&world.cx).await.unwrap();
    world.memory.edit(&key("a"), Some(body("edited")));
    assert!(engine.plan_changed(&world.cx).await.unwrap().steps.is_empty());
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps.iter().map(|step| step.cause).collect::<Vec<_>>(), [Cause::Drift]);
}

/// A call that is given up half way leaves no wish of its own to the next one.
#[tokio::test]
async fn a_call_that_passed_over_drift_and_was_dropped_is_no_reason_to_pass_over_it_again() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    let silent = Arc::new(Silent(world.memory.clone()));
    let mut engine = world.builder("test").target("t", silent).open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    engine.plan(&world.cx).await.unwrap();
    let edit = || world.memory.edit(&key("a"), Some(body("edited")));

    world.declare(&[("a", "1"), ("b", "2")]);
    edit();
    assert!(engine.plan_changed(&world.cx).now_or_never().is_none());
    assert_eq!(engine.plan(&world.cx).await.unwrap().steps.len(), 2);
    engine.reconcile(&world.cx).await.unwrap();

    world.declare(&[("a", "1"), ("b", "3")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    edit();
    let at_once = ApplyOptions::by("alice").at_once();
    assert!(engine.apply(&world.cx, &plan, &at_once).now_or_never().is_none());
    assert_eq!(engine.plan(&world.cx).await.unwrap().steps.len(), 2);
}

#[tokio::test]
async fn a_plan_that_is_applied_at_once_looks_again_at_what_it_is_about_and_at_nothing_else() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    let silent = Arc::new(Silent(world.memory.clone()));
    let mut engine = world.builder("test").target("t", silent).open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    let at_once = ApplyOptions::by("alice").at_once();
    let edit = |name: &str| world.memory.edit(&key(name), Some(body("edited")));

    world.declare(&[("a", "2"), ("b", "1")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    edit("b");
    assert_eq!(engine.apply(&world.cx, &plan, &at_once).await.unwrap().applied(), 1);
    // The drift is the next plan's, and a plan with it that is applied otherwise is stale after the next edit.
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps.iter().map(|step| step.cause).collect::<Vec<_>>(), [Cause::Drift]);
    edit("a");
    let error = engine.apply(&world.cx, &plan, &ApplyOptions::by("alice")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    // By now the last plan is another one: what it is about is not known to have been looked at.
    assert_eq!(engine.apply(&world.cx, &plan, &at_once).await.unwrap_err().kind(), ErrorKind::Stale);

    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &at_once).await.unwrap();
    world.declare(&[("a", "3"), ("b", "1")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    edit("a");
    let error = engine.apply(&world.cx, &plan, &at_once).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    assert_eq!(world.memory.get(&key("a")).unwrap().body, body("edited"));
}
