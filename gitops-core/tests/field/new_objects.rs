use std::sync::{Arc, Mutex};

use gitops_core::capability::{Admission, Beside};
use gitops_core::*;

use crate::support::{World, yes};

/// A target that takes no object whose content is `bad`, unless `late` is made with it.
struct Picky {
    memory: Arc<Memory>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Target for Picky {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.memory.apply(cx, change).await
    }

    fn admission(&self) -> Option<&dyn Admission> {
        Some(self)
    }
}

#[async_trait]
impl Admission for Picky {
    async fn admits(&self, _: &Cx, object: &Object, beside: &Beside) -> Result<()> {
        self.asked.lock().unwrap().push(object.key.name().to_owned());
        let is_bad = beside.file(object).is_some_and(|content| &*content == b"bad");
        let late = crate::support::key("late");
        match is_bad && !beside.is_made(&late) {
            true => Err(Error::new(ErrorKind::Invalid, "it is bad")),
            false => Ok(()),
        }
    }

    async fn refuses_deletion(&self, _: &Cx, live: &Live) -> Result<Option<Refusal>> {
        self.asked.lock().unwrap().push(format!("delete {}", live.key.name()));
        match live.body.get("content").and_then(Value::as_text) {
            Some("guarded") => Ok(Some(Refusal::new(ErrorKind::Denied, "it is guarded"))),
            Some("unsure") => Err(Error::new(ErrorKind::Unavailable, "nobody answers")),
            _ => Ok(None),
        }
    }
}

/// Met with slips in new manifests: the plan was green, and the apply failed.
#[tokio::test]
async fn a_new_object_that_would_be_refused_is_held_in_the_plan_and_in_its_apply() {
    let world = World::with(&[("a", "1"), ("b", "bad")]);
    let picky = Arc::new(Picky { memory: world.memory.clone(), asked: Mutex::default() });
    let asked = || std::mem::take(&mut *picky.asked.lock().unwrap());
    let mut engine = world.builder("test").target("t", picky.clone()).open(&world.cx).await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    let blocked: Vec<String> = plan.blocked.iter().map(|blocked| blocked.key.name().to_owned()).collect();
    assert_eq!(
        (blocked, plan.steps.len(), asked()),
        (vec!["b".to_owned()], 1, vec!["a".to_owned(), "b".to_owned()])
    );
    let report = engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    assert_eq!(
        (report.applied(), report.plan.blocked.len(), asked()),
        (1, 1, vec![]),
        "the apply asks nothing"
    );
    // The next plan asks again about what was refused, and about nothing that was taken.
    engine.plan(&world.cx).await.unwrap();
    assert_eq!(asked(), ["b"]);
    // What carries out without showing does not ask: the target answers.
    assert_eq!(engine.reconcile(&world.cx).await.unwrap().applied(), 1);
    assert_eq!(asked(), [""; 0]);
}

#[tokio::test]
async fn what_is_made_with_an_object_is_known_when_it_is_asked_about() {
    let world = World::with(&[("b", "bad"), ("late", "1")]);
    let picky = Arc::new(Picky { memory: world.memory.clone(), asked: Mutex::default() });
    let mut engine = world.builder("test").target("t", picky).open(&world.cx).await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!((plan.blocked.len(), plan.steps.len()), (0, 2));
}

fn blocked(plan: &Plan) -> Vec<String> {
    plan.blocked.iter().map(|blocked| format!("{}: {}", blocked.key.name(), blocked.why)).collect()
}

/// Met with an object that a policy of the cluster guards: the plan showed its deletion, and each apply failed.
#[tokio::test]
async fn a_deletion_that_would_be_refused_is_held_in_the_plan_and_in_each_apply() {
    let world = World::with(&[("a", "guarded"), ("b", "1"), ("c", "unsure"), ("kept", "1")]);
    let picky = Arc::new(Picky { memory: world.memory.clone(), asked: Mutex::default() });
    let asked = || std::mem::take(&mut *picky.asked.lock().unwrap());
    let open = || world.builder("test").target("t", picky.clone()).open(&world.cx);
    let mut engine = open().await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    world.declare(&[("kept", "1")]);
    asked();
    let plan = engine.plan(&world.cx).await.unwrap();
    let held = ["a: its deletion is refused: it is guarded"];
    assert_eq!((blocked(&plan), plan.steps.len()), (held.map(str::to_owned).into(), 2), "{plan:?}");
    assert_eq!(asked(), ["delete a", "delete b", "delete c"]);
    drop(engine);
    // Another process applies what was shown, and asks once more.
    let mut engine = open().await.unwrap();
    let report = engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    assert_eq!((report.applied(), blocked(&report.plan)), (2, held.map(str::to_owned).into()));
    assert_eq!(asked(), ["delete a", "delete b", "delete c"]);
    // So does each reconciliation; nothing fails.
    for _ in 0..2 {
        let report = engine.reconcile(&world.cx).await.unwrap();
        assert_eq!((report.results.len(), blocked(&report.plan)), (0, held.map(str::to_owned).into()));
        assert_eq!(asked(), ["delete a"]);
    }
    world.memory.edit(&crate::support::key("a"), Some(crate::support::body("2")));
    assert_eq!(engine.reconcile(&world.cx).await.unwrap().applied(), 1, "nobody guards it any more");
    assert_eq!(crate::ward::names(&world), ["kept"]);
}

#[tokio::test]
async fn an_apply_in_the_process_that_showed_its_plan_does_not_ask_about_deletions_again() {
    let world = World::with(&[("a", "guarded"), ("b", "1"), ("kept", "1")]);
    let picky = Arc::new(Picky { memory: world.memory.clone(), asked: Mutex::default() });
    let mut engine = world.builder("test").target("t", picky.clone()).open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    world.declare(&[("kept", "1")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    picky.asked.lock().unwrap().clear();
    assert_eq!(engine.apply(&world.cx, &plan, &yes()).await.unwrap().applied(), 1);
    assert!(picky.asked.lock().unwrap().is_empty());
}

/// What guards an object may go by the same plan.
#[tokio::test]
async fn a_deletion_that_waits_for_others_is_not_asked_about() {
    let world = World::with(&[("a", "guarded"), ("b", "needs: a"), ("kept", "1")]);
    let picky = Arc::new(Picky { memory: world.memory.clone(), asked: Mutex::default() });
    let mut engine = world.builder("test").target("t", picky.clone()).open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    world.declare(&[("kept", "1")]);
    picky.asked.lock().unwrap().clear();
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!((blocked(&plan).len(), plan.steps.len()), (0, 2), "{plan:?}");
    assert_eq!(*picky.asked.lock().unwrap(), ["delete b"]);
}
