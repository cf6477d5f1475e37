//! A target with something done around each of its calls, powers included.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::around::{Around, Call};
use crate::capability::{
    Admission, Batch, Beside, Confirmation, DryRun, Health, Identity, Import, MovedObjects, Preview,
    Progress, Readiness, Remains, Scope, Stamps, Target, TargetInfo, Watch,
};
use crate::cx::Cx;
use crate::value::{Applied, Change, Digest, Error, ErrorKind, Key, Live, Object, Refusal, Result, Uid};

/// The inner target seen through `A`. It offers a power exactly if the inner target does.
pub(super) struct LayeredTarget<A> {
    around: A,
    inner: Arc<dyn Target>,
}

impl<A: Around> LayeredTarget<A> {
    pub(super) fn wrap(around: &A, inner: Arc<dyn Target>) -> Arc<dyn Target> {
        Arc::new(Self { around: around.clone(), inner })
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Target for LayeredTarget<A> {
    fn info(&self) -> TargetInfo {
        self.inner.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let run = |cx: Cx| async move { self.inner.observe(&cx, scope).await };
        self.around.around(cx, Call::read("observe"), run).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let run = |cx: Cx| async move { self.inner.apply(&cx, change).await };
        self.around.around(cx, Call::write("apply").of(change.key()), run).await
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        self.inner.dry_run().map(|_| self as &dyn DryRun)
    }

    fn admission(&self) -> Option<&dyn Admission> {
        self.inner.admission().map(|_| self as &dyn Admission)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.inner.watch().map(|_| self as &dyn Watch)
    }

    fn health(&self) -> Option<&dyn Health> {
        self.inner.health().map(|_| self as &dyn Health)
    }

    fn import(&self) -> Option<&dyn Import> {
        self.inner.import().map(|_| self as &dyn Import)
    }

    fn identity(&self) -> Option<&dyn Identity> {
        self.inner.identity().map(|_| self as &dyn Identity)
    }

    fn stamps(&self) -> Option<&dyn Stamps> {
        self.inner.stamps().map(|_| self as &dyn Stamps)
    }

    fn remains(&self) -> Option<&dyn Remains> {
        self.inner.remains().map(|_| self as &dyn Remains)
    }

    fn batch(&self) -> Option<&dyn Batch> {
        self.inner.batch().map(|_| self as &dyn Batch)
    }

    fn confirmation(&self) -> Option<&dyn Confirmation> {
        self.inner.confirmation().map(|_| self as &dyn Confirmation)
    }

    fn progress(&self) -> Option<&dyn Progress> {
        // It is a look at what is at hand, and no call.
        self.inner.progress()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> DryRun for LayeredTarget<A> {
    async fn preview(
        &self,
        cx: &Cx,
        key: &Key,
        object: Option<&Object>,
        live: Option<&Live>,
    ) -> Result<Preview> {
        let inner = offered(self.inner.dry_run())?;
        let run = |cx: Cx| async move { inner.preview(&cx, key, object, live).await };
        self.around.around(cx, Call::read("preview").of(key), run).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Admission for LayeredTarget<A> {
    async fn admits(&self, cx: &Cx, object: &Object, beside: &Beside) -> Result<()> {
        let inner = offered(self.inner.admission())?;
        let run = |cx: Cx| async move { inner.admits(&cx, object, beside).await };
        self.around.around(cx, Call::read("admission").of(&object.key), run).await
    }

    async fn refuses_deletion(&self, cx: &Cx, live: &Live) -> Result<Option<Refusal>> {
        let inner = offered(self.inner.admission())?;
        let run = |cx: Cx| async move { inner.refuses_deletion(&cx, live).await };
        self.around.around(cx, Call::read("admission").of(&live.key), run).await
    }

    async fn going(&self, cx: &Cx, keys: &[Key], live: &BTreeMap<Key, Live>) -> Result<BTreeMap<Key, Key>> {
        let inner = offered(self.inner.admission())?;
        let run = |cx: Cx| async move { inner.going(&cx, keys, live).await };
        self.around.around(cx, Call::read("admission"), run).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Watch for LayeredTarget<A> {
    async fn moved(&self, cx: &Cx) -> Result<MovedObjects> {
        let inner = offered(self.inner.watch())?;
        self.around.around(cx, Call::wait("watch"), |cx: Cx| async move { inner.moved(&cx).await }).await
    }

    fn covers(&self, key: &Key) -> bool {
        self.inner.watch().is_some_and(|watch| watch.covers(key))
    }

    fn covers_all(&self) -> bool {
        self.inner.watch().is_some_and(Watch::covers_all)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Health for LayeredTarget<A> {
    async fn ready(&self, cx: &Cx, key: &Key, applied: &Applied) -> Result<Readiness> {
        let inner = offered(self.inner.health())?;
        let run = |cx: Cx| async move { inner.ready(&cx, key, applied).await };
        self.around.around(cx, Call::wait("health").of(key), run).await
    }

    async fn look(&self, cx: &Cx, keys: &[Key]) -> Result<BTreeMap<Key, Readiness>> {
        let inner = offered(self.inner.health())?;
        let run = |cx: Cx| async move { inner.look(&cx, keys).await };
        self.around.around(cx, Call::read("health").weighing(keys.len()), run).await
    }

    async fn ends(&self, cx: &Cx, gone: &[(Key, Uid)]) -> Result<BTreeMap<Key, Readiness>> {
        let inner = offered(self.inner.health())?;
        let run = |cx: Cx| async move { inner.ends(&cx, gone).await };
        self.around.around(cx, Call::read("health").weighing(gone.len()), run).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Import for LayeredTarget<A> {
    async fn adopt(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let inner = offered(self.inner.import())?;
        let run = |cx: Cx| async move { inner.adopt(&cx, change).await };
        self.around.around(cx, Call::write("adopt").of(change.key()), run).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Confirmation for LayeredTarget<A> {
    async fn take_finding(&self, cx: &Cx, key: &Key, about: &str, finding: &str, by: &str) -> Result<()> {
        let inner = offered(self.inner.confirmation())?;
        let run = |cx: Cx| async move { inner.take_finding(&cx, key, about, finding, by).await };
        self.around.around(cx, Call::write("confirm").of(key), run).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Identity for LayeredTarget<A> {
    async fn place(&self, cx: &Cx) -> Result<Option<String>> {
        let inner = offered(self.inner.identity())?;
        self.around.around(cx, Call::read("identify"), |cx: Cx| async move { inner.place(&cx).await }).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Stamps for LayeredTarget<A> {
    async fn stamps(&self, cx: &Cx, keys: &[Key]) -> Result<Vec<Option<Digest>>> {
        let inner = offered(self.inner.stamps())?;
        let run = |cx: Cx| async move { inner.stamps(&cx, keys).await };
        self.around.around(cx, Call::read("stamps").weighing(keys.len()), run).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Remains for LayeredTarget<A> {
    async fn clear(&self, cx: &Cx, gone: &[(Key, Uid)]) -> Result<()> {
        let inner = offered(self.inner.remains())?;
        let run = |cx: Cx| async move { inner.clear(&cx, gone).await };
        self.around.around(cx, Call::write("clear").weighing(gone.len()), run).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Batch for LayeredTarget<A> {
    fn limit(&self) -> usize {
        self.inner.batch().map_or(1, Batch::limit)
    }

    async fn apply_all(&self, cx: &Cx, changes: &[Change]) -> Vec<Result<Applied>> {
        let run = |cx: Cx| async move { Ok(offered(self.inner.batch())?.apply_all(&cx, changes).await) };
        let call = Call::write("apply").weighing(changes.len());
        match self.around.around(cx, call, run).await {
            Ok(results) => results,
            Err(error) => changes.iter().map(|change| Err(copy(&error).at(change.key()))).collect(),
        }
    }
}

fn offered<P>(power: Option<P>) -> Result<P> {
    power.ok_or_else(|| Error::new(ErrorKind::Unsupported, "the target has lost a power that it offered"))
}

/// The same error once more, for the next change of a batch.
fn copy(error: &Error) -> Error {
    let copy = Error::new(error.kind(), error.message()).retry_when(error.retry());
    if error.is_unknown() { copy.outcome_unknown() } else { copy }
}
