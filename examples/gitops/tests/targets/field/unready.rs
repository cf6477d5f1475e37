//! What is not ready is not ready for the next process either.

use std::time::Duration;

use gitops_app::Backends;
use gitops_app::config::Applications;
use gitops_app::session::{Access, Session};
use gitops_core::{Cx, HealthStatus};
use serde_json::json;
use testbed::ApiServer;

use crate::Cluster;

/// A workload whose pods do something: see the stages of the testbed.
fn web(does: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: 1\n  \
        selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    \
        metadata: {{ labels: {{ app: web }}, annotations: {{ testbed/does: {does} }} }}\n    \
        spec: {{ containers: [{{ name: web, image: nginx }}] }}\n"
    )
}

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
    let cluster = Cluster::on(ApiServer::controlled()).await;
    cluster.configure("shop", "");
    cluster.world.commit("Begin", &[("web.yaml", Some(&web("hang")))]);
    cluster.run(&["apply", "--yes", "--timeout", "3s"]).await;
    for _ in 0..2 {
        let status = cluster.json(&["status"]).await;
        assert_eq!(status["unready"].as_array().map(Vec::len), Some(1), "{status:#}");
        cluster.run(&["status", "--exit-code"]).await.expect(6).says("0 of 1 replicas");
        assert_eq!(health_of_a_run(&cluster).await, HealthStatus::Progressing);
    }
    let pods = format!("/api/v1/namespaces/{}/pods", cluster.namespace);
    let pods_now = cluster.admin.get(&pods).await.unwrap();
    let pod = format!("{pods}/{}", pods_now["items"][0]["metadata"]["name"].as_str().unwrap());
    let goes_on = json!({ "metadata": { "annotations": { "testbed/does": "go-on" } } });
    cluster.admin.merge(&pod, &goes_on).await;
    while cluster.json(&["status"]).await["unready"] != json!([]) {}
    cluster.run(&["status", "--exit-code"]).await.expect(0);
    assert_eq!(health_of_a_run(&cluster).await, HealthStatus::Unknown, "nothing bad is known");
}

/// Met with a job of CI that was run again over a rollout that had failed: it was green the second time, and so was what needed it.
#[tokio::test]
async fn an_apply_over_what_did_not_come_up_is_no_success_the_second_time_either() {
    let cluster = Cluster::on(ApiServer::controlled()).await;
    cluster.configure("shop", "sync: { ready_timeout: 2s }\n");
    cluster.world.commit("Begin", &[("web.yaml", Some(&web("hang")))]);
    for _ in 0..2 {
        cluster.run(&["apply", "--yes"]).await.expect(6).warns("0 of 1 replicas");
    }
    // Another change does not hide it, nor does the one after that.
    for value in ["1", "2"] {
        let other = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: other }}\ndata: {{ x: \"{value}\" }}\n"
        );
        cluster.world.commit("Other", &[("other.yaml", Some(&other))]);
        cluster.run(&["apply", "--yes"]).await.expect(6);
    }
    cluster.world.commit("Mend", &[("web.yaml", Some(&web("go-on")))]);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    cluster.run(&["apply", "--yes"]).await.expect(0);
}

/// Met with a deployment that had failed by its pod: the list of what is blocked said that `apply` waits for it, and `status` ended as if it
/// were on its way.
#[tokio::test]
async fn what_needs_a_workload_that_has_failed_by_its_pod_is_blocked_by_a_fault_in_every_verb() {
    let cluster = Cluster::on(ApiServer::controlled()).await;
    cluster.configure("shop", "");
    let needs = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: needs\n  annotations:\n    \
        config.kubernetes.io/depends-on: apps/namespaces/{}/Deployment/web\n",
        cluster.namespace
    );
    cluster.world.commit("Begin", &[("web.yaml", Some(&web("crash"))), ("needs.yaml", Some(&needs))]);
    cluster.run(&["apply", "--yes"]).await.expect(1).says("CrashLoopBackOff");
    for verb in [&["apply", "--yes"][..], &["plan"], &["status", "--exit-code"]] {
        let ran = cluster.run(verb).await.expect(1);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("CrashLoopBackOff") && !said.contains("waits for it"), "{verb:?}: {said}");
    }
    let status = cluster.json(&["status"]).await;
    assert_eq!(status["blocked"][0]["obstacle"], "fault", "{status:#}");
    assert_eq!(cluster.value("needs", "x").await, None);
}
