//! Many applications in one process: their order, their fairness, and what a failing one costs the others.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use gitops_core::*;
use support::{World, owned, until, while_it_runs};
use tokio::sync::{Notify, Semaphore};

const INTERVAL: Duration = Duration::from_millis(5);

#[tokio::test]
async fn an_application_waits_until_what_it_needs_has_converged_and_the_others_do_not() {
    let (base, app, other) =
        (World::with(&[("a", "1")]), World::with(&[("b", "2")]), World::with(&[("c", "3")]));
    base.refuse("a");
    let supervisor = Supervisor::new(1);
    // A need may come later than who has it.
    let waiting = supervisor.add(app.engine_named("app").await, &["base"], INTERVAL).unwrap();
    let needed = supervisor.add(base.engine_named("base").await, &[], INTERVAL).unwrap();
    let free = supervisor.add(other.engine_named("other").await, &[], INTERVAL).unwrap();
    while_it_runs(&supervisor, async {
        until(&free, EngineStatus::is_converged).await;
        until(&needed, |status| status.last.is_some()).await;
        let status = until(&waiting, |status| status.waits_for.is_some()).await;
        assert_eq!(status.waits_for.as_deref(), Some("base"));
        assert!(app.memory.keys().is_empty());
        base.allow();
        until(&waiting, EngineStatus::is_converged).await;
        assert_eq!(app.memory.keys().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn applications_come_and_go_while_it_runs() {
    let (first, second) = (World::with(&[("a", "1")]), World::with(&[("b", "2")]));
    let supervisor = Supervisor::new(4);
    let one = supervisor.add(first.engine_named("one").await, &[], INTERVAL).unwrap();
    while_it_runs(
        &supervisor,
        Box::pin(async {
            until(&one, EngineStatus::is_converged).await;
            let two = supervisor.add(second.engine_named("two").await, &["one"], INTERVAL).unwrap();
            until(&two, EngineStatus::is_converged).await;
            supervisor.remove("one").await.unwrap();
            assert_eq!(supervisor.remove("one").await.unwrap_err().kind(), ErrorKind::NotFound);
            supervisor.ended_of("one").await.unwrap();
            // It has stopped, and another engine may take its place at once.
            let again = supervisor.add(first.engine_named("one").await, &[], INTERVAL).unwrap();
            until(&again, EngineStatus::is_converged).await;
            supervisor.remove("one").await.unwrap();
            assert_eq!(supervisor.handles().into_keys().collect::<Vec<_>>(), ["two"]);
            assert_eq!(first.memory.keys().len(), 1, "what it owns stays");
            // Who needed it takes up nothing new, and says why.
            second.declare(&[("b", "2"), ("c", "3")]);
            until(&two, |status| status.waits_for.as_deref() == Some("one")).await;
            assert_eq!(second.memory.keys().len(), 1);
        }),
    )
    .await;
}

#[tokio::test]
async fn needs_in_a_circle_and_a_name_that_is_taken_are_refused() {
    let world = World::with(&[("a", "1")]);
    let supervisor = Supervisor::new(4);
    supervisor.add(world.engine_named("x").await, &["y"], INTERVAL).unwrap();
    let error = supervisor.add(World::with(&[]).engine_named("y").await, &["x"], INTERVAL).unwrap_err();
    assert!(error.to_string().contains('x') && error.to_string().contains('y'), "{error}");
    let error = supervisor.add(World::with(&[]).engine_named("x").await, &[], INTERVAL).unwrap_err();
    assert!(error.to_string().contains("`x` already"), "{error}");
    assert_eq!(supervisor.handles().len(), 1);
}

#[tokio::test]
async fn a_lost_state_ends_one_application_and_an_emergency_stop_reaches_all_others() {
    let (broken, good) = (World::with(&[("a", "1")]), World::with(&[("b", "1")]));
    let damaged = Document { epoch: 0, bytes: b"{".to_vec() };
    broken.store().swap(&broken.cx, Requests::DOCUMENT, None, damaged).await.unwrap();
    let supervisor = Supervisor::new(4);
    supervisor.add(broken.engine_named("broken").await, &[], INTERVAL).unwrap();
    let handle = supervisor.add(good.engine_named("good").await, &[], INTERVAL).unwrap();
    while_it_runs(&supervisor, async {
        until(&handle, EngineStatus::is_converged).await;
        let error = supervisor.ended_of("broken").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert_eq!(supervisor.ended().into_keys().collect::<Vec<_>>(), ["broken"]);
        supervisor.remove("broken").await.unwrap();
        let refused = supervisor.suspend_all(&good.cx, "incident 17", "ana").await;
        assert!(refused.is_empty(), "{refused:?}");
        good.declare(&[("b", "2")]);
        until(&handle, |status| status.suspended.is_some() && status.sync == SyncStatus::OutOfSync).await;
        assert_eq!(good.contents(), [support::owned(("b", "1"))]);
    })
    .await;
}

/// A target whose changes end only when they are let.
struct Stuck {
    memory: Arc<Memory>,
    entered: Notify,
    let_go: Semaphore,
}

#[async_trait]
impl Target for Stuck {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.entered.notify_one();
        let _permit = self.let_go.acquire().await;
        self.memory.apply(cx, change).await
    }
}

/// Met with a file that was edited twice in a row: the application that came again counted as gone with the engine before it.
#[tokio::test]
async fn an_application_that_comes_again_while_the_one_before_stops_is_another_one() {
    let (first, second) = (World::with(&[("a", "1")]), World::with(&[("b", "1")]));
    let target = Stuck { memory: first.memory.clone(), entered: Notify::new(), let_go: Semaphore::new(0) };
    let target = Arc::new(target);
    let old = first.builder("one").target("t", target.clone()).open(&first.cx).await.unwrap();
    let supervisor = Supervisor::new(4);
    supervisor.add(old, &[], INTERVAL).unwrap();
    let work = Box::pin(async {
        target.entered.notified().await;
        let mut removed = Box::pin(supervisor.remove("one"));
        assert!((&mut removed).now_or_never().is_none(), "its change is under way");
        let new = supervisor.add(second.engine_named("one").await, &[], INTERVAL).unwrap();
        until(&new, EngineStatus::is_converged).await;
        assert!((&mut removed).now_or_never().is_none(), "the one before is still there");
        target.let_go.add_permits(1);
        removed.await.unwrap();
        assert!(supervisor.ended_of("one").now_or_never().is_none(), "the new one is at work");
        second.declare(&[("b", "2")]);
        until(&new, |status| status.is_converged() && second.contents() == [owned(("b", "2"))]).await;
        supervisor.remove("one").await.unwrap();
        supervisor.ended_of("one").await.unwrap();
    });
    while_it_runs(&supervisor, work).await;
    assert_eq!(first.contents(), [owned(("a", "1"))], "the change that was under way was brought to its end");
}

#[tokio::test]
async fn an_application_that_is_abandoned_writes_nothing_more_and_may_come_again() {
    let world = World::with(&[("a", "1")]);
    let target = Stuck { memory: world.memory.clone(), entered: Notify::new(), let_go: Semaphore::new(0) };
    let target = Arc::new(target);
    let old = world.builder("one").target("t", target.clone()).open(&world.cx).await.unwrap();
    let supervisor = Supervisor::new(4);
    supervisor.add(old, &[], INTERVAL).unwrap();
    let work = Box::pin(async {
        target.entered.notified().await;
        supervisor.abandon("one").unwrap();
        supervisor.ended_of("one").await.unwrap();
        target.let_go.add_permits(1);
        assert!(world.contents().is_empty(), "its change was under way, and was not brought to its end");
        assert_eq!(supervisor.abandon("one").unwrap_err().kind(), ErrorKind::NotFound);
        let new = world.builder("one").target("t", world.memory.clone()).open(&world.cx).await.unwrap();
        let new = supervisor.add(new, &[], INTERVAL).unwrap();
        until(&new, EngineStatus::is_converged).await;
    });
    while_it_runs(&supervisor, work).await;
    assert_eq!(world.contents(), [owned(("a", "1"))]);
}

/// Met in an incident: an application waited for another one, and its status did not say that somebody had suspended it.
#[tokio::test]
async fn an_application_that_waits_for_another_one_says_that_it_is_suspended() {
    let world = World::with(&[("a", "1")]);
    let supervisor = Supervisor::new(4);
    let handle = supervisor.add(world.engine_named("app").await, &["base"], INTERVAL).unwrap();
    while_it_runs(&supervisor, async {
        until(&handle, |status| status.waits_for.is_some()).await;
        let suspend = Request::Suspend { reason: "incident 17".into() };
        handle.request(&world.cx, "ana", suspend).await.unwrap();
        let status = until(&handle, |status| status.suspended.is_some()).await;
        assert_eq!(status.waits_for.as_deref(), Some("base"));
        handle.request(&world.cx, "ana", Request::Resume).await.unwrap();
        until(&handle, |status| status.suspended.is_none()).await;
    })
    .await;
}
