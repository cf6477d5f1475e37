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
