//! Targets that preview changes: when they are asked, and that what they do is what was shown.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use gitops_core::capability::DryRun;
use gitops_core::*;
use support::previews::{Previews, fields};
use support::{World, body, key};

/// What a target sees, and of which objects it can't say anything.
#[derive(Default)]
struct Mood {
    effect: u8,
    blind: BTreeSet<String>,
}

fn seer(world: &World) -> (Previews, Arc<Mutex<Mood>>) {
    let mood = Arc::<Mutex<Mood>>::default();
    let now = mood.clone();
    let says = move |key: &Key, object: Option<&Object>, live: Option<&Live>| {
        let mood = now.lock().unwrap();
        match mood.blind.contains(key.name()) {
            true => Err(Error::new(ErrorKind::Unavailable, "the crystal ball is foggy")),
            false => Ok(fields(object, live, effect(mood.effect))),
        }
    };
    (Previews::over(world, says), mood)
}

fn effect(effect: u8) -> Digest {
    Digest::of(&[effect])
}

async fn engine(world: &World, seer: &Arc<Previews>) -> Engine {
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
    let seer = Arc::new(seer(&world).0);
    let mut engine = engine(&world, &seer).await;
    engine.plan(&world.cx).await.unwrap();
    assert_eq!(seer.asked(), ["a", "b", "c"], "what others made is not asked about");
    converge(&world, &mut engine).await;
    seer.asked();
    assert_eq!(engine.plan(&world.cx).await.unwrap().steps, []);
    assert_eq!(seer.asked(), [""; 0], "what is as it was left is not asked about");
    drop(engine);
    let mut engine = self::engine(&world, &seer).await;
    assert_eq!(engine.plan(&world.cx).await.unwrap().steps, []);
    assert_eq!(seer.asked(), [""; 0], "nor is it in the next process");
    world.declare(&[("a", "1"), ("b", "new"), ("d", "ours")]);
    world.clear_events();
    engine.plan(&world.cx).await.unwrap();
    assert_eq!(seer.asked(), ["b", "-c"]);
    assert!(world.events().contains(&Event::Previewed { asked: 2, failed: 0 }));
}

