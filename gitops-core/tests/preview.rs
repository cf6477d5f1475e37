//! Targets that preview changes: when they are asked, and that what they do is what was shown.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use gitops_core::capability::{DryRun, Preview};
use gitops_core::*;
use support::{World, body, key};
use tokio::sync::Barrier;

/// A target in memory that previews, and remembers what it was asked and told.
struct Seer {
    memory: Arc<Memory>,
    concurrency: usize,
    meeting: Option<Barrier>,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    asked: Vec<String>,
    applied: Vec<Option<Digest>>,
    blind: BTreeSet<String>,
    effect: u8,
    in_flight: usize,
    most_in_flight: usize,
}

impl Seer {
    fn over(world: &World) -> Self {
        Self { memory: world.memory.clone(), concurrency: 1, meeting: None, said: Mutex::default() }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().unwrap().asked)
    }

    fn effect(&self) -> Digest {
        Digest::of(&[self.said.lock().unwrap().effect])
    }
}

#[async_trait]
impl Target for Seer {
    fn info(&self) -> TargetInfo {
        self.memory.info().concurrency(self.concurrency)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.said.lock().unwrap().applied.push(change.preview().copied());
        self.memory.apply(cx, change).await
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        Some(self)
    }
}

#[async_trait]
impl DryRun for Seer {
    async fn preview(
        &self,
        _: &Cx,
        key: &Key,
        object: Option<&Object>,
        live: Option<&Live>,
    ) -> Result<Preview> {
        {
            let mut said = self.said.lock().unwrap();
            let sign = if object.is_some() { "" } else { "-" };
            said.asked.push(format!("{sign}{}", key.name()));
            said.in_flight += 1;
            said.most_in_flight = said.most_in_flight.max(said.in_flight);
            if said.blind.contains(key.name()) {
                return Err(Error::new(ErrorKind::Unavailable, "the crystal ball is foggy"));
            }
        }
        if let Some(meeting) = &self.meeting {
            meeting.wait().await;
        }
        self.said.lock().unwrap().in_flight -= 1;
        let diff = match (object, live) {
            (Some(object), Some(live)) => Structural::default().diff(&object.body, &live.body),
            _ => Diff::default(),
        };
        Ok(Preview::new(diff, self.effect()))
    }
}

async fn engine(world: &World, seer: &Arc<Seer>) -> Engine {
    world.builder("test").target("t", seer.clone()).open(&world.cx).await.unwrap()
}

async fn converge(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &support::yes()).await.unwrap()
}

#[tokio::test]
async fn only_what_would_get_a_step_is_asked_about() {
    let world = World::with(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "ours")]);
    world.memory.edit(&key("d"), Some(body("theirs")));
    let seer = Arc::new(Seer::over(&world));
    let mut engine = engine(&world, &seer).await;
    engine.plan(&world.cx).await.unwrap();
    assert_eq!(seer.asked(), ["a", "b", "c"], "what others made is not asked about");
    converge(&world, &mut engine).await;
    seer.asked();
    assert_eq!(engine.plan(&world.cx).await.unwrap().steps, []);
    assert_eq!(seer.asked(), [""; 0], "what is as it was left is not asked about");
    world.declare(&[("a", "1"), ("b", "new"), ("d", "ours")]);
    world.clear_events();
    engine.plan(&world.cx).await.unwrap();
    assert_eq!(seer.asked(), ["b", "-c"]);
    assert!(world.events().contains(&Event::Previewed { asked: 2, failed: 0 }));
}

#[tokio::test]
async fn the_change_carries_what_was_foretold_and_a_plan_of_another_effect_is_stale() {
    let world = World::with(&[("a", "1")]);
    let seer = Arc::new(Seer::over(&world));
    let mut engine = engine(&world, &seer).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    seer.said.lock().unwrap().effect = 7;
    let error = engine.apply(&world.cx, &plan, &support::yes()).await.unwrap_err();
    assert_eq!(error.moved(), [Moved::Previewed { key: key("a") }]);
    assert_eq!(world.memory.writes(), 0);
    converge(&world, &mut engine).await;
    world.declare(&[]);
    converge(&world, &mut engine).await;
    assert_eq!(seer.said.lock().unwrap().applied, [Some(seer_effect(7)), Some(seer_effect(7))]);
}

fn seer_effect(effect: u8) -> Digest {
    Digest::of(&[effect])
}

#[tokio::test]
async fn what_can_not_be_foretold_is_held_with_what_needs_it_and_no_other() {
    let world = World::with(&[("a", "1"), ("b", "needs: a"), ("c", "3")]);
    let seer = Arc::new(Seer::over(&world));
    seer.said.lock().unwrap().blind.insert("a".to_owned());
    let mut engine = engine(&world, &seer).await;
    let report = converge(&world, &mut engine).await;
    let [blocked] = &report.plan.blocked[..] else { panic!("{:?}", report.plan.blocked) };
    assert_eq!(blocked.key, key("a"));
    insta::assert_snapshot!(blocked.why, @"a dry run of the change fails: the crystal ball is foggy");
    let outcomes: Vec<_> = report.results.iter().map(|result| (result.key.name(), &result.outcome)).collect();
    assert_eq!(outcomes, [("b", &StepOutcome::Blocked { by: key("a") }), ("c", &StepOutcome::Done)]);
    seer.said.lock().unwrap().blind.clear();
    assert!(
        engine.reconcile(&world.cx).await.unwrap().is_converged(),
        "a blocked object is asked about again"
    );
}

#[tokio::test]
async fn a_stop_while_targets_foretell_ends_the_plan() {
    let world = World::with(&[("a", "1")]);
    let seer = Arc::new(Seer { meeting: Some(Barrier::new(2)), ..Seer::over(&world) });
    let mut engine = engine(&world, &seer).await;
    let (cx, stop) = (world.cx.clone(), world.cx.clone());
    let cancel = async {
        while seer.said.lock().unwrap().in_flight == 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (plan, ()) = tokio::join!(engine.plan(&cx), cancel);
    assert_eq!(plan.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn a_target_is_asked_about_as_many_objects_at_once_as_it_takes_changes() {
    let names: Vec<String> = (0..9).map(|n| format!("o{n}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let world = World::with(&files);
    let seer = Seer { concurrency: 3, meeting: Some(Barrier::new(3)), ..Seer::over(&world) };
    let seer = Arc::new(seer);
    assert_eq!(engine(&world, &seer).await.plan(&world.cx).await.unwrap().steps.len(), 9);
    assert_eq!(seer.said.lock().unwrap().most_in_flight, 3);
}
