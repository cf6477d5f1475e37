//! Checks instead of changes.

use std::sync::Arc;

use async_trait::async_trait;

use super::Layer;
use crate::capability::{
    Admission, Batch, Confirmation, DryRun, Health, Identity, Import, Progress, Scope, Stamps, Target,
    TargetInfo, Watch,
};
use crate::cx::Cx;
use crate::value::{Action, Applied, Change, Error, Live, Ownership, Result, Uid, Version};

/// Checks the precondition of each change by looking at the object, and writes nothing.
///
/// The answer to a change is what a target would say, with the version `dry-run`: it is no state that was ever
/// there, and no later change can expect it. Health and batches are not offered: nothing was written that could
/// become ready.
#[derive(Clone, Copy, Debug, Default)]
pub struct DryRunLayer;

impl Layer for DryRunLayer {
    fn layer(&self, inner: Arc<dyn Target>) -> Arc<dyn Target> {
        Arc::new(DryTarget { inner })
    }
}

struct DryTarget {
    inner: Arc<dyn Target>,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Target for DryTarget {
    fn info(&self) -> TargetInfo {
        self.inner.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.inner.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let live = self.live(cx, change).await?;
        if change.action() == Action::Delete && live.is_none() {
            return Ok(Applied::Absent);
        }
        check(change, live.as_ref())?;
        Ok(answer(change))
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        self.inner.dry_run()
    }

    fn admission(&self) -> Option<&dyn Admission> {
        self.inner.admission()
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.inner.watch()
    }

    fn health(&self) -> Option<&dyn Health> {
        None
    }

    fn import(&self) -> Option<&dyn Import> {
        self.inner.import().map(|_| self as &dyn Import)
    }

    fn identity(&self) -> Option<&dyn Identity> {
        self.inner.identity()
    }

    fn stamps(&self) -> Option<&dyn Stamps> {
        self.inner.stamps()
    }

    fn batch(&self) -> Option<&dyn Batch> {
        None
    }

    fn confirmation(&self) -> Option<&dyn Confirmation> {
        None
    }

    fn progress(&self) -> Option<&dyn Progress> {
        None
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Import for DryTarget {
    async fn adopt(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        match self.live(cx, change).await? {
            Some(live) if change.expects().holds(Some(&live)) => Ok(Applied::from(&live)),
            _ => Err(Error::conflict(change.key())),
        }
    }
}

impl DryTarget {
    async fn live(&self, cx: &Cx, change: &Change) -> Result<Option<Live>> {
        let scope = [change.key().clone()].into_iter().collect::<Scope>();
        Ok(self.inner.observe(cx, &scope).await?.pop())
    }
}

fn check(change: &Change, live: Option<&Live>) -> Result<()> {
    if let Some(Live { ownership: Ownership::Owner(owner), .. }) = live
        && !change.owner_label().is_of(owner)
    {
        let message = format!("the object belongs to `{owner}`");
        return Err(Error::new(crate::value::ErrorKind::NotOwned, message)
            .at(change.key())
            .help("remove it from one of the two applications"));
    }
    match change.expects().holds(live) {
        true => Ok(()),
        false => Err(Error::conflict(change.key())),
    }
}

fn answer(change: &Change) -> Applied {
    let uid = match change {
        Change::Delete { .. } => return Applied::Absent,
        Change::Update { expect, .. } => expect.uid.clone(),
        Change::Create { owner_label, .. } | Change::Replace { owner_label, .. } => {
            Uid::new(owner_label.op.clone())
        }
    };
    Applied::Present { uid, version: Version::new("dry-run") }
}
