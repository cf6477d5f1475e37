//! What a review in a server costs beside what moved: it asked of each of 10,000 objects whether a watch covers it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use gitops_core::capability::{MovedObjects, Watch};
use gitops_core::*;

use crate::support::World;

/// A target whose watch covers every object, and says so of all at once or of each.
struct Covered {
    memory: Arc<Memory>,
    says_all: bool,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl Target for Covered {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.memory.apply(cx, change).await
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }
}

#[async_trait]
impl Watch for Covered {
    async fn moved(&self, _: &Cx) -> Result<MovedObjects> {
        std::future::pending().await
    }

    fn covers(&self, _: &Key) -> bool {
        self.asked.fetch_add(1, SeqCst);
        true
    }

    fn covers_all(&self) -> bool {
        self.says_all
    }
}

#[tokio::test]
async fn a_watch_that_covers_everything_is_not_asked_about_each_object() {
    let names: Vec<String> = (0..50).map(|n| format!("o{n}")).collect();
    let files: Vec<(&'static str, &'static str)> =
        names.into_iter().map(|name| (&*name.leak(), "1")).collect();
    for (says_all, expected) in [(true, 0), (false, 2 * files.len())] {
        let world = World::with(&files);
        let asked = Arc::new(AtomicUsize::new(0));
        let target = Covered { memory: world.memory.clone(), says_all, asked: asked.clone() };
        let builder = world.builder("test").target("t", Arc::new(target));
        let mut engine = builder.open(&world.cx).await.unwrap();
        let report = engine.reconcile(&world.cx).await.unwrap();
        let revision = report.plan.revision.clone();
        engine.again_at(&world.cx, &revision).await.unwrap();
        asked.store(0, SeqCst);
        let again = engine.again_at(&world.cx, &revision).await.unwrap();
        assert_eq!((again.plan.steps.len(), asked.load(SeqCst)), (0, expected), "{says_all}");
    }
}
