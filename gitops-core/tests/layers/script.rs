//! A target and a source that do what a test tells them, and write down when they were called.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::backend::directory::{file_body, file_kind};
use gitops_core::capability::{
    Admission, Batch, Beside, Confirmation, DryRun, Health, Import, MovedObjects, Preview, Readiness, Watch,
};
use gitops_core::{
    Applied, Change, Clock, Commit, Cx, Diff, Digest, Entropy, Error, ErrorKind, History, Key, Live, Object,
    OwnerLabel, Provenance, Refusal, Relation, Result, Revision, Scope, Snapshot, Source, SourceInfo,
    SourceWatch, Target, TargetInfo, Time, async_trait,
};

/// The clock of tokio, which a test pauses.
#[derive(Clone, Copy)]
pub struct Paused(tokio::time::Instant);

#[async_trait]
impl Clock for Paused {
    fn now(&self) -> Time {
        Time::default().after(self.0.elapsed())
    }

    async fn wait_until(&self, time: Time) {
        asleep(time.since(self.now())).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock, and a target that heeds no deadline")]
async fn asleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// The same byte for ever: 0 makes every random wait nothing.
pub struct Fixed(pub u8);

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

/// A context on the paused clock, at 0, whose random waits are nothing.
pub fn cx() -> Cx {
    cx_with(0)
}

pub fn cx_with(byte: u8) -> Cx {
    Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(Fixed(byte)))
}

/// What the next call does.
pub enum Do {
    Fail(Error),
    /// Answers after this time, or at once when it is asked to stop.
    Take(Duration),
}

#[derive(Default)]
pub struct Script {
    steps: Mutex<VecDeque<Do>>,
    calls: Mutex<Vec<(Duration, &'static str)>>,
    powers: bool,
}

impl Script {
    /// Does these things in turn, then succeeds at once for ever.
    pub fn new(steps: impl IntoIterator<Item = Do>) -> Arc<Self> {
        Arc::new(Self { steps: Mutex::new(steps.into_iter().collect()), ..Self::default() })
    }

    /// The same, with every power that a target can have.
    pub fn able(steps: impl IntoIterator<Item = Do>) -> Arc<Self> {
        let steps = Mutex::new(steps.into_iter().collect());
        Arc::new(Self { steps, powers: true, ..Self::default() })
    }

    pub fn failing(errors: impl IntoIterator<Item = Error>) -> Arc<Self> {
        Self::new(errors.into_iter().map(Do::Fail))
    }

    pub fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().iter().map(|(_, call)| *call).collect()
    }

    /// When the calls came, in milliseconds.
    pub fn times(&self) -> Vec<u128> {
        self.calls.lock().unwrap().iter().map(|(time, _)| time.as_millis()).collect()
    }

    async fn call(&self, cx: &Cx, name: &'static str) -> Result<()> {
        self.calls.lock().unwrap().push((cx.now().since(Time::default()), name));
        let step = self.steps.lock().unwrap().pop_front();
        match step {
            None => Ok(()),
            Some(Do::Fail(error)) => Err(error),
            Some(Do::Take(time)) => {
                tokio::select! {
                    () = cx.cancelled() => Ok(()),
                    () = asleep(time) => Ok(()),
                }
            }
        }
    }
}

#[async_trait]
impl Target for Script {
    fn info(&self) -> TargetInfo {
        TargetInfo::new("script").concurrency(3)
    }

    async fn observe(&self, cx: &Cx, _: &Scope) -> Result<Vec<Live>> {
        self.call(cx, "observe").await.map(|()| Vec::new())
    }

    async fn apply(&self, cx: &Cx, _: &Change) -> Result<Applied> {
        self.call(cx, "apply").await.map(|()| Applied::Absent)
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        self.powers.then_some(self)
    }

    fn admission(&self) -> Option<&dyn Admission> {
        self.powers.then_some(self)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.powers.then_some(self)
    }

    fn health(&self) -> Option<&dyn Health> {
        self.powers.then_some(self)
    }

    fn import(&self) -> Option<&dyn Import> {
        self.powers.then_some(self)
    }

    fn batch(&self) -> Option<&dyn Batch> {
        self.powers.then_some(self)
    }

    fn confirmation(&self) -> Option<&dyn Confirmation> {
        self.powers.then_some(self)
    }
}

#[async_trait]
impl Confirmation for Script {
    async fn take_finding(&self, cx: &Cx, _: &Key, _: &str, _: &str, _: &str) -> Result<()> {
        self.call(cx, "take_finding").await
    }
}

#[async_trait]
impl DryRun for Script {
    async fn preview(&self, cx: &Cx, _: &Key, _: Option<&Object>, _: Option<&Live>) -> Result<Preview> {
        self.call(cx, "preview").await?;
        Ok(Preview::new(Diff::default(), Digest::of(b"")))
    }
}

#[async_trait]
impl Admission for Script {
    async fn admits(&self, cx: &Cx, _: &Object, _: &Beside) -> Result<()> {
        self.call(cx, "admits").await
    }

