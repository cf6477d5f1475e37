//! A server that does something else than it said.

use serde_json::json;
use testbed::{Answer, Webhook};

use crate::Cluster;

fn config_map(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: web }}\ndata: {{ x: \"{value}\" }}\n")
}

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// Has a webhook rewrite what is written, and waits until it does.
async fn rewrites(cluster: &Cluster) -> Webhook {
    let webhook = Webhook::start(Answer::Rewrite("/data/x", "7")).await;
    let name = &cluster.namespace;
    cluster.admin.post(WEBHOOKS, &webhook.mutating(name, name)).await;
    let maps = cluster.config_map("");
    while cluster.value("probe", "x").await.as_deref() != Some("7") {
        cluster.admin.send("DELETE", &cluster.config_map("probe"), "application/json", &json!(null)).await;
        let probe = json!({ "metadata": { "name": "probe" }, "data": { "x": "1" } });
        cluster.admin.send("POST", maps.trim_end_matches('/'), "application/json", &probe).await;
    }
    webhook
}

/// Met with a webhook that does nothing in a dry run: the plan showed a change, the apply said "done", and it was never made.
#[tokio::test]
async fn a_declared_field_that_a_webhook_changes_within_the_write_is_told_and_not_taken_for_declared() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    cluster.world.commit("Begin", &[("web.yaml", Some(&config_map("1")))]);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    let webhook = rewrites(&cluster).await;
    cluster.world.commit("Change", &[("web.yaml", Some(&config_map("2")))]);
    let ran = cluster.run(&["apply", "--yes"]).await.expect(1);
    assert!(format!("{ran:?}").contains("data/x"), "{ran:?}");
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("7"));
    cluster.run(&["plan", "--detailed-exitcode"]).await.expect(2).says("data/x \"7\" → \"2\"");
    cluster.run(&["status"]).await.expect(0).says("OutOfSync");
    let run = cluster.run(&["run", "--timeout", "4s", "--output", "json"]).await;
    assert_eq!(run.stdout.matches("\"type\":\"differs\"").count(), 1, "not again and again: {run:?}");
    // The same of what is made.
    cluster.world.commit("Add", &[("new.yaml", Some(&config_map("3").replace("web", "new")))]);
    let ran = cluster.json(&["apply", "--yes"]).await;
    let results = ran["results"].as_array().unwrap();
    assert!(results.iter().all(|result| result.to_string().contains("data/x")), "{ran:#}");
    assert_eq!(results.len(), 2, "{ran:#}");
    // It goes, and what is declared is made.
    cluster.admin.delete(&format!("{WEBHOOKS}/{}", cluster.namespace)).await;
    drop(webhook);
    while cluster.run(&["apply", "--yes"]).await.code != 0 {}
    assert_eq!(cluster.value("new", "x").await.as_deref(), Some("3"));
    cluster.run(&["plan", "--detailed-exitcode"]).await.expect(0);
}
