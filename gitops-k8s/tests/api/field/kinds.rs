//! Kinds that come, go and change while somebody looks.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::*;
use gitops_k8s::Kubernetes;
use serde_json::{Value as Json, json};

use crate::engine::builder;
use crate::support::{Files, World, create, define, definition};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Deletes the definition of a group's kind, as a person does, and waits until it is gone with its objects.
async fn undefine(world: &World, group: &str) {
    let uri = format!("{DEFINITIONS}/things.{group}");
    world.admin.delete(&uri).await;
    while world.admin.get(&uri).await.is_some() {
        world.cx.sleep(Duration::from_millis(20)).await.unwrap();
    }
}

/// Waits until the server serves the kind of a group in a scope. The target under test is not asked for that.
async fn served(world: &World, group: &str, namespaced: bool) {
    let is_it = |answer: Json| {
        let resources = answer["resources"].as_array().cloned().unwrap_or_default();
        resources.iter().any(|resource| resource["name"] == "things" && resource["namespaced"] == namespaced)
    };
    while !world.admin.get(&format!("/apis/{group}/v1")).await.is_some_and(is_it) {
        world.cx.sleep(Duration::from_millis(20)).await.unwrap();
    }
}

async fn look(world: &World, target: &Kubernetes, key: &Key) -> Option<Live> {
    target.observe(&world.cx, &[key.clone()].into_iter().collect()).await.unwrap().pop()
}

/// Met with an operator whose next version made its kind one of the whole cluster.
#[tokio::test]
async fn a_kind_that_was_made_anew_in_another_scope_is_found_by_a_target_that_goes_on() {
    let world = World::new("rescoped").await;
    let group = format!("{}.example", world.namespace);
    define(&world, definition(&group, false)).await;
    let target = world.target();
    let inside = world.key(&format!("Thing.{group}"), "t");
    assert_eq!(look(&world, &target, &inside).await, None);
    undefine(&world, &group).await;
    let mut anew = definition(&group, false);
    anew["spec"]["scope"] = json!("Cluster");
    world.admin.post(DEFINITIONS, &anew).await;
    served(&world, &group, false).await;

    let of_cluster = Key::new("k", inside.kind().clone(), "", "t");
    assert_eq!(look(&world, &target, &of_cluster).await, None, "it is known where the kind lives now");
    let body = json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "t"}});
    let object = Object::new(of_cluster.clone(), Value::from_json(body), Provenance::new("s", "r", "t", 1));
    target.apply(&world.cx, &create(&Arc::new(object), "op-1")).await.unwrap();
    assert_eq!(look(&world, &target, &of_cluster).await.unwrap().presence, Presence::Present);
    // Where it was before, nothing can be any more; but who declares that is told.
    let Presence::Unreadable(refusal) = look(&world, &target, &inside).await.unwrap().presence else {
        panic!()
    };
    assert!(refusal.reason.contains("lives in no namespace"), "{}", refusal.reason);
    undefine(&world, &group).await;
}

/// Met with a clean-up that took a definition: what was declared of its kind came back only after a restart.
#[tokio::test]
async fn a_kind_that_goes_while_an_engine_works_comes_back_with_its_objects() {
    let world = World::new("kind-goes").await;
    let group = format!("{}.example", world.namespace);
    let thing =
        json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "t"}, "size": 3});
    let (files, target) = (Files::default(), Arc::new(world.target()));
    files.declare([("definition", definition(&group, false)), ("thing", thing)]);
    let mut engine = builder(&world, &files, &target, Duration::from_secs(60)).open(&world.cx).await.unwrap();
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    let uri = format!("/apis/{group}/v1/namespaces/{}/things/t", world.namespace);
    let before = world.admin.get(&uri).await.unwrap()["metadata"]["uid"].clone();
    undefine(&world, &group).await;
    let mut passes = 0;
    loop {
        let plan = engine.reconcile(&world.cx).await.unwrap().plan;
        assert_eq!((plan.count(Action::Delete), plan.gone.len()), (0, 0), "nothing is given up: {plan:?}");
        if plan.is_empty() {
            break;
        }
        passes += 1;
        assert!(passes < 4, "{plan:?}");
    }
    let after = world.admin.get(&uri).await.unwrap()["metadata"]["uid"].clone();
    assert_ne!(before, after);
    undefine(&world, &group).await;
}

#[tokio::test]
async fn kinds_that_nobody_serves_are_asked_about_all_at_once() {
    let world = World::new("nowhere").await;
    let target = world.target();
    let keys: Scope = (0..6).map(|number| world.key(&format!("Thing.{number}.example"), "t")).collect();
    let before = world.requests().len();
    assert_eq!(target.observe(&world.cx, &keys).await.unwrap(), []);
    let asked = world.requests()[before..].len();
    assert!(asked <= 4, "{asked} requests");
}