    async fn refuses_deletion(&self, cx: &Cx, _: &Live) -> Result<Option<Refusal>> {
        self.call(cx, "refuses_deletion").await.map(|()| None)
    }

    async fn going(&self, cx: &Cx, _: &[Key], _: &BTreeMap<Key, Live>) -> Result<BTreeMap<Key, Key>> {
        self.call(cx, "going").await.map(|()| BTreeMap::new())
    }
}

#[async_trait]
impl Watch for Script {
    async fn moved(&self, cx: &Cx) -> Result<MovedObjects> {
        self.call(cx, "moved").await.map(|()| MovedObjects::Any)
    }
}

#[async_trait]
impl Health for Script {
    async fn ready(&self, cx: &Cx, _: &Key, _: &Applied) -> Result<Readiness> {
        self.call(cx, "ready").await.map(|()| Readiness::Ready)
    }
}

#[async_trait]
impl Import for Script {
    async fn adopt(&self, cx: &Cx, _: &Change) -> Result<Applied> {
        self.call(cx, "adopt").await.map(|()| Applied::Absent)
    }
}

#[async_trait]
impl Batch for Script {
    fn limit(&self) -> usize {
        7
    }

    async fn apply_all(&self, cx: &Cx, changes: &[Change]) -> Vec<Result<Applied>> {
        let called = self.call(cx, "apply_all").await.is_ok();
        let result = || if called { Ok(Applied::Absent) } else { Err(down()) };
        changes.iter().map(|_| result()).collect()
    }
}

#[async_trait]
impl Source for Script {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("script", "main")
    }

    async fn resolve(&self, cx: &Cx) -> Result<Revision> {
        self.call(cx, "resolve").await.map(|()| Revision::new("r1", "main"))
    }

    async fn fetch(&self, cx: &Cx, revision: &Revision) -> Result<Snapshot> {
        self.call(cx, "fetch").await?;
        Snapshot::from_files("script", revision.clone(), [("a", "b")])
    }

    fn history(&self) -> Option<&dyn History> {
        self.powers.then_some(self)
    }

    fn watch(&self) -> Option<&dyn SourceWatch> {
        self.powers.then_some(self)
    }
}

#[async_trait]
impl SourceWatch for Script {
    async fn changed(&self, cx: &Cx) -> Result<()> {
        self.call(cx, "changed").await
    }
}

#[async_trait]
impl History for Script {
    async fn relation(&self, cx: &Cx, _: &Revision, _: &Revision) -> Result<Relation> {
        self.call(cx, "relation").await.map(|()| Relation::Same)
    }

    async fn find(&self, cx: &Cx, name: &str) -> Result<Revision> {
        self.call(cx, "find").await.map(|()| Revision::new(name, name))
    }

    async fn describe(&self, cx: &Cx, revision: &Revision) -> Result<Commit> {
        self.call(cx, "describe").await?;
        let [author, committer, summary] = [const { String::new() }; 3];
        Ok(Commit::new(revision.id(), author, committer, cx.now(), summary))
    }

    async fn log(&self, cx: &Cx, _: &Revision, _: &str, _: usize) -> Result<Vec<Commit>> {
        self.call(cx, "log").await.map(|()| Vec::new())
    }

    async fn between(&self, cx: &Cx, _: &Revision, _: &Revision, _: usize) -> Result<Vec<Commit>> {
        self.call(cx, "between").await.map(|()| Vec::new())
    }

    async fn blame(
        &self,
        cx: &Cx,
        revision: &Revision,
        _: &str,
        _: std::ops::RangeInclusive<u32>,
    ) -> Result<Commit> {
        self.call(cx, "blame").await?;
        self.describe(cx, revision).await
    }
}

pub fn key() -> Key {
    Key::new("dir", file_kind(), "", "a")
}

pub fn object() -> Arc<Object> {
    let provenance = Provenance::new("t", "r", "a", 0);
    Arc::new(Object::new(key(), file_body(*b"hunter2", false), provenance))
}

pub fn create() -> Change {
    Change::Create {
        object: object(),
        owner_label: OwnerLabel { owner: "shop".into(), op: "op".into() },
        preview: None,
    }
}

pub fn scope() -> Scope {
    [key()].into_iter().collect()
}

/// The other side is down: nothing was done.
pub fn down() -> Error {
    Error::new(ErrorKind::Unavailable, "connection refused")
}

/// The answer was lost: it may have been done.
pub fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "connection reset").outcome_unknown()
}
