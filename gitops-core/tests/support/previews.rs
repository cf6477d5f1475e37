//! A target in memory that previews as a test says.

use std::sync::{Arc, Mutex};

use gitops_core::capability::{DryRun, Preview};
use gitops_core::*;
use tokio::sync::Barrier;

use super::World;

/// What is previewed of a change: of the object as it is declared (nothing if it is to be deleted), and as it is.
type Says = dyn Fn(&Key, Option<&Object>, Option<&Live>) -> Result<Preview> + Send + Sync;

/// Remembers what it was asked and told.
pub struct Previews {
    memory: Arc<Memory>,
    says: Box<Says>,
    info: TargetInfo,
    meeting: Option<Barrier>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    asked: Vec<String>,
    applied: Vec<Option<Digest>>,
    in_flight: usize,
    most_in_flight: usize,
}

impl Previews {
    pub fn over(
        world: &World,
        says: impl Fn(&Key, Option<&Object>, Option<&Live>) -> Result<Preview> + Send + Sync + 'static,
    ) -> Self {
        let (memory, info) = (world.memory.clone(), world.memory.info().concurrency(1));
        Self { memory, says: Box::new(says), info, meeting: None, told: Mutex::default() }
    }

    pub fn info(self, how: impl FnOnce(TargetInfo) -> TargetInfo) -> Self {
        Self { info: how(self.info), ..self }
    }

    /// Answers only when so many are asking.
    pub fn meeting(self, askers: usize) -> Self {
        Self { meeting: Some(Barrier::new(askers)), ..self }
    }

    /// What was asked about since the last question; a deletion with a minus.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap().asked)
    }

    /// What each change that was carried out says was previewed.
    pub fn applied(&self) -> Vec<Option<Digest>> {
        self.told.lock().unwrap().applied.clone()
    }

    pub fn in_flight(&self) -> usize {
        self.told.lock().unwrap().in_flight
    }

    pub fn most_in_flight(&self) -> usize {
        self.told.lock().unwrap().most_in_flight
    }
}

/// A preview of the fields that differ.
pub fn fields(object: Option<&Object>, live: Option<&Live>, effect: Digest) -> Preview {
    let diff = match (object, live) {
        (Some(object), Some(live)) => Structural::default().diff(&object.body, &live.body),
        _ => Diff::default(),
    };
    Preview::new(diff, effect)
}

#[async_trait]
impl Target for Previews {
    fn info(&self) -> TargetInfo {
        self.info.clone()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.told.lock().unwrap().applied.push(change.preview().copied());
        self.memory.apply(cx, change).await
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        Some(self)
    }
}

#[async_trait]
impl DryRun for Previews {
    async fn preview(
        &self,
        _: &Cx,
        key: &Key,
        object: Option<&Object>,
        live: Option<&Live>,
    ) -> Result<Preview> {
        {
            let mut told = self.told.lock().unwrap();
            let sign = if object.is_some() { "" } else { "-" };
            told.asked.push(format!("{sign}{}", key.name()));
            told.in_flight += 1;
            told.most_in_flight = told.most_in_flight.max(told.in_flight);
        }
        if let Some(meeting) = &self.meeting {
            meeting.wait().await;
        }
        self.told.lock().unwrap().in_flight -= 1;
        (self.says)(key, object, live)
    }
}
