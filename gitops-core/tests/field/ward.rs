//! A target in memory whose objects are as healthy as a test says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use gitops_core::capability::{Health, Readiness};
use gitops_core::*;

use crate::support::{World, key};

/// The target. What is not named is ready.
#[derive(Default)]
pub struct Ward {
    pub memory: Arc<Memory>,
    ill: Mutex<BTreeMap<String, Readiness>>,
    /// Whether it can only be waited for.
    blind: bool,
    asked: Mutex<BTreeSet<String>>,
    /// What becomes ready as soon as somebody waits for it.
    recovers: Mutex<BTreeSet<String>>,
    /// Whether the answer to the next change is lost.
    loses: AtomicBool,
}

impl Ward {
    pub fn of(world: &World) -> Arc<Self> {
        Arc::new(Self { memory: world.memory.clone(), ..Self::default() })
    }

    /// The same without a way to look: health is only told by waiting.
    pub fn blind(world: &World) -> Arc<Self> {
        Arc::new(Self { memory: world.memory.clone(), blind: true, ..Self::default() })
    }

    /// It ran to its end, and failed.
    pub fn fails(&self, name: &str) {
        self.ill.lock().unwrap().insert(name.to_owned(), Readiness::Ended("it broke".to_owned()));
    }

    /// It does not work, and may yet.
    pub fn hangs(&self, name: &str) {
        self.ill.lock().unwrap().insert(name.to_owned(), Readiness::Failed("no image".to_owned()));
    }

    pub fn progresses(&self, name: &str) {
        self.ill.lock().unwrap().insert(name.to_owned(), Readiness::Progressing("0 of 1".to_owned()));
    }

    pub fn is_stuck(&self, name: &str, since: Time) {
        let stuck = Readiness::Stuck { reason: "1 of 2".to_owned(), since };
        self.ill.lock().unwrap().insert(name.to_owned(), stuck);
    }

    pub fn heals(&self, name: &str) {
        self.ill.lock().unwrap().remove(name);
    }

    /// It is on its way until somebody waits for it.
    pub fn is_ready_when_waited_for(&self, name: &str) {
        self.progresses(name);
        self.recovers.lock().unwrap().insert(name.to_owned());
    }

    /// The next change is made, and nobody hears of it.
    pub fn loses_an_answer(&self) {
        self.loses.store(true, SeqCst);
    }

    /// The objects that somebody asked about since the last call.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap()).into_iter().collect()
    }

    fn readiness(&self, key: &Key) -> Readiness {
        self.asked.lock().unwrap().insert(key.name().to_owned());
        if self.memory.get(key).is_none() {
            return Readiness::Gone;
        }
        self.ill.lock().unwrap().get(key.name()).cloned().unwrap_or(Readiness::Ready)
    }
}

#[async_trait]
impl Target for Ward {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let applied = self.memory.apply(cx, change).await?;
        match self.loses.swap(false, SeqCst) {
            true => Err(Error::new(ErrorKind::Unavailable, "no answer").outcome_unknown()),
            false => Ok(applied),
        }
    }

    fn health(&self) -> Option<&dyn Health> {
        Some(self)
    }
}

#[async_trait]
impl Health for Ward {
    async fn ready(&self, _: &Cx, key: &Key, applied: &Applied) -> Result<Readiness> {
        if self.recovers.lock().unwrap().remove(key.name()) {
            self.heals(key.name());
        }
        Ok(match applied {
            Applied::Absent => Readiness::Ready,
            _ => self.readiness(key),
        })
    }

    async fn look(&self, _: &Cx, keys: &[Key]) -> Result<BTreeMap<Key, Readiness>> {
        let keys = keys.iter().filter(|key| !self.blind && self.memory.get(key).is_some());
        Ok(keys.map(|key| (key.clone(), self.readiness(key))).collect())
    }
}

/// A file's words declare its object: `needs=NAME`, `stage=N`, `until=N`, `once`, `goes`, `goes-failed`, `keep`; others are its content.
pub fn render(part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
    let bytes = part.bytes()?;
    let text = std::str::from_utf8(&bytes).unwrap();
    let body = Value::map([("content", text.into())]);
    let object = Object::new(key(part.path()), body, part.provenance(0));
    let declared = text.split(' ').fold(object, |object, word| match word.split_once('=') {
        Some(("needs", name)) => object.with_need(Need::IfDeclared(key(name))),
        Some(("stage", number)) => object.in_stage(number.parse().unwrap()),
        Some(("until", number)) => object.serving_until(number.parse().unwrap()),
        _ if word == "once" => object.running_once(),
        _ if word == "keep" => object.kept(),
        _ if word == "goes" => object.cleaned_up(CleanUp::after(true, false)),
        _ if word == "goes-failed" => object.cleaned_up(CleanUp::after(false, true)),
        _ => object,
    });
    Ok(vec![declared])
}

/// A new engine on the same state, as after a restart.
pub async fn engine(world: &World, ward: &Arc<Ward>) -> Engine {
    let builder = world.builder("test").render(Arc::new(render_files("words 1", render)));
    builder.target("t", ward.clone()).open(&world.cx).await.unwrap()
}

/// A new process plans and applies; what came of each step, by name.
pub async fn apply(world: &World, ward: &Arc<Ward>) -> Vec<(String, String)> {
    let mut engine = engine(world, ward).await;
    apply_with(world, &mut engine).await
}

/// The same in a process that goes on.
pub async fn apply_with(world: &World, engine: &mut Engine) -> Vec<(String, String)> {
    let plan = engine.plan(&world.cx).await.unwrap();
    let report = engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    let short = |outcome: &StepOutcome| match outcome {
        StepOutcome::Done => "done".to_owned(),
        StepOutcome::NotReady { .. } => "not ready".to_owned(),
        StepOutcome::Blocked { by } => format!("blocked by {}", by.name()),
        other => format!("{other:?}"),
    };
    report.results.iter().map(|result| (result.key.name().to_owned(), short(&result.outcome))).collect()
}

/// What is there, by name.
pub fn names(world: &World) -> Vec<String> {
    world.memory.keys().iter().map(|key| key.name().to_owned()).collect()
}

pub fn came(outcomes: &[(&str, &str)]) -> Vec<(String, String)> {
    outcomes.iter().map(|(name, outcome)| ((*name).to_owned(), (*outcome).to_owned())).collect()
}
