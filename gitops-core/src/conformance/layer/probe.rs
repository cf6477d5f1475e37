//! A target and source that only notes what it is asked.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::key;
use crate::capability::{
    Admission, Batch, Beside, Diff, DryRun, Health, Import, MovedObjects, Preview, Readiness, Scope, Target,
    TargetInfo, Watch,
};
use crate::cx::{Cx, Time};
use crate::source::{Commit, History, Relation, Snapshot, Source, SourceInfo, SourceWatch};
use crate::value::{
    Applied, Change, Digest, Error, Key, Live, Object, Refusal, Result, Revision, Uid, Value, Version,
};

type Failure = Arc<dyn Fn() -> Error + Send + Sync>;

/// Offers every power or none, and notes each call.
pub(super) struct Probe {
    is_able: bool,
    fails: Option<Failure>,
    calls: Mutex<Vec<&'static str>>,
    open: AtomicUsize,
}

/// A call that is not over.
struct Call<'a>(&'a Probe);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) fn live() -> Live {
    Live::new(key(), Uid::new("uid"), Version::new("version"), Value::from("text"))
}

impl Probe {
    /// With every power.
    pub(super) fn able() -> Self {
        Self { is_able: true, fails: None, calls: Mutex::default(), open: AtomicUsize::new(0) }
    }

    /// Without any power.
    pub(super) fn plain() -> Self {
        Self { is_able: false, ..Self::able() }
    }

    /// Whose every call fails.
    pub(super) fn failing(error: impl Fn() -> Error + Send + Sync + 'static) -> Self {
        Self { fails: Some(Arc::new(error)), ..Self::able() }
    }

    /// The calls so far.
    pub(super) fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls are not over.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    fn able_as<T>(&self, power: T) -> Option<T> {
        self.is_able.then_some(power)
    }

    async fn call<T>(&self, name: &'static str, answer: T) -> Result<T> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        self.open.fetch_add(1, Ordering::SeqCst);
        let _call = Call(self);
        tokio::task::yield_now().await;
        self.fails.as_ref().map_or(Ok(answer), |error| Err(error()))
    }
}

#[async_trait]
impl Target for Probe {
    fn info(&self) -> TargetInfo {
        TargetInfo::new("probe").concurrency(3)
    }

    async fn observe(&self, _: &Cx, _: &Scope) -> Result<Vec<Live>> {
        self.call("observe", vec![live()]).await
    }

    async fn apply(&self, _: &Cx, _: &Change) -> Result<Applied> {
        self.call("apply", Applied::from(&live())).await
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        self.able_as(self)
    }

    fn admission(&self) -> Option<&dyn Admission> {
        self.able_as(self)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.able_as(self)
    }

    fn health(&self) -> Option<&dyn Health> {
        self.able_as(self)
    }

    fn import(&self) -> Option<&dyn Import> {
        self.able_as(self)
    }

    fn batch(&self) -> Option<&dyn Batch> {
        self.able_as(self)
    }
}

#[async_trait]
impl DryRun for Probe {
    async fn preview(&self, _: &Cx, _: &Key, _: Option<&Object>, _: Option<&Live>) -> Result<Preview> {
        let preview = Preview::new(Diff::default(), Digest::of(b"probe"));
        self.call("preview", preview).await
    }
}

#[async_trait]
impl Admission for Probe {
    async fn admits(&self, _: &Cx, _: &Object, _: &Beside) -> Result<()> {
        self.call("admits", ()).await
    }

    async fn refuses_deletion(&self, _: &Cx, _: &Live) -> Result<Option<Refusal>> {
        self.call("refuses_deletion", None).await
    }

    async fn going(&self, _: &Cx, _: &[Key], _: &BTreeMap<Key, Live>) -> Result<BTreeMap<Key, Key>> {
        self.call("going", BTreeMap::new()).await
    }
}

#[async_trait]
impl Watch for Probe {
    async fn moved(&self, _: &Cx) -> Result<MovedObjects> {
        self.call("moved", MovedObjects::Any).await
    }
}

#[async_trait]
impl Health for Probe {
    async fn ready(&self, _: &Cx, _: &Key, _: &Applied) -> Result<Readiness> {
        self.call("ready", Readiness::Ready).await
    }

    async fn look(&self, _: &Cx, _: &[Key]) -> Result<BTreeMap<Key, Readiness>> {
        self.call("look", BTreeMap::new()).await
    }

    async fn ends(&self, _: &Cx, _: &[(Key, Uid)]) -> Result<BTreeMap<Key, Readiness>> {
        self.call("ends", BTreeMap::new()).await
    }
}

#[async_trait]
impl Import for Probe {
    async fn adopt(&self, _: &Cx, _: &Change) -> Result<Applied> {
        self.call("adopt", Applied::from(&live())).await
    }
}

#[async_trait]
impl Batch for Probe {
    fn limit(&self) -> usize {
        7
    }

    async fn apply_all(&self, _: &Cx, changes: &[Change]) -> Vec<Result<Applied>> {
        let answer = self.call("apply_all", Applied::from(&live())).await;
        changes.iter().map(|_| answer.as_ref().map(Applied::clone).map_err(Error::repeated)).collect()
    }
}

fn commit() -> Commit {
    let (author, committer) = ("kit".to_owned(), "kit".to_owned());
    let (id, time, summary) = ("1".into(), Time::default(), "Probe".into());
    Commit { id, author, committer, time, summary, signer: None }
}

#[async_trait]
impl Source for Probe {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("probe", "main")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        self.call("resolve", Revision::new("1", "main")).await
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        let none: [(&str, &str); 0] = [];
        self.call("fetch", Snapshot::from_files("probe", revision.clone(), none)?).await
    }

    fn history(&self) -> Option<&dyn History> {
        self.able_as(self)
    }

    fn watch(&self) -> Option<&dyn SourceWatch> {
        self.able_as(self)
    }
}

#[async_trait]
impl History for Probe {
    async fn relation(&self, _: &Cx, _: &Revision, _: &Revision) -> Result<Relation> {
        self.call("relation", Relation::Same).await
    }

    async fn find(&self, _: &Cx, _: &str) -> Result<Revision> {
        self.call("find", Revision::new("1", "main")).await
    }

    async fn describe(&self, _: &Cx, _: &Revision) -> Result<Commit> {
        self.call("describe", commit()).await
    }

    async fn log(&self, _: &Cx, _: &Revision, _: &str, _: usize) -> Result<Vec<Commit>> {
        self.call("log", vec![commit()]).await
    }

    async fn between(&self, _: &Cx, _: &Revision, _: &Revision, _: usize) -> Result<Vec<Commit>> {
        self.call("between", vec![commit()]).await
    }

    async fn blame(&self, _: &Cx, _: &Revision, _: &str, _: RangeInclusive<u32>) -> Result<Commit> {
        self.call("blame", commit()).await
    }
}

#[async_trait]
impl SourceWatch for Probe {
    async fn changed(&self, _: &Cx) -> Result<()> {
        self.call("changed", ()).await
    }
}
