//! What is not ready is not ready for the next process either.

use std::time::Duration;

use gitops_app::Backends;
use gitops_app::config::Applications;
use gitops_app::session::{Access, Session};
use gitops_core::{Cx, HealthStatus};
use serde_json::json;

use crate::Cluster;

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  replicas: 1\n  \
    selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    \
    spec: { containers: [{ name: web, image: nginx }] }\n";

/// What a process that takes the application over says of its health, once it has looked.
async fn health_of_a_run(cluster: &Cluster) -> HealthStatus {
    let cx = Cx::system().within(Duration::from_secs(60)).child();
    let file = cluster.world.path("gitops.yaml");
    let config = Applications::load(&file, &Backends::new()).unwrap().all.remove(0);
    let builder = Session::builder(&config).access(Access::Write);
    let mut session = Box::pin(builder.open(&cx)).await.unwrap();
    let mut status = session.engine.handle().status();
    let look = async {
        let health = status.wait_for(|status| status.last.is_some()).await.unwrap().health;
        cx.cancel();
        health
    };
    let (ran, health) = tokio::join!(Box::pin(session.engine.run(&cx, Duration::from_secs(3600))), look);
    ran.unwrap();
    health
}

/// Met with a controller that was rolled out while a workload was: the status of the commit was green from then on.
#[tokio::test]
async fn what_is_not_ready_in_a_cluster_is_known_to_each_later_process() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    cluster.world.commit("Begin", &[("web.yaml", Some(WEB))]);
    cluster.run(&["apply", "--yes", "--timeout", "3s"]).await;
    for _ in 0..2 {
        let status = cluster.json(&["status"]).await;
        assert_eq!(status["unready"].as_array().map(Vec::len), Some(1), "{status:#}");
        cluster.run(&["status", "--exit-code"]).await.expect(6).says("0 of 1 replicas");
        assert_eq!(health_of_a_run(&cluster).await, HealthStatus::Progressing);
    }
    let uri = format!("/apis/apps/v1/namespaces/{}/deployments/web/status", cluster.namespace);
    let works = json!({
        "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "conditions": [{ "type": "Available", "status": "True" }],
    });
    cluster.admin.merge(&uri, &json!({ "status": works })).await;
    assert_eq!(cluster.json(&["status"]).await["unready"], json!([]));
    assert_eq!(health_of_a_run(&cluster).await, HealthStatus::Unknown, "nothing bad is known");
}
