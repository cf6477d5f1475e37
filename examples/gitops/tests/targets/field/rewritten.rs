//! A server that does something else than it said.

use serde_json::{Value as Json, json};
use testbed::{Answer, Webhook};

use crate::Cluster;

fn config_map(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: web }}\ndata: {{ x: \"{value}\" }}\n")
}

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// Has a webhook rewrite what is written, and waits until it does.
async fn rewrites(cluster: &Cluster, path: &'static str, value: &'static str) -> Webhook {
    let webhook = Webhook::start(Answer::Rewrite(path, value)).await;
    let name = &cluster.namespace;
    cluster.admin.post(WEBHOOKS, &webhook.mutating(name, name)).await;
    let maps = cluster.config_map("");
    loop {
        let metadata = json!({ "name": "probe", "labels": { "team": "1" }, "annotations": { "note": "1" } });
        let probe = json!({ "metadata": metadata, "data": { "x": "1" } });
        cluster.admin.send("POST", maps.trim_end_matches('/'), "application/json", &probe).await;
        let made = cluster.admin.get(&cluster.config_map("probe")).await.unwrap_or_default();
        cluster.admin.delete(&cluster.config_map("probe")).await;
        if made.pointer(path) == Some(&Json::from(value)) {
            return webhook;
        }
    }
}

/// The webhook goes, and what is declared is made.
async fn ends(cluster: &Cluster, webhook: Webhook) {
    cluster.admin.delete(&format!("{WEBHOOKS}/{}", cluster.namespace)).await;
    drop(webhook);
    while cluster.run(&["apply", "--yes"]).await.code != 0 {}
    cluster.run(&["plan", "--detailed-exitcode"]).await.expect(0);
    cluster.run(&["drift", "--detailed-exitcode"]).await.expect(0);
}

/// What every verb of a later process says of a field that is not as it was declared.
async fn is_told_later(cluster: &Cluster, name: &str, field: &str) {
    let plan = cluster.run(&["plan", "--detailed-exitcode"]).await.expect(2);
    plan.says(field);
    cluster.run(&["status"]).await.expect(0).says("OutOfSync");
    let drift = cluster.run(&["drift", "--detailed-exitcode"]).await.expect(2);
    drift.says("Drift: 1 object").says(field).says("the target made this of the last write");
    cluster.run(&["diff", "--fields"]).await.expect(0).says(field);
    cluster.run(&["why", name]).await.expect(0).says(field);
}

/// Met with a webhook that does nothing in a dry run: the plan showed a change, the apply said "done", and it was never made.
#[tokio::test]
async fn a_declared_field_that_a_webhook_changes_within_the_write_is_told_and_not_taken_for_declared() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    cluster.world.commit("Begin", &[("web.yaml", Some(&config_map("1")))]);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    let webhook = rewrites(&cluster, "/data/x", "7").await;
    cluster.world.commit("Change", &[("web.yaml", Some(&config_map("2")))]);
    let ran = cluster.run(&["apply", "--yes"]).await.expect(1);
    assert!(format!("{ran:?}").contains("data/x"), "{ran:?}");
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("7"));
    is_told_later(&cluster, "web", "data/x").await;
    cluster.run(&["plan"]).await.expect(0).says("data/x \"7\" → \"2\"");
    let run = cluster.run(&["run", "--timeout", "4s", "--output", "json"]).await;
    assert_eq!(run.stdout.matches("\"type\":\"differs\"").count(), 1, "not again and again: {run:?}");
    // The same of what is made.
    cluster.world.commit("Add", &[("new.yaml", Some(&config_map("3").replace("web", "new")))]);
    let ran = cluster.json(&["apply", "--yes"]).await;
    let results = ran["results"].as_array().unwrap();
    assert!(results.iter().all(|result| result.to_string().contains("data/x")), "{ran:#}");
    assert_eq!(results.len(), 2, "{ran:#}");
    ends(&cluster, webhook).await;
    assert_eq!(cluster.value("new", "x").await.as_deref(), Some("3"));
}

/// Met with a policy of names of teams: labels and annotations are fields that are declared as well.
#[tokio::test]
async fn a_label_and_an_annotation_that_a_webhook_changes_within_the_write_are_told() {
    let declared = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  labels: {{ team: \"{value}\" }}\n  \
             annotations: {{ note: \"{value}\" }}\ndata: {{ x: \"{value}\" }}\n"
        )
    };
    for path in ["/metadata/labels/team", "/metadata/annotations/note"] {
        let cluster = Cluster::new().await;
        cluster.configure("shop", "");
        let webhook = rewrites(&cluster, path, "7").await;
        for value in ["1", "2"] {
            cluster.world.commit(value, &[("web.yaml", Some(&declared(value)))]);
            let ran = cluster.run(&["apply", "--yes"]).await.expect(1);
            assert!(format!("{ran:?}").contains(&path[1..]), "{ran:?}");
            is_told_later(&cluster, "web", &path[1..]).await;
        }
        ends(&cluster, webhook).await;
    }
}

