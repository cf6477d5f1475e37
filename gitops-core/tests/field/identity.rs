//! One object under two keys (met with events of a cluster whose group moved).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use gitops_core::capability::Identity;
use gitops_core::*;

use crate::support::{World, body, yes};

fn key(kind: &str, name: &str) -> Key {
    Key::new("t", GroupKind::new("", kind), "", name)
}

/// A server that serves each object under two kinds.
struct TwoViews {
    memory: Arc<Memory>,
    unreadable: Mutex<BTreeSet<Key>>,
    refuses: Mutex<bool>,
    place: Option<&'static str>,
}

impl TwoViews {
    fn over(world: &World) -> Arc<Self> {
        Self::at(world, None)
    }

    fn at(world: &World, place: Option<&'static str>) -> Arc<Self> {
        let (unreadable, refuses) = (Mutex::default(), Mutex::default());
        Arc::new(Self { memory: world.memory.clone(), unreadable, refuses, place })
    }

    fn inner(key: &Key) -> Key {
        self::key("K", key.name())
    }

    fn holds(&self, name: &str) -> Option<Value> {
        self.memory.get(&key("K", name)).map(|live| live.body)
    }
}

#[async_trait]
impl Target for TwoViews {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, _: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let unreadable = self.unreadable.lock().unwrap().clone();
        let see = |asked: &Key| match unreadable.contains(asked) {
            true => Some(Live::unreadable(asked.clone(), "forbidden")),
            false => self.memory.get(&Self::inner(asked)).map(|mut live| {
                live.key = asked.clone();
                live.op = Some(live.uid.as_str().into());
                live
            }),
        };
        Ok(scope.keys().filter_map(see).collect())
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        if *self.refuses.lock().unwrap() {
            return Err(Error::new(ErrorKind::Forbidden, "refused for the test"));
        }
        let inner = Self::inner(change.key());
        let mut change = change.clone();
        match &mut change {
            Change::Delete { key, .. } => *key = inner,
            Change::Create { object, .. }
            | Change::Update { object, .. }
            | Change::Replace { object, .. } => {
                let mut renamed = Object::clone(object);
                renamed.key = inner;
                *object = Arc::new(renamed);
            }
        }
        let applied = self.memory.apply(cx, &change).await?;
        Ok(match applied.state() {
            Some((uid, version)) => Applied::Present { uid: uid.clone(), version: version.clone() },
            None => applied,
        })
    }

    fn identity(&self) -> Option<&dyn Identity> {
        Some(self)
    }
}

#[async_trait]
impl Identity for TwoViews {
    async fn place(&self, _: &Cx) -> Result<Option<String>> {
        Ok(self.place.map(str::to_owned))
    }
}

/// `KIND NAME` declares an object, and so does `TARGET KIND NAME`.
fn render(part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
    let bytes = part.bytes()?;
    let words: Vec<&str> = part.path().split(' ').collect();
    let key = match *words {
        [target, kind, name] => Key::new(target, GroupKind::new("", kind), "", name),
        _ => key(words[0], words[1]),
    };
    let body = body(std::str::from_utf8(&bytes).unwrap());
    Ok(vec![Object::new(key, body, part.provenance(0))])
}

async fn over(world: &World, target: &Arc<TwoViews>) -> Engine {
    let builder = world.builder("test").render(Arc::new(render_files("views 1", render)));
    builder.target("t", target.clone()).open(&world.cx).await.unwrap()
}

async fn plan_and_apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap()
}

fn owned(engine: &Engine) -> Vec<String> {
    engine.inventory().entries().keys().map(|key| format!("{} {}", key.kind().kind(), key.name())).collect()
}

#[tokio::test]
async fn an_object_whose_key_moves_stays_and_is_recorded_under_the_new_key() {
    let world = World::with(&[("Old a", "1"), ("Old b", "1")]);
    let target = TwoViews::over(&world);
    let mut engine = over(&world, &target).await;
    plan_and_apply(&world, &mut engine).await;
    world.declare(&[("New a", "2")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.action, step.key.to_string())).collect();
    let expected = [(Action::Delete, "t:Old/-/b".to_owned()), (Action::Update, "t:New/-/a".to_owned())];
    assert_eq!(steps, expected, "what left goes, and what only has another key does not");
    assert!(engine.apply(&world.cx, &plan, &yes()).await.unwrap().is_converged());
    assert_eq!((target.holds("a"), target.holds("b")), (Some(body("2")), None));
    assert_eq!(owned(&engine), ["New a"]);
    assert!(engine.reconcile(&world.cx).await.unwrap().plan.steps.is_empty());
    let mut later = over(&world, &target).await;
    let plan = later.plan(&world.cx).await.unwrap();
    assert_eq!((plan.steps.len(), plan.blocked.len(), plan.owned), (0, 0, 1));
    world.declare(&[]);
    plan_and_apply(&world, &mut later).await;
    assert_eq!(target.holds("a"), None, "it goes under the key that it has now");
}

