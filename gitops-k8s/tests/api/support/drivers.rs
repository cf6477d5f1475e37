use std::time::Duration;

use serde_json::{Value as Json, json};
use testbed::Admin;

const VOLUMES: &str = "/api/v1/persistentvolumes";

/// Plays, beside the controllers of Kubernetes, the two parts of a cluster that are programs of others: the storage driver,
/// which makes a volume for a claim, and the metrics server, without which the controller of autoscalers has nothing to say.
/// Claims are bound by the real controllers; autoscalers' status is written here.
///
/// It never ends; drop it.
pub async fn drivers(admin: &Admin, namespaces: &[&str]) {
    loop {
        for namespace in namespaces {
            provision(admin, namespace).await;
            scale(admin, namespace).await;
        }
        take_volumes_back(admin).await;
        pause().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "drivers take their time; nothing waits for this")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn items(admin: &Admin, uri: &str) -> Vec<Json> {
    let (_, list) = admin.send("GET", uri, "application/json", &Json::Null).await;
    list["items"].as_array().cloned().unwrap_or_default()
}

async fn make(admin: &Admin, uri: &str, body: &Json) {
    let answer = admin.send("POST", uri, "application/json", body).await;
    assert!(matches!(answer.0, 201 | 409), "{uri}: {answer:?}");
}

/// Each claim that waits gets a volume that is made for it.
async fn provision(admin: &Admin, namespace: &str) {
    let claims = items(admin, &format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims")).await;
    for claim in claims.iter().filter(|claim| claim["status"]["phase"] == "Pending") {
        let (metadata, spec) = (&claim["metadata"], &claim["spec"]);
        let name = format!("pvc-{}", metadata["uid"].as_str().unwrap());
        let body = json!({"metadata": {"name": name}, "spec": {
            "capacity": spec["resources"]["requests"], "accessModes": spec["accessModes"],
            "storageClassName": spec["storageClassName"], "hostPath": {"path": "/data"},
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": namespace, "name": metadata["name"], "uid": metadata["uid"]}
        }});
        make(admin, VOLUMES, &body).await;
    }
}

async fn take_volumes_back(admin: &Admin) {
    for volume in items(admin, VOLUMES).await.iter().filter(|volume| volume["status"]["phase"] == "Released")
    {
        let uri = format!("{VOLUMES}/{}", volume["metadata"]["name"].as_str().unwrap());
        let answer = admin.send("DELETE", &uri, "application/json", &Json::Null).await;
        assert!(matches!(answer.0, 200 | 404), "{uri}: {answer:?}");
    }
}

/// What the controller of autoscalers says of one that nobody looked at, as if the pods were measured.
async fn scale(admin: &Admin, namespace: &str) {
    let uri = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
    let able = json!({"type": "AbleToScale", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let status = json!({"status": {"conditions": [able], "desiredReplicas": 1, "currentReplicas": 1}});
    for autoscaler in items(admin, &uri).await {
        if !autoscaler["status"]["conditions"].is_null() {
            continue;
        }
        let uri = format!("{uri}/{}/status", autoscaler["metadata"]["name"].as_str().unwrap());
        let answer = admin.send("PATCH", &uri, "application/merge-patch+json", &status).await;
        assert!(matches!(answer.0, 200 | 404), "{uri}: {answer:?}");
    }
}
