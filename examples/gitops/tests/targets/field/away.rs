//! A part of the API whose server is away.

use serde_json::json;
use testbed::ApiServer;

use crate::Cluster;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { x: \"1\" }\n";

/// Met with an aggregated API whose pods were down: its objects can be neither read nor called absent.
#[tokio::test]
async fn an_object_of_an_api_that_is_away_ends_each_verb_with_1_and_the_rest_goes_on() {
    let server = ApiServer::start();
    let cluster = Cluster::on(&server).await;
    cluster.configure("shop", "");
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": { "name": "v1.away.example" },
        "spec": {
            "group": "away.example", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 1,
            "service": { "namespace": cluster.namespace, "name": "away" }
        }
    });
    cluster.admin.post("/apis/apiregistration.k8s.io/v1/apiservices", &service).await;
    let thing = format!(
        "apiVersion: away.example/v1\nkind: Thing\nmetadata: {{ name: t, namespace: {} }}\n",
        cluster.namespace
    );
    let world = &cluster.world;
    world.commit("Begin", &[("map.yaml", Some(MAP)), ("thing.yaml", Some(&thing))]);
    for verb in [&["plan"][..], &["plan", "--detailed-exitcode"], &["drift"]] {
        world.gitops(verb).expect(1).says("Thing.away.example");
    }
    world.gitops(&["apply", "--yes"]).expect(1).says("Blocked: 1 object");
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"), "the others go on");
    for verb in [&["plan", "--detailed-exitcode"][..], &["drift"], &["status", "--exit-code"]] {
        world.gitops(verb).expect(1).says("Thing.away.example");
    }
    let status = world.json(&["status"]);
    assert_eq!(status["blocked"].as_array().map(Vec::len), Some(1), "{status:#}");
    // It leaves Git while nobody can see it: there was none of ours.
    world.commit("Remove", &[("thing.yaml", None)]);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}
