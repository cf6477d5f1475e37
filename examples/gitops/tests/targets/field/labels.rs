//! Owner labels that somebody took off, and objects that two targets declare.

use serde_json::{Value as Json, json};

use crate::Cluster;

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ x: \"{value}\" }}\n")
}

async fn take_label_off(cluster: &Cluster, name: &str) {
    let gone = json!({ "metadata": { "annotations": { "gitops/owner": Json::Null } } });
    cluster.admin.merge(&cluster.config_map(name), &gone).await;
}

async fn applied() -> Cluster {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let (web, db) = (config_map("web", "1"), config_map("db", "1"));
    cluster.world.commit("Begin", &[("web.yaml", Some(&web)), ("db.yaml", Some(&db))]);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    cluster
}

async fn uid(cluster: &Cluster, name: &str) -> Json {
    cluster.admin.get(&cluster.config_map(name)).await.unwrap_or_default()["metadata"]["uid"].clone()
}

/// Met with an annotation that a tool stripped: what this application made was called somebody else's.
#[tokio::test]
async fn a_lost_owner_label_is_told_by_every_verb_and_given_back() {
    let cluster = applied().await;
    let before = uid(&cluster, "web").await;
    take_label_off(&cluster, "web").await;
    let said = "its owner label was taken off outside of Git";
    for _ in 0..2 {
        cluster.run(&["status", "--exit-code"]).await.expect(2).says("1 drifted");
        cluster.run(&["why", "web"]).await.expect(0).says(said);
        cluster.run(&["drift", "--detailed-exitcode"]).await.expect(2).says("Drift: 1 object");
        cluster.run(&["plan", "--detailed-exitcode"]).await.expect(2).says(said);
    }
    cluster.run(&["apply", "--yes"]).await.expect(0).says("Applied: 1 change");
    assert_eq!(uid(&cluster, "web").await, before);
    cluster.run(&["history"]).await.expect(0).says("repair");
    for verb in ["plan", "drift"] {
        cluster.run(&[verb, "--detailed-exitcode"]).await.expect(0);
    }
}

/// The same of what left the source meanwhile: it stays, and every verb says so for as long as it is there.
#[tokio::test]
async fn what_lost_its_owner_label_and_left_the_source_stays_and_is_told_by_every_verb() {
    let cluster = applied().await;
    take_label_off(&cluster, "web").await;
    cluster.world.commit("Remove", &[("web.yaml", None)]);
    for _ in 0..2 {
        cluster.run(&["apply", "--yes"]).await.expect(0);
        let status = cluster.json(&["status"]).await;
        assert_eq!(status["orphaned"].as_array().unwrap().len(), 1, "{status:#}");
        cluster.run(&["status"]).await.says("web").says("its owner label was taken off");
        cluster.run(&["plan"]).await.says("because its owner label was taken off");
        cluster.run(&["why", "web"]).await.expect(0).says("its owner label was taken off");
        cluster.run(&["history"]).await.expect(0).says("Begin");
        assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"));
    }
}

/// Another application that declares the object does not take it, whatever it is told: the first one's record is on it still.
#[tokio::test]
async fn a_second_application_does_not_take_what_lost_its_owner_label() {
    let cluster = applied().await;
    let before = uid(&cluster, "web").await;
    take_label_off(&cluster, "web").await;
    let first = std::fs::read_to_string(cluster.world.path("gitops.yaml")).unwrap();
    cluster.configure("other", "");
    let second = std::fs::read_to_string(cluster.world.path("gitops.yaml")).unwrap();
    let said = "it is there and was not made by us";
    for _ in 0..2 {
        cluster.run(&["apply", "--yes"]).await.expect(1).says(said).says("it belongs to shop");
        cluster.run(&["status", "--exit-code"]).await.expect(1).says(said);
        cluster.run(&["why", "web"]).await.expect(0).says(said);
    }
    cluster.world.configure(&format!("{second}sync: {{ adopt: true }}\n"));
    for _ in 0..2 {
        cluster.run(&["apply", "--yes"]).await.expect(1).says("gitops:shop");
    }
    let owner = "its owner label was taken off outside of Git";
    cluster.world.configure(&first);
    cluster.run(&["why", "web"]).await.expect(0).says(owner);
    cluster.run(&["apply", "--yes"]).await.expect(0).says("Applied: 1 change");
    assert_eq!(uid(&cluster, "web").await, before);
    cluster.world.configure(&second);
    cluster.run(&["why", "web"]).await.expect(0).says("it belongs to shop");
    cluster.world.commit("Remove", &[("web.yaml", None)]);
    cluster.run(&["apply", "--yes"]).await;
    assert_eq!(uid(&cluster, "web").await, before, "what is another's is not deleted");
    cluster.world.configure(&first);
    cluster.run(&["apply", "--yes"]).await.expect(0).says("Applied: 1 change");
    assert_eq!(cluster.admin.get(&cluster.config_map("web")).await, None);
    assert_eq!(cluster.value("db", "x").await.as_deref(), Some("1"));
}

/// Met with two targets that reach one cluster: one declaration went, and with it the object that the other still declared.
#[tokio::test]
async fn what_two_targets_of_one_cluster_declare_is_blocked_under_both_in_every_verb() {
    let cluster = Cluster::new().await;
    let target = format!("kubernetes: {{ kubeconfig: ./kubeconfig, namespace: {} }}", cluster.namespace);
    cluster.world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\ntargets:\n  \
         one: {{ path: one, {target} }}\n  two: {{ path: two, {target} }}\n"
    ));
    let (web, db, queue) = (config_map("web", "1"), config_map("db", "1"), config_map("queue", "1"));
    let begin =
        [("one/web.yaml", Some(&*web)), ("one/queue.yaml", Some(&*queue)), ("two/db.yaml", Some(&*db))];
    cluster.world.commit("Begin", &begin);
    cluster.run(&["apply", "--yes"]).await.expect(0);
    let before = uid(&cluster, "web").await;
    cluster.world.commit("Twice", &[("two/web.yaml", Some(&web))]);
    let said = "it is declared twice";
    for _ in 0..2 {
        cluster.run(&["plan", "--detailed-exitcode"]).await.expect(1).says(said);
        cluster.run(&["apply", "--yes"]).await.expect(1).says(said);
        let status = cluster.run(&["status", "--exit-code"]).await.expect(1);
        status.says("one:ConfigMap").says("two:ConfigMap").says(said);
        cluster.run(&["drift", "--detailed-exitcode"]).await.expect(1).says(said);
        for target in ["one", "two"] {
            let key = format!("{target}:ConfigMap/{}/web", cluster.namespace);
            cluster.run(&["why", &key]).await.expect(0).says(said);
        }
    }
    cluster.run(&["history"]).await.expect(0).says("Begin");
    for gone in ["one/web.yaml", "two/web.yaml"] {
        assert_eq!(uid(&cluster, "web").await, before);
        cluster.world.commit("Take one out", &[(gone, None)]);
        cluster.run(&["apply", "--yes"]).await.expect(0);
    }
    assert_eq!(cluster.admin.get(&cluster.config_map("web")).await, None, "nobody declares it any more");
    cluster.run(&["status", "--exit-code"]).await.expect(0);
}
