//! Charts in the shapes of well-known public ones, on a real server, from the first sync to the last prune.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gitops_core::{ApplyOptions, Engine, Reason, Report, SecretKey, StepOutcome};
use gitops_k8s::{Helm, KubernetesRender};

use crate::support::{Files, World, drivers};
use crate::whole::engine_of;

const PATIENCE: Duration = Duration::from_secs(60);

/// A chart of nothing: what is left when everything in one is removed.
const EMPTY: &str = "apiVersion: v2\nname: nothing\nversion: 0.1.0\n";

fn charts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/charts");
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// The files of a folder, by their paths below another one.
fn files(folder: &Path, below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}/{}", path.file_name().unwrap().to_str().unwrap());
        match path.is_dir() {
            true => found.extend(files(&path, &name)),
            false => found.push((name, fs::read_to_string(&path).unwrap())),
        }
    }
    found
}

async fn apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(plan.blocked.is_empty(), "{:?}", plan.blocked);
    let report = engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    assert!(report.results.iter().all(|result| result.outcome == StepOutcome::Done), "{:?}", report.results);
    report
}

/// First sync; what its hooks ask to be deleted; a sync that writes nothing; everything pruned.
async fn live(world: &World, chart: &Path) {
    let name = chart.file_name().unwrap().to_str().unwrap();
    let program = std::env::var_os("GITOPS_HELM").expect("`cargo xtask test` names helm in GITOPS_HELM");
    let helm = Helm::at(&world.cx, &PathBuf::from(program), "r").unwrap();
    let render = KubernetesRender::new("k").namespace(world.namespace.as_str());
    let render = render.secret_key(SecretKey::new([7; 32])).cluster(world.cluster.clone());
    let sources = Files::default();
    sources.declare_texts(files(chart, "chart"));
    let mut engine = engine_of(world, &sources, PATIENCE, Arc::new(render.helmed("chart", helm))).await;
    let before = world.writes();
    let made = apply(world, &mut engine).await.applied();
    assert!(made > 2 && world.writes() - before == made, "{name}: one write for each object");
    let cleaned = apply(world, &mut engine).await.plan;
    assert!(
        cleaned.steps.iter().all(|step| matches!(step.reason, Reason::Ended { .. })),
        "{name}: {cleaned:?}"
    );
    let before = world.writes();
    assert_eq!(apply(world, &mut engine).await.plan.steps, [], "{name}");
    assert_eq!(world.writes(), before, "{name}: a sync of what is as declared writes nothing");
    sources.declare_texts([("chart/Chart.yaml".to_owned(), EMPTY.to_owned())]);
    let orphaned = apply(world, &mut engine).await.plan.orphaned.len();
    apply(world, &mut engine).await;
    assert_eq!(engine.inventory().entries().len(), orphaned, "{name}: what stays says so");
}

/// Met with one of the most used charts after another: hooks, definitions, webhooks and claims that no test had together.
///
/// Beside the real controllers the storage driver and the metrics server are played: both are programs that no test server has.
/// The server is one of its own, for definitions and webhooks are of the whole cluster.
#[tokio::test]
async fn charts_in_popular_shapes_live_from_the_first_sync_to_the_last_prune() {
    let world = World::alone_controlled("popular").await;
    let namespaces = [world.namespace.as_str()];
    for chart in charts() {
        tokio::select! {
            () = drivers(&world.admin, &namespaces) => unreachable!(),
            () = live(&world, &chart) => {}
        }
    }
}
