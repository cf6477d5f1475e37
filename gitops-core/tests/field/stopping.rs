//! A stop, a rollback or an approval that came at the wrong moment.
//!
//! Met with controllers that heard of an emergency stop when the sync that it was to stop was over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::FutureExt;
use gitops_core::*;

use crate::drift_meanwhile::{Patient, Paused, Slow};
use crate::support::{World, key, owned, until, while_it_runs, yes};
use crate::ward::{Ward, render};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A store that can't be watched, like one in a cluster, and whose requests can be kept from being read or answered.
#[derive(Default)]
struct Distant {
    inner: MemoryStore,
    /// Whether the next look at the requests fails.
    fails: AtomicBool,
    /// Whether no answer to a request can be written.
    refuses: AtomicBool,
    refused: AtomicUsize,
}

/// The test has it beside the engine.
struct Beside(Arc<Distant>);

#[async_trait]
impl StateStore for Beside {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        if name == Requests::DOCUMENT && self.0.fails.swap(false, SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "503"));
        }
        self.0.inner.load(cx, name).await
    }

    async fn swap(
        &self,
        cx: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        if name == Requests::DOCUMENT && self.0.refuses.load(SeqCst) {
            self.0.refused.fetch_add(1, SeqCst);
            return Err(Error::new(ErrorKind::Forbidden, "the requests are read-only"));
        }
        self.0.inner.swap(cx, name, expect, document).await
    }
}

fn suspend() -> Request {
    Request::Suspend { reason: "incident 17".to_owned() }
}

/// Another process asks to stop once `web` is being waited for, and hears the answer.
async fn stops(world: &World, cx: &Cx) {
    while world.memory.get(&key("web")).is_none() {
        tokio::task::yield_now().await;
    }
    let requests = Requests::new(world.store(), "test");
    let ticket = requests.ask(cx, "ana", suspend()).await.unwrap();
    requests.answered(cx, &ticket).await.expect("it is heard before the hour is over");
}

async fn slow_engine(world: &World) -> Engine {
    let slow = Arc::new(Slow(world.memory.clone()));
    world.builder("test").target("t", slow).ready_timeout(HOUR).open(&world.cx).await.unwrap()
}

#[tokio::test]
async fn a_stop_is_heard_while_something_becomes_ready_whatever_the_store_tells() {
    let world = World::with(&[("web", "1")]).storing(Beside(Arc::default()));
    let cx = world.cx.within(MINUTE).child();
    let mut engine = slow_engine(&world).await;
    let stop = async {
        stops(&world, &cx).await;
        cx.cancel();
    };
    let (ran, ()) = tokio::join!(Box::pin(engine.run(&cx, HOUR)), stop);
    ran.unwrap();
    assert!(engine.suspended(&world.cx).await.unwrap().is_some());
}

#[tokio::test]
async fn a_stop_ends_an_apply_by_hand_after_what_was_sent() {
    for store in [true, false] {
        let world = World::with(&[("web", "1"), ("z", "needs: web")]);
        let world = if store { world } else { world.storing(Beside(Arc::default())) };
        let cx = world.cx.within(MINUTE);
        let mut engine = slow_engine(&world).await;
        let plan = engine.plan(&cx).await.unwrap();
        let apply = async { engine.apply(&cx, &plan, &yes()).await };
        let (report, ()) = tokio::join!(Box::pin(apply), stops(&world, &cx));
        let report = report.unwrap();
        assert!(!report.is_converged(), "{report:?}");
        assert_eq!(world.contents(), [owned(("web", "1"))]);
        // The next process knows it.
        drop(engine);
        let error = world.engine().await.reconcile(&world.cx).await.unwrap_err();
        assert!(error.to_string().contains("incident 17"), "{error}");
    }
}

