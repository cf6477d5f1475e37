//! `why` blames the object's own lines.

use serde_json::json;

use crate::Cluster;

fn file(first: &str, second: &str, other: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: first }}\ndata: {{ x: \"{first}\" }}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: second }}\ndata:\n  x: \"{second}\"\n  y: \"{other}\"\n"
    )
}

/// Met with a file of many documents: every object of it was put down to the commit that had added the file.
#[tokio::test]
async fn the_commit_that_changed_the_object_is_named_and_the_one_that_changed_the_field() {
    let cluster = Cluster::new().await;
    let world = &cluster.world;
    cluster.configure("shop", "");
    world.commit("Begin", &[("maps.yaml", Some(&file("1", "1", "1")))]);
    world.commit("Second x", &[("maps.yaml", Some(&file("1", "2", "1")))]);
    world.commit("Second y", &[("maps.yaml", Some(&file("1", "2", "2")))]);
    world.commit("First x", &[("maps.yaml", Some(&file("2", "2", "2")))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let second = world.gitops(&["why", "second"]).expect(0).says("maps.yaml:6-11").says("Second y");
    assert!(!second.stdout.contains("First x") && !second.stdout.contains("Begin"), "{}", second.stdout);
    world.gitops(&["why", "first"]).expect(0).says("maps.yaml:1-4").says("First x");
    cluster.admin.merge(&cluster.config_map("second"), &json!({ "data": { "x": "theirs" } })).await;
    let why = world.gitops(&["why", "second"]).expect(0).says("data/x live \"theirs\", declared \"2\"");
    // Who changed the live field and when is what the server says.
    let why = why.says(", set live by ").says(" at 20").says("declaration last changed by");
    why.says("\"Second x\" (maps.yaml:10)");
    let document = world.json(&["why", "second"]);
    assert!(document["fields"][0]["set_by"].is_string(), "{document:#}");
    assert_eq!(document["fields"][0]["commit"]["summary"], "Second x");
    assert_eq!((&document["commit"]["summary"], &document["last_line"]), (&json!("Second y"), &json!(11)));
}