/// What a review does: the target branch's plan, and the merge's from the same look. A webhook that answers otherwise meanwhile, or somebody
/// who edits an object, is no difference of the two.
#[tokio::test]
async fn a_plan_that_is_compared_asks_about_nothing_that_the_first_one_saw() {
    let world = World::with(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
    let (seer, mood) = seer(&world);
    let seer = Arc::new(seer);
    let mut engine = engine(&world, &seer).await;
    let base = converge(&world, &mut engine).await.plan.revision;
    for name in ["a", "b", "d"] {
        world.memory.edit(&key(name), Some(body("by hand")));
    }
    seer.asked();
    let first = engine.first_at(&world.cx, &base).await.unwrap();
    assert_eq!(seer.asked(), ["a", "b", "d"]);
    world.memory.edit(&key("a"), Some(body("again by hand")));
    mood.lock().unwrap().effect = 7;
    world.declare(&[("a", "1"), ("b", "2"), ("c", "new"), ("d", "new")]);
    let head = engine.source().resolve(&world.cx).await.unwrap();
    world.clear_events();
    let next = engine.next_at(&world.cx, &head).await.unwrap();
    assert_eq!(seer.asked(), ["c", "d"], "what is declared otherwise");
    assert!(world.events().contains(&Event::Previewed { asked: 2, failed: 0 }));
    assert!(world.events().contains(&Event::Observed { asked: 1 }), "{:?}", world.events());
    let of = |plan: &Plan, name: &str| plan.step(&key(name)).cloned();
    for name in ["a", "b"] {
        assert_eq!(of(&next.plan, name), of(&first.plan, name));
    }
    // It is kept for what is compared, and for no plan that is applied.
    let plan = engine.plan(&world.cx).await.unwrap();
    let asked: BTreeSet<String> = seer.asked().into_iter().collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert_ne!(of(&plan, "a"), of(&first.plan, "a"));
}

#[tokio::test]
async fn the_change_carries_what_was_foretold_and_a_plan_of_another_effect_is_stale() {
    let world = World::with(&[("a", "1")]);
    let (seer, mood) = seer(&world);
    let seer = Arc::new(seer);
    let mut engine = engine(&world, &seer).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    mood.lock().unwrap().effect = 7;
    let error = engine.apply(&world.cx, &plan, &support::yes()).await.unwrap_err();
    assert_eq!(error.moved(), [StaleBecause::Previewed { key: key("a") }]);
    assert_eq!(world.memory.writes(), 0);
    converge(&world, &mut engine).await;
    world.declare(&[]);
    converge(&world, &mut engine).await;
    assert_eq!(seer.applied(), [Some(effect(7)), Some(effect(7))]);
}

#[tokio::test]
async fn what_can_not_be_foretold_is_held_with_what_needs_it_and_no_other() {
    let world = World::with(&[("a", "1"), ("b", "needs: a"), ("c", "3")]);
    let (seer, mood) = seer(&world);
    mood.lock().unwrap().blind.insert("a".to_owned());
    let mut engine = engine(&world, &Arc::new(seer)).await;
    let report = converge(&world, &mut engine).await;
    let [blocked] = &report.plan.blocked[..] else { panic!("{:?}", report.plan.blocked) };
    assert_eq!(blocked.key, key("a"));
    insta::assert_snapshot!(blocked.why, @"a dry run of the change fails: the crystal ball is foggy");
    let outcomes: Vec<_> = report.results.iter().map(|result| (result.key.name(), &result.outcome)).collect();
    assert_eq!(outcomes, [("b", &StepOutcome::Blocked { by: key("a") }), ("c", &StepOutcome::Done)]);
    mood.lock().unwrap().blind.clear();
    assert!(
        engine.reconcile(&world.cx).await.unwrap().is_converged(),
        "a blocked object is asked about again"
    );
}

#[tokio::test]
async fn a_stop_while_targets_foretell_ends_the_plan() {
    let world = World::with(&[("a", "1")]);
    let seer = Arc::new(seer(&world).0.meeting(2));
    let mut engine = engine(&world, &seer).await;
    let (cx, stop) = (world.cx.clone(), world.cx.clone());
    let cancel = async {
        while seer.in_flight() == 0 {
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
    let seer = Arc::new(seer(&world).0.info(|info| info.concurrency(3)).meeting(3));
    assert_eq!(engine(&world, &seer).await.plan(&world.cx).await.unwrap().steps.len(), 9);
    assert_eq!(seer.most_in_flight(), 3);
}

/// A target that previews, and keeps everything in capital letters.
struct Shouting(Arc<Previews>);

#[async_trait]
impl Target for Shouting {
    fn info(&self) -> TargetInfo {
        Target::info(&*self.0)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let mut found = self.0.observe(cx, scope).await?;
        for live in &mut found {
            let text = live.body.get("content").and_then(Value::as_text).unwrap().to_uppercase();
            live.body = body(&text);
        }
        Ok(found)
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let applied = self.0.apply(cx, change).await?;
        // It says no more than that the object is there.
        let (uid, version) = applied.state().unwrap();
        Ok(Applied::Present { uid: uid.clone(), version: version.clone() })
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        self.0.dry_run()
    }
}

/// What it shows is never word for word what is declared: only that nobody changed it since saves the question.
#[tokio::test]
async fn what_a_previewing_target_was_told_is_not_asked_about_by_the_next_process() {
    let world = World::with(&[("a", "words")]);
    let seer = Arc::new(seer(&world).0);
    let open = async || {
        let target = Arc::new(Shouting(seer.clone()));
        world.builder("test").target("t", target).open(&world.cx).await.unwrap()
    };
    open().await.reconcile(&world.cx).await.unwrap();
    seer.asked();
    assert_eq!(open().await.plan(&world.cx).await.unwrap().steps, []);
    assert_eq!(seer.asked(), [""; 0]);
}
