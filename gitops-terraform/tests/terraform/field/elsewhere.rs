//! Records that outlive the work folder: a process on another machine goes on with the roots.

use std::path::PathBuf;
use std::sync::Arc;

use gitops_core::*;
use gitops_terraform::{Removal, StateServer, TerraformRender};
use serde_json::{Value as Json, json};

use crate::support::*;

const MAIN: &str =
    "resource \"terraform_data\" \"a\" { input = 1 }\noutput \"id\" { value = terraform_data.a.id }\n";

/// A world whose states and records are in one store, in a work folder of this machine.
fn world(store: &Arc<MemoryStore>) -> World {
    let store: Arc<dyn StateStore> = store.clone();
    let world = World::new(&[("app/main.tf", MAIN)]).built(move |builder| {
        let server = Arc::new(StateServer::new(store.clone()));
        builder.state_server(server).records(store.clone()).keyed(SecretKey::new([7; 32]))
    });
    world.rendered(TerraformRender::new("tf").removal(Removal::Destroy))
}

/// The name of a document of the only root.
fn document(of: &str) -> String {
    let mut name = Digest::of(root_key("app").to_string().as_bytes()).to_string();
    name.truncate(32);
    format!("{of}-{name}")
}

/// Writes a document otherwise.
async fn change(world: &World, store: &MemoryStore, name: &str, change: impl FnOnce(&mut Json)) {
    let stored = store.load(&world.cx, name).await.unwrap().unwrap();
    let mut json: Json = serde_json::from_slice(&stored.document.bytes).unwrap();
    change(&mut json);
    let document = Document { epoch: 0, bytes: serde_json::to_vec(&json).unwrap() };
    store.swap(&world.cx, name, Some(&stored.version), document).await.unwrap();
}

fn elsewhere(world: &World) -> PathBuf {
    world.folder.path().join("elsewhere")
}

/// Met with a controller whose pod was lost: every root was blocked for good, its state and all beside it being there.
#[tokio::test]
async fn another_work_folder_goes_on_with_what_the_store_has() {
    let store = Arc::new(MemoryStore::new());
    let mut world = world(&store);
    assert!(world.apply().await.is_converged());
    let id = world.live("app").await.unwrap().outputs["id"].clone();
    world.work = Some(elsewhere(&world));
    let plan = world.plan().await;
    assert!(plan.is_empty() && plan.blocked.is_empty(), "{:?}", plan.blocked);
    assert_eq!(world.target().drift(&world.cx, &root_key("app")).await.unwrap(), Some(Vec::new()));
    world.files.declare(&[("app/main.tf", &MAIN.replace("input = 1", "input = 2"))]);
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("app").await.unwrap().outputs["id"], id);

    // The first one knows what the second one did, and removes the root with the files that it was applied with there.
    world.work = None;
    assert!(world.plan().await.is_empty());
    world.files.declare(&[("other/main.tf", "")]);
    world.work = Some(world.folder.path().join("third"));
    assert!(world.apply().await.is_converged());
    assert!(world.live("app").await.is_none());
}

/// An apply was begun on another machine, and nobody here can see whether it is at work.
async fn begun_elsewhere(world: &World, store: &MemoryStore) {
    let running = |place: Json| {
        json!({
            "mark": { "owner": "shop/1", "op": "op.9" }, "action": "update", "place": place, "run": "far-1",
            "since": Time::default(), "before": {}, "creates": ["counting_thing.b"], "room": 4096, "work": "far"
        })
    };
    let doubt = |address: &str| json!({ "address": address, "kind": "not-in-state", "id": "i", "was": null, "since": Time::default() });
    change(world, store, &document("root"), |record| {
        record["running"] = running(record["place"].clone());
        record["doubts"] = json!([doubt("counting_thing.z")]);
    })
    .await;
}

/// What is in doubt of the only root, by its record.
async fn doubts(world: &World, store: &MemoryStore) -> Vec<String> {
    let stored = store.load(&world.cx, &document("root")).await.unwrap().unwrap();
    let record: Json = serde_json::from_slice(&stored.document.bytes).unwrap();
    assert_eq!(record["running"], Json::Null);
    let text = |doubt: &Json, member: &str| doubt[member].as_str().unwrap().to_owned();
    let doubt = |doubt: &Json| format!("{} {}", text(doubt, "address"), text(doubt, "kind"));
    record["doubts"].as_array().unwrap().iter().map(doubt).collect()
}

/// What is in doubt now, beside what was before.
const IN_DOUBT: [&str; 2] = ["counting_thing.z not-in-state", "counting_thing.b may-exist"];

