//! What is only noted while an engine works.
//!
//! A server that notes a merge in the audit log must not end the apply of what was merged.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::*;

use crate::support::{World, until};

/// A target during whose change of `a` somebody has a merge noted.
struct Noting {
    memory: Arc<Memory>,
    store: Arc<dyn StateStore>,
}

#[async_trait]
impl Target for Noting {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        if change.key().name() == "a" {
            let merged = MergedRequest::new("gitea platform/site#7", "alice", "head", "commit");
            let note = Request::NoteMerged { merged: Box::new(merged) };
            Requests::new(self.store.clone(), "test").ask(cx, "server", note).await?;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        }
        self.memory.apply(cx, change).await
    }
}

#[tokio::test]
async fn a_merge_that_is_noted_cuts_no_reconciliation_short_and_is_in_the_log_after_it() {
    let world = World::with(&[("a", "1"), ("b", "needs: a")]);
    let target = Noting { memory: world.memory.clone(), store: world.store() };
    let mut engine = world.builder("test").target("t", Arc::new(target)).open(&world.cx).await.unwrap();
    let handle = engine.handle();
    let cx = world.cx.child();
    let work = async {
        until(&handle, EngineStatus::is_converged).await;
        let requests = Requests::new(world.store(), "test");
        while !requests.pending(&world.cx).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        cx.cancel();
    };
    let both = async { Ok(tokio::join!(Box::pin(engine.run(&cx, Duration::from_secs(3600))), work)) };
    let limit = Cx::system().within(Duration::from_secs(60));
    let (ran, ()) = limit.bounded(both).await.expect("nobody waits for the next look");
    ran.unwrap();
    let skipped = world.events().into_iter().filter_map(|event| match event {
        Event::Finished { skipped, .. } => Some(skipped),
        _ => None,
    });
    assert_eq!(skipped.sum::<usize>(), 0, "{:?}", world.events());
    let entries = world.audit.entries();
    assert_eq!(entries.iter().filter(|entry| matches!(entry.what, AuditEvent::Merged(_))).count(), 1);
}