#[tokio::test]
async fn an_object_that_was_declared_under_both_keys_stays_when_one_of_them_leaves() {
    let world = World::with(&[("Old a", "1"), ("New a", "1"), ("Old b", "1")]);
    let target = TwoViews::over(&world);
    for _ in 0..2 {
        plan_and_apply(&world, &mut over(&world, &target).await).await;
    }
    let mut engine = over(&world, &target).await;
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    world.declare(&[("New a", "1"), ("Old b", "1")]);
    assert!(
        engine.reconcile(&world.cx).await.unwrap().plan.steps.is_empty(),
        "the key that stays is not looked at"
    );
    assert_eq!((target.holds("a"), owned(&engine)), (Some(body("1")), vec!["New a".into(), "Old b".into()]));
}

#[tokio::test]
async fn nothing_is_deleted_while_nobody_can_say_whether_it_is_the_declared_object() {
    let world = World::with(&[("Old a", "1")]);
    let target = TwoViews::over(&world);
    let mut engine = over(&world, &target).await;
    plan_and_apply(&world, &mut engine).await;
    world.declare(&[("New a", "1")]);
    target.unreadable.lock().unwrap().insert(key("New", "a"));
    let report = plan_and_apply(&world, &mut engine).await;
    let why = BlockedBecause::DeclaredAs { other: key("New", "a") };
    assert!(report.plan.blocked.contains(&Blocked::new(key("Old", "a"), why)), "{:?}", report.plan.blocked);
    assert_eq!(
        (report.plan.steps.len(), target.holds("a"), owned(&engine)),
        (0, Some(body("1")), vec!["Old a".into()])
    );
    target.unreadable.lock().unwrap().clear();
    assert!(plan_and_apply(&world, &mut over(&world, &target).await).await.is_converged());
    assert_eq!(
        (target.holds("a"), owned(&over(&world, &target).await)),
        (Some(body("1")), vec!["New a".into()])
    );
}

#[tokio::test]
async fn an_object_whose_new_declaration_is_refused_is_still_ours() {
    let world = World::with(&[("Old a", "1")]);
    let target = TwoViews::over(&world);
    plan_and_apply(&world, &mut over(&world, &target).await).await;
    world.declare(&[("New a", "2")]);
    *target.refuses.lock().unwrap() = true;
    let mut engine = over(&world, &target).await;
    assert_eq!(plan_and_apply(&world, &mut engine).await.failed(), 1);
    assert_eq!(owned(&engine), ["New a"]);
    *target.refuses.lock().unwrap() = false;
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    assert_eq!(target.holds("a"), Some(body("2")));
}

/// An engine with two targets that reach one server, which they can name or not.
async fn twice(world: &World, place: Option<&'static str>) -> Engine {
    let builder = world.builder("test").render(Arc::new(render_files("views 1", render)));
    let builder = builder.target("t", TwoViews::at(world, place)).target("u", TwoViews::at(world, place));
    builder.open(&world.cx).await.unwrap()
}

fn holds(world: &World, name: &str) -> Option<Value> {
    world.memory.get(&key("K", name)).map(|live| live.body)
}

/// Met with an application of two targets, for two parts of one cluster.
#[tokio::test]
async fn an_object_that_moves_to_another_target_of_the_same_place_stays() {
    for place in [Some("here"), None] {
        let world = World::with(&[("t K a", "1"), ("t K b", "1"), ("t K c", "1")]);
        plan_and_apply(&world, &mut twice(&world, place).await).await;
        world.declare(&[("u K a", "1"), ("t K b", "1")]);
        let report = plan_and_apply(&world, &mut twice(&world, place).await).await;
        let steps: Vec<_> = report.plan.steps.iter().map(|step| step.key.to_string()).collect();
        assert_eq!(
            steps,
            ["t:K/-/c"],
            "what left goes, and what only has another target does not: {place:?}"
        );
        assert_eq!((holds(&world, "a"), holds(&world, "c")), (Some(body("1")), None));
        let mut later = twice(&world, place).await;
        let plan = later.plan(&world.cx).await.unwrap();
        assert_eq!((plan.steps.len(), plan.blocked.len(), plan.owned), (0, 0, 2), "{place:?}: {plan:?}");
        world.declare(&[("t K b", "1")]);
        plan_and_apply(&world, &mut later).await;
        assert_eq!(holds(&world, "a"), None, "it goes from where it is now");
    }
}

#[tokio::test]
async fn an_object_that_two_targets_of_the_same_place_declare_is_declared_twice() {
    let world = World::with(&[("t K a", "1"), ("t K b", "1")]);
    plan_and_apply(&world, &mut twice(&world, Some("here")).await).await;
    world.declare(&[("t K a", "1"), ("u K a", "2"), ("t K b", "1")]);
    let report = plan_and_apply(&world, &mut twice(&world, Some("here")).await).await;
    let blocked: Vec<_> = report.plan.blocked.iter().map(|blocked| blocked.key.to_string()).collect();
    assert_eq!((blocked.join(" "), report.plan.steps.len()), ("t:K/-/a u:K/-/a".to_owned(), 0));
    world.declare(&[("u K a", "2"), ("t K b", "1")]);
    plan_and_apply(&world, &mut twice(&world, Some("here")).await).await;
    assert_eq!(holds(&world, "a"), Some(body("2")), "the one that stays counts");
}