/// A reviewer takes an approval back on the forge, in another process, while somebody applies by hand what it covers.
#[tokio::test]
async fn a_rejection_on_a_forge_ends_an_apply_by_hand_and_what_is_left_asks_again() {
    for store in [true, false] {
        let world = World::with(&[("web", "1"), ("z", "needs: web")]);
        let world = if store { world } else { world.storing(Beside(Arc::default())) };
        let cx = world.cx.within(MINUTE);
        let asks = || {
            Arc::new(gate("new", 1, |proposal: &Proposal<'_>| match proposal.plan.steps.len() {
                0 => Verdict::Allow,
                _ => Verdict::needs_approval("new", "something is new"),
            }))
        };
        let slow = Arc::new(Slow(world.memory.clone()));
        let builder = world.builder("test").target("t", slow).gate(asks()).ready_timeout(HOUR);
        let mut engine = builder.open(&world.cx).await.unwrap();
        let plan = engine.plan(&cx).await.unwrap();
        let review = Through::Review { review: "gitea platform/site#7: review 5".to_owned() };
        let approval = engine.approval_of(&cx, &plan, Approver::new("bob", review)).unwrap();
        engine.approve(&cx, approval).await.unwrap();
        let reject = async {
            while world.memory.get(&key("web")).is_none() {
                tokio::task::yield_now().await;
            }
            let requests = Requests::new(world.store(), "test");
            let reject =
                Request::Reject { plan: None, reason: "its reviewers no longer approve it".to_owned() };
            let ticket = requests.ask(&cx, "gitea platform/site#7", reject).await.unwrap();
            requests.answered(&cx, &ticket).await.expect("it is heard before the hour is over");
        };
        let apply = async { engine.apply(&cx, &plan, &ApplyOptions::by("ana")).await };
        let (report, ()) = tokio::join!(Box::pin(apply), reject);
        assert!(!report.unwrap().is_converged());
        assert_eq!(world.contents(), [owned(("web", "1"))], "what was sent is made, and nothing after it");
        drop(engine);
        // The next process knows it, and asks.
        let builder = world.builder("test").target("t", world.memory.clone()).gate(asks());
        let mut next = builder.open(&world.cx).await.unwrap();
        assert!(next.inventory().approvals().is_empty());
        let plan = next.plan(&world.cx).await.unwrap();
        assert!(matches!(next.verdict(&world.cx, &plan), Verdict::NeedsApproval { .. }));
        let error = next.apply(&world.cx, &plan, &ApplyOptions::by("ana")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NeedsApproval);
        assert_eq!(world.contents(), [owned(("web", "1"))]);
    }
}