/// Met with a webhook that puts its own values into Secrets: none of them is shown.
#[tokio::test]
async fn a_secret_that_a_webhook_changes_within_the_write_is_told_without_a_value() {
    for (member, values) in [("data", ["b25l", "dHdv"]), ("stringData", ["one", "two"])] {
        let cluster = Cluster::new().await;
        cluster.configure("shop", "");
        let webhook = rewrites(&cluster, "/data/x", "Y2FuYXJ5").await;
        for value in values {
            let secret = format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{ name: web }}\n{member}: {{ x: \"{value}\" }}\n"
            );
            cluster.world.commit(value, &[("web.yaml", Some(&secret))]);
            let ran = cluster.run(&["apply", "--yes"]).await.expect(1);
            assert!(format!("{ran:?}").contains("data/x"), "{ran:?}");
            assert!(!format!("{ran:?}").contains("Y2FuYXJ5"), "{ran:?}");
            is_told_later(&cluster, "web", "data/x").await;
        }
        ends(&cluster, webhook).await;
    }
}

/// What is left to others is theirs within the write too.
#[tokio::test]
async fn an_ignored_field_that_a_webhook_changes_within_the_write_is_silent() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "    ignore: [{ kind: ConfigMap, pointers: [/data/x] }]\n");
    let webhook = rewrites(&cluster, "/data/x", "7").await;
    let declared =
        |other: &str| config_map("1").replace("x: \"1\"", &format!("x: \"1\", other: \"{other}\""));
    for other in ["1", "2"] {
        cluster.world.commit(other, &[("web.yaml", Some(&declared(other)))]);
        cluster.run(&["apply", "--yes"]).await.expect(0);
        cluster.run(&["plan", "--detailed-exitcode"]).await.expect(0);
        let live = cluster.admin.get(&cluster.config_map("web")).await.unwrap_or_default();
        assert_eq!(live["data"]["other"], other, "{live:#}");
    }
    drop(webhook);
}

/// Met under `run`, which shows no plan before it makes an object, and so had asked the server nothing.
#[tokio::test]
async fn an_object_that_run_makes_and_a_webhook_changes_is_told() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let webhook = rewrites(&cluster, "/data/x", "7").await;
    cluster.world.commit("Begin", &[("web.yaml", Some(&config_map("1")))]);
    let run = cluster.run(&["run", "--timeout", "4s", "--output", "json"]).await;
    assert_eq!(run.stdout.matches("\"type\":\"differs\"").count(), 1, "{run:?}");
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("7"));
    is_told_later(&cluster, "web", "data/x").await;
    ends(&cluster, webhook).await;
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"));
}

/// Met where a second application and an operator had a part of the object, and the pending field was lost among theirs.
#[tokio::test]
async fn what_a_webhook_changes_is_told_beside_another_application_and_another_owner_of_a_field() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let both = |x: &str| config_map(x).replace("\ndata: {", "\ndata: { other: \"1\",");
    cluster.world.commit("Begin", &[("web.yaml", Some(&both("1")))]);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    let theirs = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web" }, "data": { "other": "theirs" }
    });
    cluster.admin.apply(&cluster.config_map("web"), "operator", &theirs).await;
    let webhook = rewrites(&cluster, "/data/x", "7").await;
    cluster.world.commit("Change", &[("web.yaml", Some(&both("2")))]);
    cluster.run(&["apply", "--yes"]).await.expect(1);
    // The other application has a state of its own and declares the same object.
    let one = std::fs::read_to_string(cluster.world.path("gitops.yaml")).unwrap();
    cluster.configure("other", "");
    for _ in 0..2 {
        let ran = cluster.run(&["drift", "--detailed-exitcode"]).await.expect(1);
        ran.says("Blocked: 1 object").says("shop");
    }
    cluster.world.configure(&one);
    for _ in 0..2 {
        // Whose the one field is takes a person, so that is the code; the other field is no less told.
        let drift = cluster.run(&["drift", "--detailed-exitcode"]).await;
        assert_eq!(drift.code, 1, "{drift:?}");
        drift.says("Drift: 1 object").says("data/x").says("the target made this of the last write");
        let plan = cluster.run(&["plan", "--detailed-exitcode"]).await;
        plan.says("data/x").says("operator");
        let document = cluster.json(&["drift"]).await;
        assert_eq!(document["objects"][0]["left_otherwise"], true, "{document:#}");
        cluster.run(&["apply", "--yes"]).await.expect(1);
    }
    drop(webhook);
}
