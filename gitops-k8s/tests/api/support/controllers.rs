use std::time::Duration;

use serde_json::{Value as Json, json};
use testbed::Admin;

/// The status that a controller would report of an object, if it has something to say.
type Status = fn(&Json) -> Option<Json>;

/// What has controllers: root, plural, and what they say.
const KINDS: [(&str, &str, Status); 6] = [
    ("apis/apps/v1", "deployments", workload),
    ("apis/apps/v1", "replicasets", workload),
    ("apis/apps/v1", "statefulsets", stateful_set),
    ("apis/autoscaling/v2", "horizontalpodautoscalers", autoscaler),
    ("apis/batch/v1", "jobs", job),
    ("api/v1", "persistentvolumeclaims", claim),
];

const TIME: &str = "2026-01-01T00:00:00Z";

/// Plays the controllers that this API server has not: says of each workload in some namespaces that it is as wanted, and
/// lets namespaces and volumes that are being deleted go.
///
/// It never ends; drop it.
pub async fn controllers(admin: &Admin, namespaces: &[&str]) {
    loop {
        for namespace in namespaces {
            for (root, plural, status) in KINDS {
                control(admin, &format!("/{root}/namespaces/{namespace}/{plural}"), status).await;
            }
            end(admin, namespace).await;
        }
        pause().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "controllers take their time; nothing waits for this")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

async fn control(admin: &Admin, uri: &str, status: Status) {
    let list = admin.get(uri).await.unwrap();
    for object in list["items"].as_array().unwrap() {
        let uri = format!("{uri}/{}", object["metadata"]["name"].as_str().unwrap());
        if !object["metadata"]["deletionTimestamp"].is_null() {
            // A volume that no pod uses is let go.
            patch(admin, &uri, &json!({"metadata": {"finalizers": null}})).await;
        } else if let Some(status) = status(object) {
            patch(admin, &format!("{uri}/status"), &json!({"status": status})).await;
        }
    }
}

async fn patch(admin: &Admin, uri: &str, body: &Json) {
    let answer = admin.send("PATCH", uri, "application/merge-patch+json", body).await;
    assert!(matches!(answer.0, 200 | 404), "{uri}: {answer:?}");
}

/// A namespace without content, on its way out, is what its controller lets go.
async fn end(admin: &Admin, namespace: &str) {
    let uri = format!("/api/v1/namespaces/{namespace}");
    let Some(mut found) = admin.get(&uri).await else { return };
    if !found["metadata"]["deletionTimestamp"].is_null() {
        found["spec"]["finalizers"] = json!([]);
        admin.send("PUT", &format!("{uri}/finalize"), "application/json", &found).await;
    }
}

fn is_seen(object: &Json) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

fn workload(object: &Json) -> Option<Json> {
    let replicas = object["spec"]["replicas"].clone();
    let mut status = json!({
        "observedGeneration": object["metadata"]["generation"], "replicas": replicas,
        "readyReplicas": replicas, "availableReplicas": replicas
    });
    let kind = if object["spec"]["strategy"].is_null() { "fullyLabeledReplicas" } else { "updatedReplicas" };
    status[kind] = replicas;
    (!is_seen(object)).then_some(status)
}

fn stateful_set(object: &Json) -> Option<Json> {
    let replicas = object["spec"]["replicas"].clone();
    let status = json!({
        "observedGeneration": object["metadata"]["generation"], "replicas": replicas, "readyReplicas": replicas,
        "availableReplicas": replicas, "currentReplicas": replicas, "updatedReplicas": replicas,
        "currentRevision": "1", "updateRevision": "1"
    });
    (!is_seen(object)).then_some(status)
}

fn autoscaler(object: &Json) -> Option<Json> {
    let able = json!({"type": "AbleToScale", "status": "True", "lastTransitionTime": TIME});
    let status = json!({"conditions": [able], "desiredReplicas": 1, "currentReplicas": 1});
    object["status"]["conditions"].is_null().then_some(status)
}

fn job(object: &Json) -> Option<Json> {
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": TIME, "lastProbeTime": TIME});
    let status = json!({
        "startTime": TIME, "completionTime": TIME, "succeeded": 1,
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")]
    });
    object["status"]["conditions"].is_null().then_some(status)
}

fn claim(object: &Json) -> Option<Json> {
    (object["status"]["phase"] != "Bound").then(|| json!({"phase": "Bound"}))
}
