//! Drift is looked for where the state does not show it.

use crate::support::World;
use crate::things::{Things, lock_file, mirror};
use crate::tofu;

/// Met with a service that somebody changed in its console: "No drift", and no provider had been asked.
#[tokio::test(flavor = "multi_thread")]
async fn drift_asks_the_providers_and_says_what_it_did_not_look_at() {
    let things = Things::start().await;
    let world = World::empty();
    world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
         target: {{ terraform: {{ binary: {}, backend: managed, mirror: {} }} }}\n",
        tofu().display(),
        mirror().display()
    ));
    let (main, lock) = (things.root(&[("a", "1")]), lock_file(&["gitops/counting"]));
    world.commit("Begin", &[("net/main.tf", Some(&main)), ("net/.terraform.lock.hcl", Some(&lock))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world
        .gitops(&["drift", "--detailed-exitcode"])
        .expect(0)
        .says("No drift: nothing was changed outside of Git");
    things.with(|inner| inner.things.values_mut().for_each(|thing| "theirs".clone_into(&mut thing.value)));
    let cached = world.gitops(&["drift", "--cached", "--detailed-exitcode"]).expect(0);
    cached
        .says("No drift was found, but not everything was looked at")
        .says("providers were not asked: `--cached`");
    let found = world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("Drift: 1 object");
    found.says("Root/net");
    world.gitops(&["plan"]).expect(0).says("\"theirs\" → \"1\"");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(things.with(|inner| inner.things.values().next().unwrap().value.clone()), "1");
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift:");
}

/// The same while a commit for the root is pending: what the providers said of what was applied is told beside it.
#[tokio::test(flavor = "multi_thread")]
async fn drift_of_a_root_is_told_beside_a_pending_commit() {
    let things = Things::start().await;
    let world = World::empty();
    world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
         target: {{ terraform: {{ binary: {}, backend: managed, mirror: {} }} }}\n",
        tofu().display(),
        mirror().display()
    ));
    let (main, lock) = (things.root(&[("a", "1")]), lock_file(&["gitops/counting"]));
    world.commit("Begin", &[("net/main.tf", Some(&main)), ("net/.terraform.lock.hcl", Some(&lock))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Change", &[("net/main.tf", Some(&things.root(&[("a", "2")])))]);
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift:");
    things.with(|inner| inner.things.values_mut().for_each(|thing| "theirs".clone_into(&mut thing.value)));
    for _ in 0..2 {
        let found = world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("Drift: 1 object");
        found.says("Root/net").says("update pending").says("live \"theirs\", applied \"1\"");
    }
    world.gitops(&["plan"]).expect(0).says("\"theirs\" → \"2\"").says("changed outside of Git too");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(things.with(|inner| inner.things.values().next().unwrap().value.clone()), "2");
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift:");
}

/// Met with a pending commit that changed a comment of the root: what somebody changed was told as changed by the commit too.
#[tokio::test(flavor = "multi_thread")]
async fn drift_of_a_root_of_which_a_pending_commit_changes_a_comment_is_drift_like_any_other() {
    let things = Things::start().await;
    let world = World::empty();
    world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
         target: {{ terraform: {{ binary: {}, backend: managed, mirror: {} }} }}\n",
        tofu().display(),
        mirror().display()
    ));
    let (main, lock) = (things.root(&[("a", "1")]), lock_file(&["gitops/counting"]));
    world.commit("Begin", &[("net/main.tf", Some(&main)), ("net/.terraform.lock.hcl", Some(&lock))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Explain", &[("net/main.tf", Some(&format!("# What it is for.\n{main}")))]);
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift:");
    things.with(|inner| inner.things.values_mut().for_each(|thing| "theirs".clone_into(&mut thing.value)));
    for _ in 0..2 {
        let found = world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("Drift: 1 object");
        assert!(!found.stdout.contains("pending commit"), "{}", found.stdout);
    }
    let document = world.json(&["drift"]);
    assert_eq!(document["objects"][0]["cause"], "drift", "{document:#}");
    assert_eq!(document["beside"].as_array().map(Vec::len), Some(0), "{document:#}");
    assert_eq!(world.json(&["status"])["summary"]["drift"], 1);
    world.gitops(&["plan"]).expect(0).says("\"theirs\" → \"1\"").says("and not by the commit");
    world.gitops(&["diff"]).expect(0).says("and not by the commit");
    world.gitops(&["why", "net"]).expect(0).says("the pending commit does not change it");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(things.with(|inner| inner.things.values().next().unwrap().value.clone()), "1");
    world.gitops(&["drift", "--detailed-exitcode"]).expect(0).says("No drift:");
}

/// Met with drift that is only reported: the row below "not corrected" said that the field "is restored".
#[tokio::test]
async fn what_a_person_set_is_not_called_restored_where_drift_is_only_reported() {
    let cluster = crate::Cluster::new().await;
    cluster.configure("shop", "sync: { drift: report }\n");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { x: \"1\" }\n";
    cluster.world.commit("Begin", &[("map.yaml", Some(map))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0);
    let edit = format!("{}?fieldManager=kubectl-patch", cluster.config_map("web"));
    cluster.admin.merge(&edit, &serde_json::json!({ "data": { "x": "byhand" } })).await;
    for verb in [&["plan"][..], &["apply", "--yes"], &["drift"]] {
        let ran = cluster.world.gitops(verb).says("not corrected").says("byhand");
        assert!(!ran.stdout.contains("restored"), "{verb:?}: {}", ran.stdout);
    }
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("byhand"));
    cluster.configure("shop", "");
    cluster.world.gitops(&["plan"]).expect(0).says("and is restored").says("kubectl-patch");
}

/// The same of a manifest, whose objects do not have its comments.
#[tokio::test]
async fn drift_of_a_manifest_of_which_a_pending_commit_changes_a_comment_is_drift_like_any_other() {
    let cluster = crate::Cluster::new().await;
    cluster.configure("shop", "");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { x: \"1\" }\n";
    cluster.world.commit("Begin", &[("map.yaml", Some(map))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0);
    cluster.world.commit("Explain", &[("map.yaml", Some(&format!("# What it is for.\n{map}")))]);
    let edit = format!("{}?fieldManager=kubectl-patch", cluster.config_map("web"));
    cluster.admin.merge(&edit, &serde_json::json!({ "data": { "x": "byhand" } })).await;
    let found = cluster.world.gitops(&["drift", "--detailed-exitcode"]).expect(2).says("Drift: 1 object");
    assert!(!found.stdout.contains("pending commit"), "{}", found.stdout);
}
