use std::sync::Arc;
use std::time::Duration;

use gitops_core::*;
use gitops_k8s::Kubernetes;
use serde_json::json;

use crate::support::{Files, World, definition, deployment, render};

pub struct App {
    pub files: Files,
    pub target: Arc<Kubernetes>,
    pub engine: Engine,
}

impl App {
    pub async fn new(world: &World, target: Kubernetes) -> Self {
        let (files, target) = (Files::default(), Arc::new(target));
        let engine = engine(world, &files, &target, Duration::from_millis(300)).await;
        Self { files, target, engine }
    }

    /// Another application of the same files and target, that waits for what it made.
    async fn engine_waiting(&self, world: &World) -> Engine {
        engine(world, &self.files, &self.target, Duration::from_secs(60)).await
    }

    pub async fn apply(&mut self, cx: &Cx) -> Report {
        let plan = self.engine.plan(cx).await.unwrap();
        self.engine.apply(cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap()
    }
}

async fn engine(world: &World, files: &Files, target: &Arc<Kubernetes>, patience: Duration) -> Engine {
    builder(world, files, target, patience).open(&world.cx).await.unwrap()
}

pub fn builder(world: &World, files: &Files, target: &Arc<Kubernetes>, patience: Duration) -> EngineBuilder {
    let state = State::in_memory();
    Engine::builder("shop")
        .source(Arc::new(files.clone()))
        .render(Arc::new(render(world.namespace.clone())))
        .target("k", target.clone())
        .ready_timeout(patience)
        .state(state)
}

pub fn config_map(name: &str, value: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": value}})
}

#[tokio::test]
async fn from_nothing_to_converged_changed_drifted_and_pruned() {
    let world = World::new("engine").await;
    let mut app = App::new(&world, world.target()).await;
    let (b, web) = (config_map("b", "1"), deployment("web", 1, "nginx:1"));
    app.files.declare([("a", config_map("a", "1")), ("b", b.clone()), ("web", web.clone())]);
    let report = app.apply(&world.cx).await;
    assert_eq!(
        (report.applied(), report.failed()),
        (3, 1),
        "no controller makes the deployment ready: {report:?}"
    );
    assert_eq!(world.writes(), 3);

    let asked = world.requests().len();
    let report = app.apply(&world.cx).await;
    assert!(report.plan.steps.is_empty() && report.plan.blocked.is_empty(), "{:?}", report.plan);
    assert_eq!(world.writes(), 3, "a second pass writes nothing");
    let dry_runs = world.requests()[asked..].iter().filter(|request| request.is_dry_run()).count();
    assert_eq!(dry_runs, 0, "and asks the server about nothing that is as it was left");

    app.files.declare([("a", config_map("a", "2")), ("b", b), ("web", web)]);
    app.apply(&world.cx).await;
    assert_eq!(world.writes(), 4, "one field, one write");

    let uri = world.uri("configmaps", "b");
    world.admin.merge(&uri, &json!({"data": {"x": "theirs"}})).await;
    let report = app.apply(&world.cx).await;
    assert_eq!(report.applied(), 1);
    assert_eq!(
        world.admin.get(&uri).await.unwrap()["data"]["x"],
        "1",
        "an edit of what is declared is undone"
    );

    app.files.declare([("a", config_map("a", "2"))]);
    let report = app.apply(&world.cx).await;
    assert_eq!(report.applied(), 2, "{report:?}");
    assert!(world.admin.get(&uri).await.is_none());
    assert!(world.admin.get(&world.uri("configmaps", "a")).await.is_some());
    assert_eq!(app.engine.inventory().entries().len(), 1);
}

#[tokio::test]
async fn two_applications_that_want_one_object_are_told_so() {
    let world = World::new("rivals").await;
    let mut first = App::new(&world, world.target()).await;
    let other = Kubernetes::builder(world.cluster.clone(), "other").build().unwrap();
    let mut second = App::new(&world, other).await;
    first.files.declare([("a", config_map("a", "1"))]);
    second.files.declare([("a", config_map("a", "2"))]);
    assert_eq!(first.apply(&world.cx).await.applied(), 1);
    let report = second.apply(&world.cx).await;
    let blocked = &report.plan.blocked[0];
    let owner = first.engine.inventory().owner().to_string();
    assert_eq!(blocked.why, BlockedBecause::OwnedByOther { owner });
    assert_eq!(world.writes(), 1);
}

#[tokio::test]
async fn a_kind_and_its_objects_converge_in_one_pass() {
    let world = World::new("kinds").await;
    let app = App::new(&world, world.target()).await;
    let group = format!("{}.example", world.namespace);
    let definition = definition(&group, false);
    let thing =
        json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "t"}, "size": 3});
    app.files.declare([("definition", definition), ("thing", thing)]);
    let mut engine = app.engine_waiting(&world).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps.len(), 2, "{plan:?}");
    let report = engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    assert!(report.results.iter().all(|result| result.outcome == StepOutcome::Done), "{report:?}");
    app.files.declare([]);
    let plan = engine.plan(&world.cx).await.unwrap();
    let report = engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    assert_eq!(report.failed(), 0, "{report:?}");
    let definition = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{group}");
    let gone =
        world.admin.get(&definition).await.is_none_or(|it| !it["metadata"]["deletionTimestamp"].is_null());
    assert!(gone);
}

#[tokio::test]
async fn a_run_repairs_what_somebody_edits_and_asks_no_more_than_that() {
    let world = World::new("repair").await;
    let (files, target) = (Files::default(), Arc::new(world.target()));
    files.declare([("a", config_map("a", "1")), ("b", config_map("b", "1"))]);
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let sink = move |event: &Event| drop(sender.send(event.clone()));
    let builder = builder(&world, &files, &target, Duration::from_secs(60)).events(Arc::new(sink));
    let mut engine = builder.open(&world.cx).await.unwrap();
    let cx = world.cx.child().within(Duration::from_secs(120));
    let uri = world.uri("configmaps", "a");
    let script = async {
        until(&mut events, |event| matches!(event, Event::Finished { applied: 2, .. })).await;
        world.admin.merge(&uri, &json!({"data": {"theirs": "1"}})).await;
        world.admin.merge(&uri, &json!({"data": {"x": "theirs"}})).await;
        until(&mut events, |event| matches!(event, Event::Applied { action: Action::Update, .. })).await;
        until(&mut events, |event| matches!(event, Event::Finished { applied: 1, .. })).await;
        cx.cancel();
    };
    let (ran, ()) = tokio::join!(engine.run(&cx, Duration::from_secs(3600)), script);
    ran.unwrap();
    assert_eq!(world.admin.get(&uri).await.unwrap()["data"], json!({"x": "1", "theirs": "1"}));
    let writes = world.writes();
    assert_eq!(writes, 4, "two creations, and a repair that is refused without force and made with it");
}

async fn until(events: &mut tokio::sync::mpsc::UnboundedReceiver<Event>, is_it: impl Fn(&Event) -> bool) {
    while let Some(event) = events.recv().await {
        if is_it(&event) {
            return;
        }
    }
    panic!("the run ended before it");
}
