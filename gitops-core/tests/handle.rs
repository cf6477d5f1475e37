//! An engine that is open while it works: what others see of it, and what they ask of it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use gitops_core::*;
use support::{World, key, owned, until};

/// Runs the engine while somebody does something with its handle, and then stops it.
async fn while_it_runs<F: Future<Output = ()>>(world: &World, work: impl FnOnce(EngineHandle) -> F) {
    let mut engine = world.engine().await;
    let handle = engine.handle();
    let run = engine.run(&world.cx, Duration::from_millis(5));
    let work = async {
        Box::pin(work(handle)).await;
        world.cx.cancel();
    };
    let both = async { Ok(tokio::join!(Box::pin(run), work)) };
    let limit = Cx::system().within(Duration::from_secs(60));
    let (ran, ()) = limit.bounded(both).await.expect("it ends when it is told to");
    ran.unwrap();
}

#[tokio::test]
async fn who_asks_in_the_same_process_is_heard_and_answered_whatever_the_store_tells() {
    let world = World::with(&[("a", "1")]).storing(Deaf { silent: true, ..Deaf::default() });
    let mut engine = world.engine().await;
    let handle = engine.handle();
    let run = engine.run(&world.cx, Duration::from_secs(3600));
    let work = async {
        until(&handle, EngineStatus::is_converged).await;
        for reason in ["first", "second"] {
            let request = Request::Suspend { reason: reason.into() };
            handle.request(&world.cx, "ana", request).await.unwrap();
            handle.request(&world.cx, "ana", Request::Resume).await.unwrap();
        }
        world.cx.cancel();
    };
    let both = async { Ok(tokio::join!(Box::pin(run), work)) };
    let limit = Cx::system().within(Duration::from_secs(60));
    let (ran, ()) = limit.bounded(both).await.expect("nobody waits for the next look");
    ran.unwrap();
}

#[tokio::test]
async fn somebody_who_is_not_the_engine_sees_what_it_does_and_approves_what_it_wants() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let world = World::with(&names.map(|name| (name, "1")));
    world.converge().await;
    world.declare(&[("a", "1"), ("b", "2")]);
    while_it_runs(&world, async |handle| {
        // What needs nobody is done; the rest waits, and the status says for what.
        let status = until(&handle, |status| !status.awaits_approval.is_empty()).await;
        assert_eq!(status.awaits_approval[0].gate, "mass-delete");
        until(&handle, |status| status.blocked.len() == 8).await;
        let plan = handle.plans().borrow().clone().unwrap();
        let approver = Approver::new("bo", Through::Terminal { uid: 1000 });
        let findings = status.awaits_approval.clone();
        let rule = MassDelete.fingerprint();
        let approval =
            Approval::new(&plan, findings.into_iter().map(|found| (found, rule)), approver, world.cx.now());
        let request = Request::Approve { approval: Box::new(approval.unwrap()) };
        handle.request(&world.cx, "bo", request).await.unwrap();
        until(&handle, EngineStatus::is_converged).await;
    })
    .await;
    assert_eq!(world.contents(), [owned(("a", "1")), owned(("b", "2"))]);
}

#[tokio::test]
async fn a_running_engine_is_suspended_and_resumed_by_another_process() {
    let world = World::with(&[("a", "1")]);
    while_it_runs(&world, async |handle| {
        until(&handle, EngineStatus::is_converged).await;
        // Another process has only the store.
        let requests = Requests::new(world.store(), "test");
        let ask = async |request| {
            let ticket = requests.ask(&world.cx, "ana", request).await.unwrap();
            requests.answered(&world.cx, &ticket).await
        };
        ask(Request::Suspend { reason: "incident 17".into() }).await.unwrap();
        world.declare(&[("a", "2")]);
        let status =
            until(&handle, |status| status.suspended.is_some() && status.sync == SyncStatus::OutOfSync).await;
        assert_eq!(status.suspended.as_ref().unwrap().reason, "incident 17");
        assert_eq!(world.contents(), [owned(("a", "1"))], "it is seen, and not written");
        ask(Request::Resume).await.unwrap();
        until(&handle, |status| status.is_converged() && status.suspended.is_none()).await;
        assert_eq!(world.contents(), [owned(("a", "2"))]);
        let error = ask(Request::Resume).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.to_string().contains("not suspended"), "{error}");
    })
    .await;
    let by: Vec<String> = world
        .audit
        .entries()
        .iter()
        .filter(|entry| matches!(entry.what, AuditEvent::Suspended { .. } | AuditEvent::Resumed))
        .map(|entry| entry.actor.clone())
        .collect();
    assert_eq!(by, ["ana", "ana"]);
}

