//! An engine behind a connection on which everything goes wrong once.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::internals::journal::MemoryJournalIo;
use gitops_core::*;
use gitops_k8s::ClusterStore;
use serde_json::json;
use testbed::{Fault, FaultProxy};

use crate::support::{Files, World, render};

const OBJECTS: usize = 12;

fn config_map(n: usize, value: &str) -> (String, String) {
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("o-{n}")}, "data": {"x": value}
    });
    (format!("o-{n}.json"), body.to_string())
}

async fn engine(world: &World, files: &Files, journal: &MemoryJournalIo, recovers: bool) -> Engine {
    let store = ClusterStore::new(world.cluster.clone(), &world.namespace, "storm");
    let state = State::in_memory().with_store(Arc::new(store)).with_journal(journal.clone());
    let builder = Engine::builder("storm")
        .source(Arc::new(files.clone()))
        .render(Arc::new(render(world.namespace.clone())))
        .target("k", Arc::new(world.target()))
        .recover_from_store(recovers)
        .state(state);
    builder.open(&world.cx).await.unwrap()
}

/// Plans and applies until nothing is left to do. The source asks for it, so that is approved, also to prune.
async fn converge(world: &World, engine: &mut Engine) -> usize {
    for pass in 0..12 {
        let Ok(plan) = engine.plan(&world.cx).await else { continue };
        if plan.steps.is_empty() && plan.blocked.is_empty() && engine.inventory().open().count() == 0 {
            return pass;
        }
        drop(engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await);
    }
    panic!("it does not converge: {:?}", engine.plan(&world.cx).await);
}

/// One fault for a read, a write and a delete of each object in turn.
fn storm(proxy: &FaultProxy) {
    let faults = [
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::Answer(409, None),
        Fault::Answer(429, Some(1)),
        Fault::Answer(500, None),
        Fault::Answer(503, None),
        Fault::Cut,
        Fault::Slow(Duration::from_millis(50)),
    ];
    for (n, fault) in faults.into_iter().cycle().take(OBJECTS).enumerate() {
        for method in ["PATCH", "DELETE"] {
            proxy.fail(method, &format!("/configmaps/o-{n}?"), 1, fault.clone());
            proxy.fail(method, &format!("/configmaps/o-{n}"), 1, fault.clone());
        }
    }
    for fault in [Fault::Cut, Fault::Answer(500, None), Fault::LoseAnswer] {
        proxy.fail("GET", "/configmaps?limit", 1, fault);
    }
}

async fn names(world: &World) -> Vec<String> {
    let list = world.admin.get(world.uri("configmaps", "").trim_end_matches('/')).await.unwrap();
    let name = |item: &serde_json::Value| item["metadata"]["name"].as_str().unwrap().to_owned();
    let mut names: Vec<String> = list["items"].as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn whatever_fails_nothing_is_lost_doubled_or_wrongly_deleted() {
    let (world, proxy) = World::behind("storm").await;
    let (files, journal) = (Files::default(), MemoryJournalIo::default());
    let theirs = json!({"metadata": {"name": "theirs"}});
    world.admin.post(world.uri("configmaps", "").trim_end_matches('/'), &theirs).await;
    files.declare_texts((0..OBJECTS).map(|n| config_map(n, "1")));
    let mut engine = engine(&world, &files, &journal, false).await;
    storm(&proxy);
    let planned = proxy.pending();
    converge(&world, &mut engine).await;
    assert!(planned - proxy.pending() >= OBJECTS, "each object met a fault");
    assert_eq!(names(&world).await.len(), OBJECTS + 1);
    assert_eq!(engine.inventory().entries().len(), OBJECTS);

    files.declare_texts((0..OBJECTS).map(|n| config_map(n, "2")).skip(OBJECTS / 2));
    storm(&proxy);
    converge(&world, &mut engine).await;
    let mut expected: Vec<String> = (OBJECTS / 2..OBJECTS).map(|n| format!("o-{n}")).collect();
    expected.push("theirs".to_owned());
    expected.sort();
    assert_eq!(names(&world).await, expected, "what left the source is gone, what others made is there");
    for name in expected.iter().filter(|name| *name != "theirs") {
        assert_eq!(world.admin.get(&world.uri("configmaps", name)).await.unwrap()["data"]["x"], "2");
    }
    assert_eq!(engine.inventory().entries().len(), OBJECTS / 2);
}

#[tokio::test]
async fn after_the_loss_of_the_disk_the_cluster_knows_what_is_owned() {
    let world = World::new("lost-disk").await;
    let files = Files::default();
    files.declare_texts((0..3).map(|n| config_map(n, "1")));
    let mut first = engine(&world, &files, &MemoryJournalIo::default(), false).await;
    converge(&world, &mut first).await;
    let owner = first.inventory().owner().clone();
    drop(first);
    let mut second = engine(&world, &files, &MemoryJournalIo::default(), true).await;
    assert_eq!(second.inventory().owner(), &owner);
    assert_eq!(second.inventory().entries().len(), 3);
    files.declare_texts([config_map(0, "1")]);
    converge(&world, &mut second).await;
    assert_eq!(names(&world).await, ["o-0"]);
}