#[tokio::test]
async fn what_is_asked_while_a_plan_is_made_comes_before_what_the_plan_does() {
    // The plan that is shown comes first, where somebody applies by hand.
    for nth in [0, 1] {
        let world = World::with(&[("a", "1")]);
        let (requests, cx, planned) =
            (Requests::new(world.store(), "test"), world.cx.clone(), AtomicUsize::new(0));
        let asks = move |event: &Event| {
            if matches!(event, Event::Planned { .. }) && planned.fetch_add(1, SeqCst) == nth {
                requests.ask(&cx, "ana", suspend()).now_or_never().expect("it is in memory").unwrap();
            }
        };
        let builder = world.builder("test").target("t", world.memory.clone()).events(Arc::new(asks));
        let mut engine = builder.open(&world.cx).await.unwrap();
        if nth == 1 {
            let plan = engine.plan(&world.cx).await.unwrap();
            let error = engine.apply(&world.cx, &plan, &yes()).await.unwrap_err();
            assert!(error.to_string().contains("incident 17"), "{error}");
        } else {
            let (cx, mut status) = (world.cx.within(MINUTE).child(), engine.handle().status());
            let until = async {
                status.wait_for(|status| status.suspended.is_some()).await.unwrap();
                cx.cancel();
            };
            let (ran, ()) = tokio::join!(Box::pin(engine.run(&cx, HOUR)), until);
            ran.unwrap();
        }
        assert_eq!(world.contents(), []);
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_keeps_nobody_busy() {
    let store = Arc::<Distant>::default();
    let world = World::with(&[("a", "1")]).storing(Beside(store.clone()));
    Requests::new(world.store(), "test").ask(&world.cx, "ana", Request::Sync).await.unwrap();
    store.refuses.store(true, SeqCst);
    world.engine().await.run(&world.cx.within(Duration::from_secs(2)), HOUR).await.unwrap();
    let tries = store.refused.load(SeqCst);
    assert!((1..20).contains(&tries), "it is tried again with growing waits: {tries}");
}

/// A supervisor over `base`, which does not converge, and `test`, which needs it.
async fn behind(base: &World, engine: Engine) -> (Supervisor, EngineHandle) {
    base.refuse("a");
    let supervisor = Supervisor::new(2);
    supervisor.add(base.engine_named("base").await, &[], MINUTE).unwrap();
    let handle = supervisor.add(engine, &["base"], MINUTE).unwrap();
    (supervisor, handle)
}

#[tokio::test]
async fn a_rollback_waits_for_no_other_application() {
    let (base, world) = (World::with(&[("a", "1")]), World::with(&[]));
    let builder = world.builder("test").source(Arc::new(Patient::default()));
    let engine = builder.target("t", world.memory.clone()).open(&world.cx).await.unwrap();
    let (supervisor, handle) = behind(&base, engine).await;
    while_it_runs(&supervisor, async {
        until(&handle, |status| status.waits_for.is_some()).await;
        let back = Request::pin(Revision::new("before", ""));
        handle.request(&world.cx, "ana", back).await.unwrap();
        until(&handle, |status| status.waits_for.is_none() && status.is_converged()).await;
        assert_eq!(world.contents(), [owned(("a", "before"))]);
        handle.request(&world.cx, "ana", Request::unpin()).await.unwrap();
        until(&handle, |status| status.waits_for.is_some()).await;
        assert_eq!(world.contents(), [owned(("a", "before"))], "what is new waits as before");
    })
    .await;
}

#[tokio::test]
async fn a_hiccup_of_the_store_ends_no_application_that_waits_for_another() {
    let store = Arc::<Distant>::default();
    let (base, world) =
        (World::with(&[("a", "1")]), World::with(&[("b", "2")]).storing(Beside(store.clone())));
    let (supervisor, handle) = behind(&base, world.engine().await).await;
    while_it_runs(&supervisor, async {
        until(&handle, |status| status.waits_for.is_some()).await;
        store.fails.store(true, SeqCst);
        base.allow();
        until(&handle, EngineStatus::is_converged).await;
        assert_eq!(world.contents(), [owned(("b", "2"))]);
    })
    .await;
}

#[tokio::test]
async fn a_rollback_is_not_blocked_by_what_is_not_ready() {
    let world = World::with(&[]);
    let ward = Ward::of(&world);
    let source = Arc::new(Patient { others: vec![("b", "1 needs=a")], ..Patient::default() });
    let open = async || {
        let builder = world.builder("test").source(source.clone());
        let builder = builder.render(Arc::new(render_files("words 1", render)));
        builder.target("t", ward.clone()).open(&world.cx).await.unwrap()
    };
    ward.fails("a");
    assert!(!open().await.reconcile(&world.cx).await.unwrap().is_converged());
    assert!(world.memory.get(&key("b")).is_none(), "what is new waits for what is not ready");
    open().await.pin(&world.cx, "before", "ana").await.unwrap();
    for _ in 0..2 {
        open().await.reconcile(&world.cx).await.unwrap();
        assert_eq!(world.contents(), [("a", "before"), ("b", "1 needs=a")].map(owned));
    }
}

/// Another process asks, and the store of the state can't be watched, like one in a cluster.
#[tokio::test(start_paused = true)]
async fn an_engine_at_rest_hears_of_an_emergency_stop_within_a_second() {
    for is_watched in [true, false] {
        let world = World::with(&[("a", "1")]);
        let mut world = if is_watched { world } else { world.storing(Beside(Arc::default())) };
        world.cx = Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(System));
        let mut engine = world.engine().await;
        let (handle, cx) = (engine.handle(), world.cx.child());
        let stop = async {
            until(&handle, |status| status.is_converged() && status.next.is_some()).await;
            // Somewhere in between two looks.
            world.cx.sleep(Duration::from_millis(3300)).await.unwrap();
            let asked = world.cx.now();
            Requests::new(world.store(), "test").ask(&world.cx, "ana", suspend()).await.unwrap();
            until(&handle, |status| status.suspended.is_some()).await;
            assert!(
                world.cx.now().since(asked) <= Duration::from_secs(1),
                "{:?}",
                world.cx.now().since(asked)
            );
            cx.cancel();
        };
        let (ended, ()) = tokio::join!(engine.run(&cx, HOUR), stop);
        ended.unwrap();
    }
}