/// Met with an incident: the application was suspended, somebody edited what the next commit changes, and only a plan at a terminal said so.
#[tokio::test]
async fn a_running_engine_that_may_not_write_tells_of_drift_beside_a_pending_commit() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    while_it_runs(&world, async |handle| {
        until(&handle, EngineStatus::is_converged).await;
        let suspend = Request::Suspend { reason: "incident 17".into() };
        handle.request(&world.cx, "ana", suspend).await.unwrap();
        world.declare(&[("a", "2"), ("b", "1")]);
        world.memory.edit(&key("a"), None);
        let mut plans = handle.plans();
        let tells = |plan: &Option<Arc<Plan>>| plan.as_ref().is_some_and(|plan| !plan.beside.is_empty());
        let plan = plans.wait_for(tells).await.unwrap().clone().unwrap();
        assert_eq!(plan.drift_beside(&key("a")).map(|beside| &beside.found), Some(&FoundBeside::Deleted));
        handle.request(&world.cx, "ana", Request::Resume).await.unwrap();
        until(&handle, |status| status.is_converged() && status.suspended.is_none()).await;
        assert!(!tells(&handle.plans().borrow()), "it was put right");
    })
    .await;
}

#[tokio::test]
async fn a_request_for_another_application_is_refused_by_the_one_that_finds_it() {
    let world = World::with(&[("a", "1")]);
    while_it_runs(&world, async |_| {
        let requests = Requests::new(world.store(), "other");
        let ticket = requests.ask(&world.cx, "ana", Request::Sync).await.unwrap();
        let error = requests.answered(&world.cx, &ticket).await.unwrap_err();
        assert!(error.to_string().contains("is for `other`, and this is `test`"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn events_are_heard_by_who_comes_later() {
    let world = World::with(&[("a", "1")]);
    while_it_runs(&world, async |handle| {
        let mut events = handle.events();
        until(&handle, EngineStatus::is_converged).await;
        while !matches!(events.recv().await.unwrap(), Event::Planned { .. }) {}
    })
    .await;
}

#[tokio::test]
async fn a_speculative_plan_leaves_no_trace() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    world.converge().await;
    let mut engine = world.engine().await;
    let before = engine.plan(&world.cx).await.unwrap();
    let (journal, audit) = (world.journal(), world.audit.entries().len());
    // The revision of another branch: one object changes, one goes, one comes.
    let files = [("a", "2"), ("c", "1")];
    let other = Snapshot::from_files("test", Revision::new("other", ""), files).unwrap();
    let speculative = engine.plan_of(&world.cx, other).await.unwrap();
    let steps: Vec<String> =
        speculative.plan.steps.iter().map(|step| format!("{} {}", step.action, step.key.name())).collect();
    assert_eq!(steps, ["delete b", "update a", "create c"]);
    assert_eq!(speculative.plan.revision.id(), "other");
    // The engine knows what it knew, and nothing was written anywhere.
    assert_eq!((world.journal(), world.audit.entries().len()), (journal, audit));
    let after = engine.plan(&world.cx).await.unwrap();
    assert_eq!((after.id, &after.revision), (before.id, &before.revision));
    assert!(after.is_empty());
    assert_eq!(engine.inventory().accepted(), Some(&before.revision));
    // It can't be applied: what is applied is what the source says.
    let error = engine.apply(&world.cx, &speculative.plan, &support::yes()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
}

#[tokio::test]
async fn requests_are_answered_one_by_one_and_can_be_taken_back() {
    let (folder, cx) = (tempfile::tempdir().unwrap(), Cx::system());
    let store = || Arc::new(FileStore::open(folder.path()).unwrap());
    let (ana, bo) = (Requests::new(store(), "shop"), Requests::new(store(), "shop"));
    let first = ana.ask(&cx, "ana", Request::Sync).await.unwrap();
    let second = bo.ask(&cx, "bo", Request::Resume).await.unwrap();
    assert_eq!(ana.answer(&cx, &first).await.unwrap(), None);
    assert!(bo.withdraw(&cx, &first).await.unwrap());
    assert!(!bo.withdraw(&cx, &first).await.unwrap());
    assert_eq!(bo.answer(&cx, &second).await.unwrap(), None);
    assert_eq!(ana.answer(&cx, &first).await.unwrap_err().kind(), ErrorKind::NotFound);
    for _ in 0..63 {
        ana.ask(&cx, "ana", Request::Sync).await.unwrap();
    }
    let error = ana.ask(&cx, "ana", Request::Sync).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("64 requests wait already"), "{error}");
}

async fn status_after(world: &World, engine: &mut Engine) -> Arc<EngineStatus> {
    let _ = engine.reconcile(&world.cx).await;
    engine.handle().status().borrow().clone()
}

#[tokio::test]
async fn no_status_says_synced_of_what_is_not() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    world.converge().await;
    // A repair that fails.
    let mut engine = world.engine().await;
    world.memory.edit(&key("a"), Some(support::body("theirs")));
    world.refuse("a");
    let status = status_after(&world, &mut engine).await;
    assert_eq!((status.sync, status.is_converged()), (SyncStatus::OutOfSync, false));
    world.allow();
    assert_eq!(status_after(&world, &mut engine).await.sync, SyncStatus::Synced);
    drop(engine);
    // Drift that is only reported.
    let reported = Options::default().drift(DriftPolicy::Report);
    let mut engine = world.open_with(|builder| builder.options(reported), "test").await.unwrap();
    world.memory.edit(&key("a"), Some(support::body("theirs")));
    assert_eq!(status_after(&world, &mut engine).await.sync, SyncStatus::OutOfSync);
    world.memory.edit(&key("a"), Some(support::body("1")));
    assert_eq!(status_after(&world, &mut engine).await.sync, SyncStatus::Synced);
    // A reconciliation that can't be made: nobody knows.
    world.declare(&[("a", "fault: x")]);
    let status = status_after(&world, &mut engine).await;
    assert_eq!((status.sync, status.phase), (SyncStatus::Unknown, Phase::Idle));
    assert!(status.last.as_ref().is_none_or(|last| last.result.is_none()));
}

#[tokio::test]
async fn a_revision_that_is_only_kept_is_not_told_as_in_sync() {
    let world = World::with(&[("a", "1")]);
    while_it_runs(&world, async |handle| {
        until(&handle, EngineStatus::is_converged).await;
        let mut events = handle.events();
        world.declare(&[("a", "fault: x")]);
        while !matches!(events.recv().await.unwrap(), Event::KeepsAccepted { .. }) {}
        let status = until(&handle, |status| status.phase == Phase::Idle).await;
        assert_eq!(status.sync, SyncStatus::Unknown);
        let last = status.last.clone().unwrap();
        assert_eq!((last.result, last.error.as_deref()), (None, Some("a: fault: x")));
    })
    .await;
}

/// A store whose watch always fails; or tells nobody, as that of a file tells one of two who wait for the same document.
#[derive(Default)]
struct Deaf {
    inner: MemoryStore,
    silent: bool,
}

#[async_trait]
impl StateStore for Deaf {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        self.inner.load(cx, name).await
    }

    async fn swap(
        &self,
        cx: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        self.inner.swap(cx, name, expect, document).await
    }

    fn watch(&self) -> Option<&dyn StoreWatch> {
        Some(self)
    }
}

#[async_trait]
impl StoreWatch for Deaf {
    async fn changed(&self, cx: &Cx, _: &str) -> Result<()> {
        match self.silent {
            true => cx.bounded(std::future::pending()).await,
            false => Err(Error::new(ErrorKind::Unavailable, "the watch is blind")),
        }
    }
}

#[tokio::test]
async fn a_store_whose_watch_fails_stops_no_sync_and_its_requests_are_taken_up_all_the_same() {
    let world = World::with(&[("a", "1"), ("b", "1"), ("c", "needs: a")]).storing(Deaf::default());
    while_it_runs(&world, async |handle| {
        until(&handle, EngineStatus::is_converged).await;
        let ticket = handle.requests().ask(&world.cx, "ana", Request::Sync).await.unwrap();
        while handle.requests().answer(&world.cx, &ticket).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let stopped = |event: &Event| matches!(event, Event::Finished { applied, .. } if *applied < 3);
    assert!(!world.events().iter().any(stopped), "one sync made all of it: {:?}", world.events());
}

/// Met with an emergency stop: it waited for an engine that had ended, and the next apply by hand wrote all the same.
#[tokio::test]
async fn what_was_asked_while_no_engine_was_at_work_counts_for_the_next_apply() {
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    let requests = Requests::new(world.store(), "test");
    let suspend = Request::Suspend { reason: "incident 17".into() };
    let ticket = requests.ask(&world.cx, "ana", suspend).await.unwrap();
    world.declare(&[("a", "2")]);
    for _ in 0..2 {
        let mut engine = world.engine().await;
        let plan = engine.plan(&world.cx).await.unwrap();
        let error = engine.apply(&world.cx, &plan, &support::yes()).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Denied && error.to_string().contains("incident 17"), "{error}");
        assert_eq!(world.contents(), [owned(("a", "1"))]);
        assert_eq!(requests.answer(&world.cx, &ticket).await.unwrap(), Some(()));
    }
    assert!(world.engine().await.reconcile(&world.cx).await.is_err());
    assert_eq!(world.contents(), [owned(("a", "1"))]);
}

/// Met a week after: somebody had asked to resume, nobody was at work, and the next run resumed what had been suspended since.
#[tokio::test]
async fn an_older_request_never_undoes_what_was_ordered_after_it() {
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    let requests = Requests::new(world.store(), "test");
    let ticket = requests.ask(&world.cx, "bo", Request::Resume).await.unwrap();
    let suspend = Request::Suspend { reason: "incident 18".into() };
    world.engine().await.fulfil(&world.cx, "ana", &suspend).await.unwrap();
    world.declare(&[("a", "2")]);
    assert_eq!(requests.answer(&world.cx, &ticket).await.unwrap_err().kind(), ErrorKind::Denied);
    while_it_runs(&world, async |handle| {
        let status = until(&handle, |status| status.sync == SyncStatus::OutOfSync).await;
        assert_eq!(status.suspended.as_ref().unwrap().reason, "incident 18");
    })
    .await;
    assert_eq!(world.contents(), [owned(("a", "1"))]);
}

/// Met in an upgrade: a newer command asked an older engine for something that it did not know, and the engine ended for good.
#[tokio::test]
async fn a_request_of_a_newer_version_is_refused_and_ends_no_engine() {
    let world = World::with(&[("a", "1")]);
    let queue = r#"{"next":2,"answered":[],"waiting":[
        {"ticket":0,"application":"test","by":"ana","at":"2026-01-01T00:00:00Z","ask":"promote","to":{"environment":"prod"}},
        {"ticket":1,"application":"test","by":"ana","at":"2026-01-01T00:00:00Z","ask":"sync"}]}"#;
    let document = Document { epoch: 0, bytes: queue.as_bytes().to_vec() };
    world.store().swap(&world.cx, Requests::DOCUMENT, None, document).await.unwrap();
    while_it_runs(&world, async |handle| {
        until(&handle, EngineStatus::is_converged).await;
        let requests = handle.requests();
        let third = requests.ask(&world.cx, "ana", Request::Sync).await.unwrap();
        requests.answered(&world.cx, &third).await.unwrap();
    })
    .await;
    let stored = world.store().load(&world.cx, Requests::DOCUMENT).await.unwrap().unwrap();
    let queue: serde_json::Value = serde_json::from_slice(&stored.document.bytes).unwrap();
    let refused = queue["answered"][0]["refused"].as_str().unwrap();
    assert!(refused.contains("does not know the request `promote`"), "{queue}");
    assert_eq!(queue["answered"][1]["refused"], serde_json::Value::Null);
}

/// Met after a restart: what is live was told only after the first reconciliation, which a suspended application never has.
#[tokio::test]
async fn a_suspended_engine_tells_after_a_restart_what_is_live() {
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    world.engine().await.suspend(&world.cx, "incident 17", "ana").await.unwrap();
    world.declare(&[("a", "2")]);
    while_it_runs(&world, async |handle| {
        let status = until(&handle, |status| status.sync == SyncStatus::OutOfSync).await;
        assert!(status.suspended.is_some() && status.progress.is_none(), "{status:?}");
        assert_ne!(Some(&status.complete.as_ref().unwrap().revision), status.revision.as_ref());
    })
    .await;
}
