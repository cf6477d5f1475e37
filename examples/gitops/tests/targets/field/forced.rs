//! A server that stores something else than is declared, and says so when it is asked.

use serde_json::{Value as Json, json};
use testbed::{Answer, Webhook};

use crate::Cluster;

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// Has a webhook set a field of whatever is written, and waits until it does.
async fn forces(cluster: &Cluster, path: &'static str, value: &'static str) -> Webhook {
    let webhook = Webhook::start(Answer::Set(path, value)).await;
    let name = &cluster.namespace;
    cluster.admin.post(WEBHOOKS, &webhook.mutating(name, name)).await;
    let maps = format!("{}?dryRun=All", cluster.config_map("").trim_end_matches('/'));
    let probe = json!({ "metadata": { "name": "probe" }, "data": { "x": "1" } });
    loop {
        let (_, answer) = cluster.admin.send("POST", &maps, "application/json", &probe).await;
        if answer.pointer(path) == Some(&Json::from(value)) {
            return webhook;
        }
    }
}

fn config_map(x: &str, other: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: web }}\ndata: {{ x: \"{x}\", other: \"{other}\" }}\n"
    )
}

/// What every verb of a later process says of a field that the server stores otherwise.
async fn is_told_later(cluster: &Cluster, said: &str) {
    for _ in 0..2 {
        cluster.run(&["plan", "--detailed-exitcode"]).await.expect(1).says(said);
        cluster.run(&["drift", "--detailed-exitcode"]).await.expect(1).says(said);
        cluster.run(&["status", "--exit-code"]).await.expect(1).says(said);
        cluster.run(&["why", "web"]).await.expect(0).says(said);
        cluster.run(&["apply", "--yes"]).await.expect(1).says(said);
    }
}

/// Met with policies that rewrite images and cap replicas: all verbs said "as declared", and what was declared was never
/// written, also after the policy went.
#[tokio::test]
async fn a_declared_field_that_the_server_stores_otherwise_each_time_is_told_and_written_once_it_lets_go() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let webhook = forces(&cluster, "/data/x", "forced").await;
    cluster.world.commit("Begin", &[("web.yaml", Some(&config_map("1", "1")))]);
    let said = "`data.x` is declared \"1\", and the API server stores \"forced\"";
    cluster.run(&["plan"]).await.expect(0).warns("warning[GO0423]: web.yaml:1: ").warns(said);
    cluster.run(&["apply", "--yes"]).await.expect(1).says("data/x");
    is_told_later(&cluster, said).await;

    // What else changes is written, and the field is named beside it.
    cluster.world.commit("Change", &[("web.yaml", Some(&config_map("2", "2")))]);
    let said = "`data.x` is declared \"2\", and the API server stores \"forced\"";
    cluster.run(&["plan"]).await.says("data/other").says(said);
    cluster.run(&["apply", "--yes"]).await.expect(1).says("1 declared field is stored as something else");
    assert_eq!(cluster.value("web", "other").await.as_deref(), Some("2"));
    is_told_later(&cluster, said).await;
    let live = cluster.admin.get(&cluster.config_map("web")).await.unwrap_or_default();
    cluster.run(&["run", "--timeout", "4s"]).await;
    let after = cluster.admin.get(&cluster.config_map("web")).await.unwrap_or_default();
    assert_eq!(
        after["metadata"]["resourceVersion"], live["metadata"]["resourceVersion"],
        "it writes nothing"
    );

    cluster.admin.delete(&format!("{WEBHOOKS}/{}", cluster.namespace)).await;
    drop(webhook);
    while cluster.run(&["apply", "--yes"]).await.code != 0 {}
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("2"));
    for verb in ["plan", "drift"] {
        cluster.run(&[verb, "--detailed-exitcode"]).await.expect(0);
    }
}

/// A rule that leaves the field to the policy is the way to live with it.
#[tokio::test]
async fn an_ignored_field_that_the_server_stores_otherwise_is_silent_once_it_is_made() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "    ignore: [{ kind: ConfigMap, pointers: [/data/x] }]\n");
    cluster.world.commit("Begin", &[("web.yaml", Some(&config_map("1", "1")))]);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    let webhook = forces(&cluster, "/data/x", "forced").await;
    cluster.world.commit("Change", &[("web.yaml", Some(&config_map("1", "2")))]);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    cluster.run(&["plan", "--detailed-exitcode"]).await.expect(0);
    cluster.world.commit("Change again", &[("web.yaml", Some(&config_map("2", "3")))]);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    cluster.run(&["plan", "--detailed-exitcode"]).await.expect(0);
    drop(webhook);
}

/// Met with a webhook that puts its own values into Secrets: none of them is shown.
#[tokio::test]
async fn a_secret_that_the_server_stores_otherwise_is_told_without_a_value() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let webhook = forces(&cluster, "/data/x", "Y2FuYXJ5").await;
    let secret = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: web }}\nstringData: {{ x: \"{value}\", y: \"{value}\" }}\n"
        )
    };
    for value in ["one", "two"] {
        cluster.world.commit(value, &[("web.yaml", Some(&secret(value)))]);
        let ran = format!("{:?}", cluster.run(&["apply", "--yes"]).await.expect(1));
        assert!(!ran.contains("Y2FuYXJ5") && !ran.contains("canary"), "{ran}");
        let plan = cluster.run(&["plan", "--output", "json"]).await.says("/data/x");
        assert!(!format!("{plan:?}").contains("Y2FuYXJ5"), "{plan:?}");
        is_told_later(&cluster, "`data.x` is declared (sensitive), and the API server stores (sensitive)")
            .await;
    }
    drop(webhook);
}
