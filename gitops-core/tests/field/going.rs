//! Declared objects whose place somebody deletes. Met with a namespace that was stuck in its deletion: "No drift", and each
//! reconciliation failed on what could not be made in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use gitops_core::capability::{Admission, Beside};
use gitops_core::*;

use crate::support::{World, key, yes};

/// A target whose place can be on its way out.
struct Place {
    memory: Arc<Memory>,
    goes: AtomicBool,
    is_silent: AtomicBool,
}

#[async_trait]
impl Target for Place {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        match (self.goes.load(SeqCst), change) {
            (true, Change::Create { .. }) => {
                Err(Error::new(ErrorKind::Forbidden, "its place is being deleted"))
            }
            _ => self.memory.apply(cx, change).await,
        }
    }

    fn admission(&self) -> Option<&dyn Admission> {
        Some(self)
    }
}

#[async_trait]
impl Admission for Place {
    async fn admits(&self, _: &Cx, _: &Object, _: &Beside) -> Result<()> {
        Ok(())
    }

    async fn going(&self, _: &Cx, keys: &[Key], _: &BTreeMap<Key, Live>) -> Result<BTreeMap<Key, Key>> {
        if self.is_silent.load(SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "nobody answers"));
        }
        let goes = self.goes.load(SeqCst);
        Ok(keys.iter().filter(|_| goes).map(|object| (object.clone(), key("place"))).collect())
    }
}

fn blocked(plan: &Plan) -> Vec<String> {
    plan.blocked.iter().map(|blocked| format!("{}: {}", blocked.key.name(), blocked.why)).collect()
}

fn beside(plan: &Plan) -> Vec<(&str, &FoundBeside)> {
    plan.beside.iter().map(|beside| (beside.key.name(), &beside.found)).collect()
}

#[tokio::test]
async fn what_goes_with_its_place_drifts_and_is_left_alone_until_that_is_over() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    let memory = world.memory.clone();
    let place = Arc::new(Place { memory, goes: AtomicBool::new(false), is_silent: AtomicBool::new(false) });
    let mut engine = world.builder("test").target("t", place.clone()).open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    world.declare(&[("a", "1"), ("b", "2"), ("new", "1")]);
    place.goes.store(true, SeqCst);
    let each =
        ["a", "b", "new"].map(|name| format!("{name}: t:K/-/place is being deleted, with all that is in it"));
    let going = FoundBeside::GoesWith { of: key("place") };
    for _ in 0..2 {
        let plan = engine.plan(&world.cx).await.unwrap();
        assert_eq!(blocked(&plan), each, "{plan:?}");
        assert_eq!(beside(&plan), [("a", &going), ("b", &going)]);
        assert!(plan.obstacles().all(|(_, obstacle)| obstacle == Obstacle::Conflict), "{plan:?}");
    }
    // Nothing is tried.
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.results.len(), blocked(&report.plan)), (0, each.into()));
    // It is gone by and by, and the next process says the same.
    world.memory.edit(&key("a"), None);
    drop(engine);
    let mut engine = world.builder("test").target("t", place.clone()).open(&world.cx).await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!((plan.steps.len(), beside(&plan)), (0, vec![("a", &going), ("b", &going)]));
    // Of a target that can't say so, they are objects like any others.
    place.is_silent.store(true, SeqCst);
    assert_eq!(engine.plan(&world.cx).await.unwrap().steps.len(), 3);
    place.is_silent.store(false, SeqCst);
    place.goes.store(false, SeqCst);
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(engine.apply(&world.cx, &plan, &yes()).await.unwrap().is_converged());
    assert_eq!(crate::ward::names(&world), ["a", "b", "new"]);
}

/// A place that is declared too is made anew once it is gone, and so is what is in it: nobody has to do anything.
#[tokio::test]
async fn what_goes_with_a_declared_place_is_waited_for() {
    let world = World::with(&[("a", "1"), ("place", "1")]);
    let memory = world.memory.clone();
    let place = Arc::new(Place { memory, goes: AtomicBool::new(true), is_silent: AtomicBool::new(false) });
    let mut engine = world.builder("test").target("t", place.clone()).open(&world.cx).await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    let obstacles: Vec<_> =
        plan.obstacles().map(|(blocked, obstacle)| (blocked.key.name(), obstacle)).collect();
    assert_eq!(obstacles, [("a", Obstacle::Wait), ("place", Obstacle::Wait)]);
}
