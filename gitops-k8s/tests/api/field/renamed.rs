//! An application that has another name now.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::capability::Identity;
use gitops_core::internals::journal::MemoryJournalIo;
use gitops_core::*;
use gitops_k8s::{ClusterStore, Kubernetes};
use serde_json::{Value as Json, json};

use crate::engine::config_map;
use crate::support::{Files, World, render};

struct App<'a> {
    world: &'a World,
    files: Files,
    store: Arc<dyn StateStore>,
    journal: MemoryJournalIo,
}

impl<'a> App<'a> {
    fn new(world: &'a World) -> Self {
        let (files, journal) = (Files::default(), MemoryJournalIo::default());
        let store = ClusterStore::new(world.cluster.clone(), &world.namespace, "state");
        Self { world, files, store: Arc::new(store), journal }
    }

    async fn open(&self, name: &str, former: Option<&str>) -> Result<Engine> {
        let target =
            Kubernetes::builder(self.world.cluster.clone(), name).secret_key(SecretKey::new([7; 32]));
        let state = State::in_memory().with_store(self.store.clone()).with_journal(self.journal.clone());
        let builder = Engine::builder(name)
            .source(Arc::new(self.files.clone()))
            .render(Arc::new(render(self.world.namespace.clone())))
            .target("k", Arc::new(target.build().unwrap()))
            .ready_timeout(Duration::from_millis(300))
            .state(state);
        former.into_iter().fold(builder, EngineBuilder::renamed_from).open(&self.world.cx).await
    }

    async fn apply(&self, name: &str, former: Option<&str>) -> Report {
        let mut engine = self.open(name, former).await.unwrap();
        let plan = engine.plan(&self.world.cx).await.unwrap();
        engine.apply(&self.world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap()
    }

    async fn live(&self, name: &str) -> Json {
        self.world.admin.get(&self.world.uri("configmaps", name)).await.unwrap()
    }
}

fn managers(object: &Json) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let mut found: Vec<_> =
        entries.iter().map(|entry| entry["manager"].as_str().unwrap().to_owned()).collect();
    found.sort_unstable();
    found
}

/// After a renaming each apply failed with a conflict against the field manager of the old name.
#[tokio::test]
async fn labels_and_fields_move_with_the_name_and_what_is_left_out_goes() {
    let world = World::new("renamed").await;
    let app = App::new(&world);
    let with = |data: Json| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": data});
    app.files.declare([
        ("a", config_map("a", "1")),
        ("b", with(json!({"x": "1", "y": "1"}))),
        ("c", config_map("c", "1")),
    ]);
    app.apply("old", None).await;
    let theirs =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"theirs": "1"}});
    world.admin.apply(&world.uri("configmaps", "a"), "robot", &theirs).await;
    let before = app.live("a").await;

    let error = app.open("new", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOwned, "{error:?}");

    app.files.declare([("a", config_map("a", "1")), ("b", with(json!({"x": "2"})))]);
    let report = app.apply("new", Some("old")).await;
    assert!(report.is_converged(), "{report:?}");
    let step = report.plan.step(&world.key("ConfigMap", "a")).unwrap();
    assert!(matches!(&step.reason, Reason::OwnershipMoves { from } if from.starts_with("old/")), "{step:?}");
    let shown = report.plan.step(&world.key("ConfigMap", "b")).unwrap().diff.fields();
    let shown: Vec<&str> = shown.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(shown, ["/data/x", "/data/y"], "what goes is shown");

    let after = app.live("a").await;
    assert_eq!(managers(&after), ["gitops:new", "robot"]);
    assert_eq!(after["data"]["theirs"], json!("1"), "what others own is no part of it");
    assert!(after["metadata"]["annotations"]["gitops/owner"].as_str().unwrap().starts_with("new/"));
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(app.live("b").await["data"], json!({"x": "2"}));
    assert!(
        world.admin.get(&world.uri("configmaps", "c")).await.is_none(),
        "what was ours goes under the new name"
    );

    let writes = world.writes();
    assert!(app.apply("new", None).await.plan.is_empty(), "the next process has nothing to do");
    assert_eq!(world.writes(), writes);
    assert_eq!(app.open("old", None).await.unwrap_err().kind(), ErrorKind::NotOwned);
}

/// A context that points to another cluster.
#[tokio::test]
async fn a_cluster_is_known_by_an_id_that_it_has_for_life() {
    let world = World::new("identity").await;
    let named = world.target().place(&world.cx).await.unwrap();
    let namespace = world.admin.get("/api/v1/namespaces/kube-system").await.unwrap();
    assert_eq!(named.as_deref(), namespace["metadata"]["uid"].as_str());
    let other = World::new("identity").await.target();
    assert_eq!(other.place(&world.cx).await.unwrap(), named);
}