#[tokio::test]
async fn what_an_apply_was_to_make_on_a_machine_that_is_gone_is_in_doubt() {
    let store = Arc::new(MemoryStore::new());
    let mut world = world(&store);
    assert!(world.apply().await.is_converged());
    // The report of an earlier apply says nothing of it.
    let report = r#"{"type":"change_summary","changes":{"operation":"apply"}}"#;
    std::fs::write(world.root_folder().join("apply.jsonl"), format!("{report}\n")).unwrap();
    for work in [None, Some(elsewhere(&world))] {
        world.work = work;
        begun_elsewhere(&world, &store).await;
        world.live("app").await.unwrap();
        assert_eq!(doubts(&world, &store).await, IN_DOUBT);
    }
}

#[tokio::test]
async fn an_apply_elsewhere_that_holds_its_lock_goes_on_until_a_person_says_otherwise() {
    let store = Arc::new(MemoryStore::new());
    let mut world = world(&store);
    assert!(world.apply().await.is_converged());
    begun_elsewhere(&world, &store).await;
    let mut name = Hasher::new("gitops terraform state 1");
    name.field(root_key("app").to_string()).field("default");
    let name = name.finish().to_string()[..40].to_owned();
    let lock = json!({
        "id": "4711", "operation": "OperationTypeApply", "who": "pod-1", "created": "then", "run": "far-1"
    });
    change(&world, &store, &format!("state-{name}"), |head| head["lock"] = lock).await;
    world.work = Some(elsewhere(&world));
    for _ in 0..2 {
        let why = world.plan().await.blocked[0].why.to_string();
        assert!(why.contains("on another machine holds the lock") && why.contains("pod-1"), "{why}");
    }
    let server = StateServer::new(store.clone());
    let state = server.read(&world.cx, &name).await.unwrap().unwrap();
    let state: Json = serde_json::from_slice(&state).unwrap();
    let line = state["lineage"].as_str().unwrap();
    world.target().confirm_state(&world.cx, &root_key("app"), line, "ann").await.unwrap();
    assert_eq!(server.lock(&world.cx, &name).await.unwrap(), None);
    assert_eq!(doubts(&world, &store).await, IN_DOUBT);
}

/// Whoever looks leaves to the process at work what that one has under way, and writes nothing.
#[tokio::test]
async fn who_only_looks_writes_no_record() {
    let store = Arc::new(MemoryStore::new());
    let mut world = world(&store);
    assert!(world.apply().await.is_converged());
    let shared: Arc<dyn StateStore> = store.clone();
    world = world.built(move |builder| {
        let server = Arc::new(StateServer::new(shared.clone()));
        builder.state_server(server).looking_at(shared.clone()).keyed(SecretKey::new([7; 32]))
    });
    world.work = Some(elsewhere(&world));
    assert!(world.plan().await.is_empty());
    begun_elsewhere(&world, &store).await;
    let before = store.load(&world.cx, &document("root")).await.unwrap().unwrap().version;
    world.files.declare(&[("app/main.tf", &MAIN.replace("input = 1", "input = 2"))]);
    let why = world.plan().await.blocked[0].why.to_string();
    assert!(why.contains("is still at work"), "{why}");
    assert_eq!(store.load(&world.cx, &document("root")).await.unwrap().unwrap().version, before);
}

/// A root whose state is a file that nobody can read any more, and of which an apply elsewhere came to no end.
#[tokio::test]
async fn what_an_apply_left_is_taken_in_without_its_state_only_if_a_person_gave_that_up() {
    let store = Arc::new(MemoryStore::new());
    let shared: Arc<dyn StateStore> = store.clone();
    let world = World::new(&[("app/main.tf", MAIN)]).built(move |builder| builder.records(shared.clone()));
    assert!(world.apply().await.is_converged());
    let state = world.root_folder().join("tree/app/terraform.tfstate");
    std::fs::write(&state, "{\"version\": 4, \"ser").unwrap();
    begun_elsewhere(&world, &store).await;
    let before = store.load(&world.cx, &document("root")).await.unwrap().unwrap().version;
    for _ in 0..2 {
        assert_eq!(world.plan().await.blocked.len(), 1);
        assert_eq!(store.load(&world.cx, &document("root")).await.unwrap().unwrap().version, before);
    }
    world.target().confirm_state_absent(&world.cx, &root_key("app"), "ann").await.unwrap();
    assert_eq!(doubts(&world, &store).await, IN_DOUBT);
}
