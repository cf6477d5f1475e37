//! A change whose effect is not what was declared (met with a database backend written from the docs alone).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gitops_core::*;

use crate::support::{World, body, key, yes};

/// A database's roles: an update sets what is declared and leaves the rest as it is; its answer is a version alone.
struct Roles {
    memory: Arc<Memory>,
    looks: AtomicU64,
}

impl Roles {
    fn over(world: &World) -> Arc<Self> {
        Arc::new(Self { memory: world.memory.clone(), looks: AtomicU64::new(0) })
    }

    /// The change as the database understands it.
    fn understood(&self, change: &Change) -> Change {
        let (Change::Update { object, expect, owner_label, preview }, Some(live)) =
            (change.clone(), self.memory.get(change.key()))
        else {
            return change.clone();
        };
        let (Value::Map(declared), Value::Map(held)) = (&object.body, &live.body) else {
            return change.clone();
        };
        let kept = held.iter().filter(|(name, _)| declared.get(name).is_none());
        let members = declared.iter().chain(kept).map(|(name, value)| (name.to_owned(), value.clone()));
        let mut understood = Object::clone(&object);
        understood.body = Value::map(members);
        let object = Arc::new(understood);
        Change::Update { object, expect, owner_label, preview }
    }
}

#[async_trait]
impl Target for Roles {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.looks.fetch_add(scope.len() as u64, Ordering::Relaxed);
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let applied = self.memory.apply(cx, &self.understood(change)).await?;
        Ok(match applied.state() {
            Some((uid, version)) => Applied::Present { uid: uid.clone(), version: version.clone() },
            None => applied,
        })
    }
}

fn limited(content: &str) -> Value {
    Value::map([("content", content.into()), ("limit", Value::from(7))])
}

async fn over(world: &World, target: Arc<dyn Target>) -> Engine {
    world.builder("test").target("t", target).open(&world.cx).await.unwrap()
}

async fn plan_and_apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap()
}

#[tokio::test]
async fn a_change_that_a_target_does_not_make_is_told_of_and_not_remembered_as_equal() {
    let world = World::with(&[("a", "1"), ("b", "needs: a")]);
    let roles = Roles::over(&world);
    let mut engine = over(&world, roles.clone()).await;
    assert!(plan_and_apply(&world, &mut engine).await.is_converged());
    world.memory.edit(&key("a"), Some(limited("1")));
    world.declare(&[("a", "1"), ("b", "needs: a"), ("c", "needs: a")]);
    let report = plan_and_apply(&world, &mut engine).await;
    let outcomes: Vec<_> = report.results.iter().map(|result| (result.key.name(), &result.outcome)).collect();
    let differs = StepOutcome::Differs { fields: vec!["/limit".into()] };
    assert_eq!(outcomes, [("a", &differs), ("c", &StepOutcome::Blocked { by: key("a") })]);
    assert!(world.events().contains(&Event::Differs { key: key("a"), fields: vec!["/limit".into()] }));

    let writes = world.memory.writes();
    let again = engine.reconcile(&world.cx).await.unwrap();
    let blocked = Blocked::new(key("a"), BlockedBecause::Differs { fields: vec!["/limit".into()] });
    assert_eq!((&again.plan.blocked[..], again.is_converged()), (&[blocked][..], false));
    assert_eq!(world.memory.writes(), writes, "the same is not written over the same again");

    drop(engine);
    let mut later = over(&world, roles.clone()).await;
    let plan = later.plan(&world.cx).await.unwrap();
    assert_eq!(
        plan.steps[0].diff.fields()[0].path,
        "/limit",
        "the next process shows it, and tries once more"
    );
    let is_told = |plan: &Plan| plan.steps[0].left_otherwise && plan.steps[0].cause == Cause::ThisChange;
    assert!(is_told(&plan), "it is no drift that is put back without a person: {:?}", plan.steps);
    let second = over(&world, roles.clone()).await.plan(&world.cx).await.unwrap();
    assert!(is_told(&second), "a plan that is not carried out changes nothing of that");

    world.memory.edit(&key("a"), Some(body("1")));
    assert!(plan_and_apply(&world, &mut later).await.is_converged(), "it is mended by hand");
    assert!(over(&world, roles).await.reconcile(&world.cx).await.unwrap().plan.steps.is_empty());
}

#[tokio::test]
async fn a_declaration_that_moves_is_written_again() {
    let world = World::with(&[("a", "1")]);
    let mut engine = over(&world, Roles::over(&world)).await;
    plan_and_apply(&world, &mut engine).await;
    world.memory.edit(&key("a"), Some(limited("1")));
    plan_and_apply(&world, &mut engine).await;
    world.declare(&[("a", "2")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(!plan.steps[0].left_otherwise, "this was never written: {:?}", plan.steps);
    let report = plan_and_apply(&world, &mut engine).await;
    assert_eq!(report.results[0].outcome, StepOutcome::Differs { fields: vec!["/limit".into()] });
    assert_eq!(world.memory.get(&key("a")).unwrap().body, limited("2"));
}

#[tokio::test]
async fn a_target_is_looked_at_once_after_a_write_only_if_its_answer_does_not_say_what_it_holds() {
    let names: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let (world, tells) = (World::with(&files), World::with(&files));
    let roles = Roles::over(&world);
    let (mut engine, mut telling) = (over(&world, roles.clone()).await, tells.engine().await);
    assert!(plan_and_apply(&world, &mut engine).await.is_converged());
    assert!(plan_and_apply(&tells, &mut telling).await.is_converged());
    let looks = (roles.looks.load(Ordering::Relaxed), tells.memory.observed());
    assert_eq!(
        looks,
        (20 + 20 + 20, 20 + 20),
        "a plan, its apply, and what was written where that is not told"
    );
    let journal = world.journal_bytes();
    assert!(engine.reconcile(&world.cx).await.unwrap().plan.steps.is_empty());
    assert_eq!(world.journal_bytes(), journal, "what was seen to be as declared is not recorded twice");
}
