//! A change that took too long: whoever read of a limit raised it, and it was the server's.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::*;

use crate::support::World;

/// A target whose changes end in a time limit: its own, or that of the call.
struct Late {
    memory: Arc<Memory>,
    of_its_own: bool,
}

#[async_trait]
impl Target for Late {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, _: &Cx, _: &Change) -> Result<Applied> {
        match self.of_its_own {
            true => Err(Error::new(ErrorKind::Timeout, "the gateway gave up")),
            false => std::future::pending().await,
        }
    }
}

/// Whoever reads of a limit raises it: so one is named only where it was the reason.
#[tokio::test]
async fn the_limit_of_a_change_is_named_where_it_ended_the_change_and_nowhere_else() {
    for of_its_own in [true, false] {
        let world = World::with(&[("a", "1")]);
        let target = Arc::new(Late { memory: world.memory.clone(), of_its_own });
        let builder = world.builder("test").target("t", target).call_timeout(Duration::from_millis(50));
        let mut engine = builder.open(&world.cx).await.unwrap();
        engine.reconcile(&world.cx).await.unwrap();
        let errors: Vec<String> = world
            .events()
            .iter()
            .filter_map(|event| match event {
                Event::Failed { error, .. } => Some(error.clone()),
                _ => None,
            })
            .collect();
        assert_eq!((errors.len(), errors[0].contains("limit of one change")), (1, !of_its_own), "{errors:?}");
    }
}
