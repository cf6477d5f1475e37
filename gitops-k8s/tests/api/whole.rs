//! Whole folders of manifests, from the first sync to the last object pruned.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gitops_core::*;
use gitops_k8s::KubernetesRender;
use serde_json::json;

use crate::support::{Files, World, drivers};

const PATIENCE: Duration = Duration::from_secs(60);

/// The manifests of a folder, by their names.
pub fn manifests(folder: &Path) -> Vec<(String, String)> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let is_manifest = |path: &&PathBuf| {
        path.extension().is_some_and(|end| end == "yaml") && !path.ends_with("kustomization.yaml")
    };
    let read = |path: &PathBuf| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
    };
    entries.iter().filter(is_manifest).map(read).collect()
}

/// An application of these manifests, that waits so long for what is not ready or not gone.
pub async fn engine(world: &World, files: &Files, patience: Duration) -> Engine {
    let key = SecretKey::new([7; 32]);
    let render = KubernetesRender::new("k").namespace(world.namespace.as_str()).secret_key(key);
    engine_of(world, files, patience, Arc::new(render)).await
}

/// The same with a renderer of its own.
pub async fn engine_of(world: &World, files: &Files, patience: Duration, render: Arc<dyn Render>) -> Engine {
    let state = State::in_memory();
    let builder = Engine::builder("whole")
        .source(Arc::new(files.clone()))
        .render(render)
        .target("k", Arc::new(world.target()))
        .ready_timeout(patience)
        .state(state);
    builder.open(&world.cx).await.unwrap()
}

async fn apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(plan.blocked.is_empty(), "{:?}", plan.blocked);
    let report = engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    assert!(report.results.iter().all(|result| result.outcome == StepOutcome::Done), "{:?}", report.results);
    report
}

/// Lives through a folder of others. The storage driver and the metrics server are played in the world's namespace and in another
/// one that the manifests name: both are programs that no test server has.
pub async fn live_through(name: &str, texts: Vec<(String, String)>, other: &str) -> usize {
    let world = World::controlled(name).await;
    let namespaces = [world.namespace.as_str(), other];
    tokio::select! {
        () = drivers(&world.admin, &namespaces) => unreachable!(),
        objects = live(&world, texts) => objects,
    }
}

/// First sync, a second reconciliation that does nothing, one change, one removal, everything pruned; all counted by the server.
async fn live(world: &World, mut texts: Vec<(String, String)>) -> usize {
    let files = Files::default();
    files.declare_texts(texts.clone());
    let mut engine = engine(world, &files, PATIENCE).await;
    let made = apply(world, &mut engine).await.applied();
    assert_eq!(world.writes(), made, "one write for each object");
    // What is declared to be deleted once it has ended goes first.
    let is_clean_up = |step: &Step| matches!(step.reason, Reason::Ended { .. });
    let mut cleaned_up = 0;
    while engine.plan(&world.cx).await.unwrap().steps.iter().any(is_clean_up) {
        cleaned_up += apply(world, &mut engine).await.applied();
    }

    let before = world.requests().len();
    assert_eq!(apply(world, &mut engine).await.plan.steps, []);
    let asked = &world.requests()[before..];
    assert!(asked.iter().all(|request| !request.writes() && !request.is_dry_run()), "{asked:?}");

    let keys: Vec<Key> = engine.inventory().entries().iter().map(|(key, _)| key.clone()).collect();
    let uids = |engine: &Engine| -> Vec<_> {
        engine.inventory().entries().iter().map(|(_, entry)| entry.uid.clone()).collect()
    };
    let born = uids(&engine);
    texts.push(("more.yaml".to_owned(), config_map("more", "1")));
    files.declare_texts(texts.clone());
    apply(world, &mut engine).await;
    texts.last_mut().unwrap().1 = config_map("more", "2");
    files.declare_texts(texts.clone());
    let before = world.writes();
    apply(world, &mut engine).await;
    assert_eq!(world.writes() - before, 1, "one field, one write");
    texts.pop();
    files.declare_texts(texts);
    let before = world.writes();
    apply(world, &mut engine).await;
    assert_eq!(world.writes() - before, 1, "what left the source is pruned, and nothing else");
    assert_eq!(uids(&engine), born);

    files.declare_texts([]);
    let pruned = apply(world, &mut engine).await.applied();
    // What had to be let go by somebody is found gone.
    apply(world, &mut engine).await;
    assert_eq!((pruned, engine.inventory().entries().len()), (keys.len() - cleaned_up, 0));
    keys.len()
}

fn config_map(name: &str, value: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": value}})
        .to_string()
}

#[tokio::test]
async fn our_own_manifests_live_from_the_first_sync_to_the_last_prune() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/deploy");
    let world = World::controlled("own").await;
    assert!(live(&world, manifests(&folder)).await >= 8);
}

/// Two hundred objects of three kinds, in one namespace.
#[tokio::test]
async fn a_pass_over_many_unchanged_objects_asks_by_lists() {
    let world = World::new("crowd").await;
    let files = Files::default();
    let object = |n: usize| {
        let kind = ["ConfigMap", "ServiceAccount", "Service"][n % 3];
        let spec = match kind {
            "Service" => json!({"ports": [{"port": 80, "protocol": "TCP"}], "selector": {"a": "b"}}),
            _ => json!(null),
        };
        let body =
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": format!("o-{n}")}, "spec": spec});
        (format!("o-{n}.json"), body.to_string())
    };
    files.declare_texts((0..200).map(object));
    let mut engine = engine(&world, &files, PATIENCE).await;
    assert_eq!(apply(&world, &mut engine).await.applied(), 200);
    let before = world.requests().len();
    assert_eq!(apply(&world, &mut engine).await.plan.steps, []);
    let asked = world.requests()[before..].to_vec();
    let (lists, reads): (Vec<_>, Vec<_>) = asked.iter().partition(|request| request.verb == "list");
    assert_eq!(lists.len(), 6, "one list of each kind for the plan, and one for its apply: {asked:?}");
    let of_namespace = format!("/api/v1/namespaces/{}", world.namespace);
    let reads: Vec<_> = reads.iter().map(|request| (&*request.verb, &*request.uri)).collect();
    assert_eq!(reads, [("get", &*of_namespace); 2], "and one look each at their namespace");
}
