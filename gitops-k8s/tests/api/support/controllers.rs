use std::time::Duration;

use serde_json::{Value as Json, json};
use testbed::Admin;

/// Plays the controllers that this API server has not: says of each workload in a namespace that it is as wanted.
///
/// It never ends; drop it.
pub async fn controllers(admin: &Admin, namespace: &str) {
    let kinds = [
        ("apis/apps/v1", "deployments"),
        ("apis/autoscaling/v2", "horizontalpodautoscalers"),
        ("apis/batch/v1", "jobs"),
    ];
    loop {
        for (root, plural) in kinds {
            let uri = format!("/{root}/namespaces/{namespace}/{plural}");
            let list = admin.get(&uri).await.unwrap();
            for object in list["items"].as_array().unwrap() {
                control(admin, &uri, plural, object).await;
            }
        }
        pause().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "controllers take their time; nothing waits for this")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

async fn control(admin: &Admin, uri: &str, plural: &str, object: &Json) {
    let status = match plural {
        "deployments" if object["status"]["observedGeneration"] != object["metadata"]["generation"] => {
            let replicas = object["spec"]["replicas"].clone();
            json!({
                "observedGeneration": object["metadata"]["generation"], "replicas": replicas,
                "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas
            })
        }
        "horizontalpodautoscalers" if object["status"]["conditions"].is_null() => {
            let able = json!({"type": "AbleToScale", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"});
            json!({"conditions": [able], "desiredReplicas": 1, "currentReplicas": 1})
        }
        _ => return,
    };
    let name = object["metadata"]["name"].as_str().unwrap();
    let patch = json!({"status": status});
    let uri = format!("{uri}/{name}/status");
    let answer = admin.send("PATCH", &uri, "application/merge-patch+json", &patch).await;
    assert!(matches!(answer.0, 200 | 404), "{uri}: {answer:?}");
}
