//! Who asked for something is in the audit log, whatever it was.
//!
//! Met in an audit: somebody had an engine reconcile at once, and the log did not know of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use gitops_core::*;

use crate::drift_meanwhile::Patient;
use crate::support::{World, key};

/// A target that may say nothing of what came of a change, and takes what a person found out.
struct Silent {
    memory: Arc<Memory>,
    is_silent: AtomicBool,
}

#[async_trait]
impl Target for Silent {
    fn info(&self) -> TargetInfo {
        self.memory.info().recovery_class(RecoveryClass::Opaque)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let applied = self.memory.apply(cx, change).await?;
        match self.is_silent.load(SeqCst) {
            true => Err(Error::new(ErrorKind::Unavailable, "no answer").at(change.key()).outcome_unknown()),
            false => Ok(applied),
        }
    }

    fn confirmation(&self) -> Option<&dyn capability::Confirmation> {
        Some(self)
    }
}

#[async_trait]
impl capability::Confirmation for Silent {
    async fn take_finding(&self, _: &Cx, _: &Key, _: &str, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
}

/// The words of all requests that there are.
fn words() -> BTreeSet<String> {
    let unknown = serde_json::json!({ "ask": "what nobody asks" });
    let error = serde_json::from_value::<Request>(unknown).unwrap_err().to_string();
    let known = error.split_once("expected one of").expect("it names what there is").1;
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn word(request: &Request) -> String {
    serde_json::to_value(request).unwrap()["ask"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_asks_for_anything_is_in_the_audit_log() {
    let world = World::with(&[]);
    let target = Arc::new(Silent { memory: world.memory.clone(), is_silent: AtomicBool::new(true) });
    let builder = world.builder("test").source(Arc::new(Patient::default())).target("t", target.clone());
    let mut engine = builder.open(&world.cx).await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    let approver = Approver::new("approve", Through::Review { review: "forge/17".into() });
    let approval = Box::new(engine.approval_of(&world.cx, &plan, approver).unwrap());
    engine.reconcile(&world.cx).await.unwrap();
    target.is_silent.store(false, SeqCst);
    let (a, request) = (key("a"), "forge shop#7".to_owned());
    let before = Revision::new("before", "");
    let requests = [
        Request::Confirm { key: a.clone(), finding: Finding::Made },
        Request::Found { key: a.clone(), about: "part".to_owned(), finding: "made".to_owned() },
        Request::Release { key: a.clone() },
        Request::ReleaseDeletion { key: a },
        Request::Approve { approval },
        Request::Withdraw { review: "forge/17".to_owned(), reason: "it was closed".to_owned() },
        Request::Reject { plan: None, reason: "not now".to_owned() },
        Request::Sync,
        Request::NoteMerged { merged: Box::new(MergedRequest::new(&request, "ana", "1", "2")) },
        Request::RestartAudit,
        Request::GoAhead { revision: Revision::new("newest", ""), request: request.clone() },
        Request::EndAhead { request, merged: true },
        Request::pin(before),
        Request::unpin(),
        Request::Suspend { reason: "incident 17".to_owned() },
        Request::Resume,
    ];
    let asked: BTreeSet<String> = requests.iter().map(word).collect();
    assert_eq!(asked, words(), "every request is asked here");
    for request in &requests {
        let by = word(request);
        let done = engine.fulfil(&world.cx, &by, request).await;
        done.unwrap_or_else(|error| panic!("{by}: {error}"));
        let is_there = world.audit.entries().iter().any(|entry| entry.actor == by);
        assert!(is_there, "{by} is not in the log: {:#?}", world.audit.entries());
    }
}
