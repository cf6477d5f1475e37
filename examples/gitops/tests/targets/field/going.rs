//! A declared object that a person deleted and that something holds for the moment.

use serde_json::{Value as Json, json};

use crate::Cluster;

/// Met with a claim that was deleted while a pod used it: no verb called that a change outside of Git, and the data went with the next
/// restart of the pod.
#[tokio::test]
async fn what_a_person_deleted_and_a_finalizer_holds_is_drift() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let web = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { x: \"1\" }\n";
    cluster.world.commit("Begin", &[("web.yaml", Some(web))]);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    let uri = cluster.config_map("web");
    cluster.admin.merge(&uri, &json!({ "metadata": { "finalizers": ["example.org/hold"] } })).await;
    cluster.admin.delete(&uri).await;
    for _ in 0..2 {
        let drift = cluster.run(&["drift", "--detailed-exitcode"]).await.expect(2);
        drift
            .says("Drift: 1 object")
            .says("Deleted, and not brought back by an apply now: 1 object")
            .says("ConfigMap/");
        cluster.run(&["plan", "--detailed-exitcode"]).await.expect(2).says("it is being deleted");
    }
    let document = cluster.json(&["drift"]).await;
    assert_eq!(document["beside"][0]["found"], "going", "{document:#}");
    cluster.admin.merge(&uri, &json!({ "metadata": { "finalizers": Json::Null } })).await;
    cluster.run(&["drift", "--detailed-exitcode"]).await.expect(2).says("deleted outside of Git");
    cluster.run(&["apply", "--yes"]).await.expect(0);
    cluster.run(&["drift", "--detailed-exitcode"]).await.expect(0);
}

/// Met with a namespace that was stuck in its deletion: "No drift", and what was to be made in it failed each time.
#[tokio::test]
async fn what_is_in_a_namespace_that_a_person_deleted_is_drift_in_every_verb() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let web = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { x: \"1\" }\n";
    cluster.world.commit("Begin", &[("web.yaml", Some(web))]);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    cluster.admin.delete(&format!("/api/v1/namespaces/{}", cluster.namespace)).await;
    let why = format!("Namespace/-/{} is being deleted", cluster.namespace);
    for _ in 0..2 {
        let drift = cluster.run(&["drift", "--detailed-exitcode"]).await.expect(1).says("Drift: 1 object");
        drift.says("Deleted, and not brought back by an apply now: 1 object").says("goes with");
        cluster.run(&["plan"]).await.expect(1).says(&why).says("make that again or declare it");
        cluster.run(&["apply", "--yes"]).await.expect(1).says(&why);
    }
    cluster.run(&["status"]).await.says("is being deleted");
    cluster.run(&["why", "ConfigMap/web"]).await.says("goes with").says("is being deleted");
    let document = cluster.json(&["drift"]).await;
    assert_eq!(document["beside"][0]["found"], "goes_with", "{document:#}");
    assert_eq!(document["blocked"][0]["code"], "goes_with", "{document:#}");
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"));
}
