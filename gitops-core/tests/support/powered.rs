//! The target in memory with a power of a test's own.

use std::sync::Arc;

use gitops_core::capability::{Admission, Watch};
use gitops_core::*;

use super::World;

/// Does as the target in memory, and has the power that it was given.
pub struct Powered {
    memory: Arc<Memory>,
    power: Power,
}

enum Power {
    Watch(Arc<dyn Watch>),
    Admission(Arc<dyn Admission>),
}

impl Powered {
    pub fn watched(world: &World, watch: impl Watch + 'static) -> Arc<Self> {
        Arc::new(Self { memory: world.memory.clone(), power: Power::Watch(Arc::new(watch)) })
    }

    pub fn admitting(world: &World, admission: Arc<dyn Admission>) -> Arc<Self> {
        Arc::new(Self { memory: world.memory.clone(), power: Power::Admission(admission) })
    }
}

#[async_trait]
impl Target for Powered {
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
        match &self.power {
            Power::Watch(watch) => Some(&**watch),
            Power::Admission(_) => None,
        }
    }

    fn admission(&self) -> Option<&dyn Admission> {
        match &self.power {
            Power::Admission(admission) => Some(&**admission),
            Power::Watch(_) => None,
        }
    }
}
