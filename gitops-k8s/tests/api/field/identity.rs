//! One object under two keys, and objects that were there before us.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::{Action, Options};
use serde_json::{Value as Json, json};

use crate::engine::{App, builder, config_map};
use crate::support::{Files, World};

/// One event, as each of the two groups that serve it spells it.
fn event(namespace: &str, of: &str) -> Json {
    let about = json!({"apiVersion": "v1", "kind": "ConfigMap", "namespace": namespace, "name": "a"});
    let mut event = json!({
        "apiVersion": of, "kind": "Event", "metadata": {"name": "ev.1"}, "type": "Normal", "reason": "Tested",
        "action": "Test", "eventTime": "2026-01-01T00:00:00.000000Z", "reportingInstance": "test-1"
    });
    let [controller, regarding] = match of {
        "v1" => ["reportingComponent", "involvedObject"],
        _ => ["reportingController", "regarding"],
    };
    event[controller] = json!("example.org/test");
    event[regarding] = about;
    event
}

/// People moved manifests of events to the new group: the object was deleted under its old key right after it was updated
/// under its new one.
#[tokio::test]
async fn an_event_whose_group_moves_in_git_stays() {
    let world = World::new("event-group").await;
    let mut app = App::new(&world, world.target()).await;
    app.files.declare([("event", event(&world.namespace, "v1")), ("a", config_map("a", "1"))]);
    let report = app.apply(&world.cx).await;
    assert_eq!((report.applied(), report.failed()), (2, 0), "{report:?}");
    let uri = world.uri("events", "ev.1");
    let uid = world.admin.get(&uri).await.unwrap()["metadata"]["uid"].clone();

    let moved = event(&world.namespace, "events.k8s.io/v1");
    app.files.declare([("event", moved.clone()), ("a", config_map("a", "1"))]);
    let report = app.apply(&world.cx).await;
    assert_eq!((report.failed(), report.plan.blocked.len()), (0, 0), "{report:?}");
    assert!(report.plan.steps.iter().all(|step| step.action != Action::Delete), "{:?}", report.plan.steps);
    assert_eq!(world.admin.get(&uri).await.unwrap()["metadata"]["uid"], uid);
    let keys: Vec<String> = app.engine.inventory().entries().keys().map(ToString::to_string).collect();
    assert!(keys.iter().any(|key| key.contains("Event.events.k8s.io")), "{keys:?}");
    assert_eq!(keys.len(), 2, "the record moved: {keys:?}");
    assert!(app.apply(&world.cx).await.plan.steps.is_empty());

    app.files.declare([("a", config_map("a", "1"))]);
    app.apply(&world.cx).await;
    assert!(world.admin.get(&uri).await.is_none(), "it goes under the key that it has now");
}

/// People turned adoption on for what they had made by hand: it was labelled, called equal, and stayed as it was for ever.
#[tokio::test]
async fn an_object_that_is_adopted_has_the_declared_content_after_one_apply() {
    let world = World::new("adopted-content").await;
    let collection = format!("/api/v1/namespaces/{}/configmaps?fieldManager=kubectl-create", world.namespace);
    world.admin.post(&collection, &config_map("a", "old")).await;
    let (files, target) = (Files::default(), Arc::new(world.target()));
    files.declare([("a", config_map("a", "new"))]);
    let builder = builder(&world, &files, &target, Duration::from_secs(5));
    let mut engine = builder.options(Options::default().adopt(true)).open(&world.cx).await.unwrap();
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(world.admin.get(&world.uri("configmaps", "a")).await.unwrap()["data"]["x"], "new");
    assert!(engine.plan(&world.cx).await.unwrap().steps.is_empty(), "the next plan has nothing to do");
}
