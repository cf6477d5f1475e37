//! Many applications in one process: their order, their fairness, and what a failing one costs the others.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::FutureExt;
use gitops_core::*;
use support::{World, owned, until, while_it_runs};
use tokio::sync::{Notify, Semaphore, watch};

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

const HOUR: Duration = Duration::from_secs(3600);

/// Where all that plan come by, and stay until they are let go.
struct Turnstile {
    entered: watch::Sender<Vec<&'static str>>,
    inside: AtomicUsize,
    most: AtomicUsize,
    let_go: Semaphore,
}

/// The source of one of them.
struct Through {
    name: &'static str,
    turnstile: Arc<Turnstile>,
}

#[async_trait]
impl Source for Through {
    fn info(&self) -> SourceInfo {
        SourceInfo::new(self.name, "files")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        let Turnstile { entered, inside, most, let_go } = &*self.turnstile;
        most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
        entered.send_modify(|entered| entered.push(self.name));
        let_go.acquire().await.unwrap().forget();
        inside.fetch_sub(1, SeqCst);
        Ok(Revision::new("1", ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files(self.name, revision.clone(), [("a", "1")])
    }
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Five applications of which so many may plan at once; those that may are inside, and all others wait for room.
async fn crowd(
    at_once: usize,
    work: impl AsyncFnOnce(&Turnstile, &[(&'static str, EngineHandle)], &Cx),
) -> Arc<Turnstile> {
    let (entered, let_go) = (watch::Sender::default(), Semaphore::new(0));
    let (inside, most) = (AtomicUsize::default(), AtomicUsize::default());
    let turnstile = Arc::new(Turnstile { entered, inside, most, let_go });
    let (supervisor, mut handles, mut worlds) = (Supervisor::new(at_once), Vec::new(), Vec::new());
    for name in NAMES {
        let world = World::with(&[]);
        let source = Arc::new(Through { name, turnstile: turnstile.clone() });
        let builder = world.builder(name).source(source).target("t", world.memory.clone());
        let engine = builder.open(&world.cx).await.unwrap();
        handles.push((name, supervisor.add(engine, &[], HOUR).unwrap()));
        worlds.push(world);
    }
    let cx = worlds[0].cx.clone();
    while_it_runs(&supervisor, async {
        let mut entered = turnstile.entered.subscribe();
        let inside = entered.wait_for(|entered| entered.len() >= at_once).await.unwrap().clone();
        for (_, handle) in handles.iter().filter(|(name, _)| !inside.contains(name)) {
            // The first may be answered on the way there; the next is only while it waits.
            for _ in 0..2 {
                handle.request(&cx, "ana", Request::Sync).await.unwrap();
            }
        }
        Box::pin(work(&turnstile, &handles, &cx)).await;
        for (_, handle) in &handles {
            until(handle, EngineStatus::is_converged).await;
        }
    })
    .await;
    turnstile
}

#[tokio::test]
async fn no_more_plan_at_once_than_may() {
    for at_once in [1, 2, 5] {
        let turnstile = crowd(at_once, async |turnstile, _, _| {
            assert_eq!(turnstile.entered.borrow().len(), at_once);
            turnstile.let_go.add_permits(100);
        })
        .await;
        assert_eq!(turnstile.most.load(SeqCst), at_once);
    }
}

#[tokio::test]
async fn who_has_waited_longest_is_next_and_who_comes_again_waits_behind() {
    let turnstile = crowd(1, async |turnstile, handles, cx| {
        let first = turnstile.entered.borrow()[0];
        let (_, greedy) = handles.iter().find(|(name, _)| *name == first).unwrap();
        greedy.requests().ask(cx, "ana", Request::Sync).await.unwrap();
        turnstile.let_go.add_permits(100);
        let mut entered = turnstile.entered.subscribe();
        let is_back = |entered: &Vec<&str>| entered[1..].contains(&first);
        entered.wait_for(is_back).await.unwrap();
    })
    .await;
    let entered = turnstile.entered.borrow().clone();
    let again = entered[1..].iter().position(|name| *name == entered[0]).unwrap();
    assert!(again >= NAMES.len() - 1, "all others were there before it came again: {entered:?}");
}

/// A source that panics as long as it is told to.
struct Panics {
    is_told: AtomicBool,
}

#[async_trait]
impl Source for Panics {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("panics", "files")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        assert!(!self.is_told.load(SeqCst), "told to panic");
        Ok(Revision::new("1", ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files("panics", revision.clone(), [("a", "1")])
    }
}

#[tokio::test]
async fn a_source_that_panics_fails_its_application_and_a_panic_of_an_engine_ends_that_one_alone() {
    let [ill, ended, good] = [(); 3].map(|()| World::with(&[("a", "1")]));
    let source = Arc::new(Panics { is_told: AtomicBool::new(true) });
    let builder = ill.builder("ill").source(source.clone()).target("t", ill.memory.clone());
    let sink = |event: &Event| {
        assert!(!matches!(event, Event::Resolved { .. }), "told to panic");
    };
    let broken = ended.builder("broken").target("t", ended.memory.clone()).events(Arc::new(sink));
    let supervisor = Supervisor::new(1);
    let ill = supervisor.add(builder.open(&ill.cx).await.unwrap(), &[], INTERVAL).unwrap();
    supervisor.add(broken.open(&ended.cx).await.unwrap(), &[], INTERVAL).unwrap();
    let handle = supervisor.add(good.engine_named("good").await, &[], INTERVAL).unwrap();
    while_it_runs(&supervisor, async {
        until(&handle, EngineStatus::is_converged).await;
        until(&ill, |status| status.last.as_ref().is_some_and(|last| last.error.is_some())).await;
        let error = supervisor.ended_of("broken").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
        assert_eq!(supervisor.ended().into_keys().collect::<Vec<_>>(), ["broken"]);
        good.declare(&[("a", "2")]);
        until(&handle, |status| status.is_converged() && good.contents() == [owned(("a", "2"))]).await;
        source.is_told.store(false, SeqCst);
        until(&ill, EngineStatus::is_converged).await;
    })
    .await;
}
