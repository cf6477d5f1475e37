use std::sync::Arc;

use gitops_core::journal::MemoryJournalIo;
use gitops_core::*;
use gitops_k8s::Kubernetes;
use serde_json::json;

use crate::support::{Files, World, deployment, render};

struct App {
    files: Files,
    engine: Engine,
}

impl App {
    async fn new(world: &World, target: Kubernetes) -> Self {
        let files = Files::default();
        let state = State {
            store: Arc::new(MemoryStore::new()),
            journal: Box::new(MemoryJournalIo::default()),
            audit: Arc::new(MemoryAudit::default()),
            guard: None,
        };
        let engine = Engine::builder("shop")
            .source(Arc::new(files.clone()))
            .render(Arc::new(render(world.namespace.clone())))
            .target("k", Arc::new(target))
            .state(state)
            .open(&world.cx)
            .await
            .unwrap();
        Self { files, engine }
    }

    async fn apply(&mut self, cx: &Cx) -> Report {
        let plan = self.engine.plan(cx).await.unwrap();
        self.engine.apply(cx, &plan, &Approval::of_this_plan("tester")).await.unwrap()
    }
}

fn config_map(name: &str, value: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": value}})
}

#[tokio::test]
async fn from_nothing_to_converged_changed_drifted_and_pruned() {
    let world = World::new("engine").await;
    let mut app = App::new(&world, world.target()).await;
    let (b, web) = (config_map("b", "1"), deployment("web", 1, "nginx:1"));
    app.files.declare([("a", config_map("a", "1")), ("b", b.clone()), ("web", web.clone())]);
    let report = app.apply(&world.cx).await;
    assert_eq!((report.applied(), report.failed()), (3, 0), "{report:?}");
    assert_eq!(world.writes(), 3);

    let asked = world.requests().len();
    let report = app.apply(&world.cx).await;
    assert!(report.plan.steps.is_empty() && report.plan.held.is_empty(), "{:?}", report.plan);
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
    let held = &report.plan.held[0];
    let owner = first.engine.inventory().owner().to_string();
    assert_eq!(held.why, HeldBecause::OwnedByOther { owner });
    assert_eq!(world.writes(), 1);
}
