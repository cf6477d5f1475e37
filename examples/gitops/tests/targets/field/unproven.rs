//! Of what nobody says anything, nothing is waited for for ever.

use serde_json::json;

use crate::Cluster;

/// Met with objects whose operator writes no status: what needs them has to go on, and that nothing is proven of them has to be said.
#[tokio::test]
async fn what_needs_an_object_of_which_nothing_is_proven_goes_on_in_each_process() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let (world, name) = (&cluster.world, &cluster.namespace);
    let group = format!("{name}.example");
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("things.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced", "names": { "kind": "Thing", "plural": "things", "singular": "thing" },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } }
            }]
        }
    })
    .to_string();
    let thing = format!("apiVersion: {group}/v1\nkind: Thing\nmetadata: {{ name: t }}\n");
    let needs = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: needs\n  annotations:\n    \
            config.kubernetes.io/depends-on: {group}/namespaces/{name}/Thing/t\ndata: {{ x: \"{value}\" }}\n"
        )
    };
    let first = needs("1");
    let files = [("definition.json", &definition), ("thing.yaml", &thing), ("needs.yaml", &first)];
    world.commit("Begin", &files.map(|(path, text)| (path, Some(text.as_str()))));
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 3 changes");
    assert_eq!(cluster.value("needs", "x").await.as_deref(), Some("1"));
    for value in ["2", "3"] {
        let status = world.json(&["status"]);
        assert_eq!((&status["sync"], &status["blocked"]), (&json!("Synced"), &json!([])), "{status:#}");
        assert_eq!(status["unready"][0]["reason"], "no controller has written its status", "{status:#}");
        world.gitops(&["status"]).expect(0).says("no controller has written its status");
        world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
        world.commit("Change", &[("needs.yaml", Some(&needs(value)))]);
        world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
        assert_eq!(cluster.value("needs", "x").await.as_deref(), Some(value));
    }
}
