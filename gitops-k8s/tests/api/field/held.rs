//! What others hold up, or forbid.

use std::time::Duration;

use gitops_core::*;
use serde_json::{Value as Json, json};

use crate::engine::App;
use crate::support::{World, deployment, drivers};

fn map(name: &str, value: &str, more: Json) -> Json {
    let mut body =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}});
    if let (Some(body), Json::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

/// Met with claims and custom resources whose finalizer takes its time: for ten minutes nothing else was done.
#[tokio::test]
async fn a_replacement_whose_old_object_is_held_holds_up_nothing_else_and_is_made_once_that_is_gone() {
    let world = World::new("held-replaced").await;
    let mut app = App::new(&world, world.builder().replace(true).build().unwrap()).await;
    let held = |value: &str| {
        map("f", value, json!({"immutable": true, "metadata": {"name": "f", "finalizers": ["x.y/z"]}}))
    };
    app.files.declare([("f", held("1")), ("g", map("g", "1", json!({})))]);
    app.apply(&world.cx).await;
    app.files.declare([("f", held("2")), ("g", map("g", "1", json!({})))]);
    let before = world.cx.now();
    let report = app.apply(&world.cx).await;
    let [result] = &report.results[..] else { panic!("{report:?}") };
    assert!(matches!(result.outcome, StepOutcome::NotReady { .. }), "{result:?}");
    assert_eq!((result.action, report.missing().len()), (Action::Delete, 1), "it is not made anew yet");
    assert!(world.cx.now().since(before) < Duration::from_secs(300), "far less than a change may take");
    // A newer commit of another object goes on, and the one that is held says why.
    app.files.declare([("f", held("2")), ("g", map("g", "3", json!({})))]);
    let report = app.apply(&world.cx).await;
    assert_eq!((report.applied(), report.plan.blocked.len()), (1, 1), "{report:?}");
    assert_eq!(report.plan.blocked[0].why, BlockedBecause::Deleting);
    let free = json!({"metadata": {"finalizers": null}});
    world.admin.merge(&world.uri("configmaps", "f"), &free).await;
    let plan = app.engine.plan(&world.cx).await.unwrap();
    let [step] = &plan.steps[..] else { panic!("{plan:?}") };
    assert_eq!(
        (&step.reason, step.cause),
        (&Reason::New, Cause::ThisChange),
        "we deleted it, and nobody else"
    );
    app.engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    let live = world.admin.get(&world.uri("configmaps", "f")).await.unwrap();
    assert_eq!(live["data"]["a"], "2");
    assert!(app.apply(&world.cx).await.plan.is_empty());
    world.admin.merge(&world.uri("configmaps", "f"), &free).await;
}

/// Met with claims that were to grow: an administrator was told to grant a right.
#[tokio::test]
async fn what_a_rule_of_the_cluster_forbids_is_a_fault_and_no_missing_right() {
    let world = World::controlled("rule").await;
    // The storage driver is no part of Kubernetes: it is played.
    let namespaces = [world.namespace.as_str()];
    tokio::select! {
        () = drivers(&world.admin, &namespaces) => unreachable!(),
        () = is_a_fault(&world) => {}
    }
}

async fn is_a_fault(world: &World) {
    let mut app = App::new(world, world.target()).await;
    let claim = |size: &str| {
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": size}}}
        })
    };
    app.files.declare([("claim", claim("1Gi"))]);
    app.apply(&world.cx).await;
    let uri = world.uri("persistentvolumeclaims", "data");
    while world.admin.get(&uri).await.unwrap()["status"]["phase"] != "Bound" {}
    app.files.declare([("claim", claim("2Gi"))]);
    let report = app.apply(&world.cx).await;
    let found: Vec<_> = report.plan.obstacles().collect();
    let [(blocked, obstacle)] = &found[..] else { panic!("{:?}", report.plan) };
    assert_eq!(*obstacle, Obstacle::Fault, "{blocked:?}");
    let told = blocked.why.to_string();
    assert!(told.contains("forbidden") && !told.contains("grant the right"), "{told}");
}

/// Met with a version that was written without quotes: the server's words name no line, and are of its own insides.
#[tokio::test]
async fn a_value_of_another_type_is_told_by_its_field_also_where_the_object_is_there() {
    let world = World::new("mistyped").await;
    let mut app = App::new(&world, world.target()).await;
    app.files.declare([("web", deployment("web", 1, "nginx:1"))]);
    app.apply(&world.cx).await;
    let mut mistyped = deployment("web", 1, "nginx:1");
    mistyped["spec"]["template"]["spec"]["containers"][0]["image"] = json!(1.1);
    app.files.declare([("web", mistyped)]);
    let report = app.apply(&world.cx).await;
    let told = report.plan.blocked[0].why.to_string();
    assert!(
        told.contains("`spec.template.spec.containers[0].image`") && told.contains("must be text"),
        "{told}"
    );
    assert!(!told.contains("valueUnstructured"), "{told}");
}
