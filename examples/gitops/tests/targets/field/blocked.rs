//! An object about which nothing may be done counts in every verb.

use serde_json::json;
use testbed::{ApiServer, User};

use crate::support::World;
use crate::{Cluster, tofu};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { x: \"1\" }\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData: { x: \"1\" }\n";

/// Met with a cluster user without rights to one kind: `plan` said "No changes" and ended with 0.
#[tokio::test]
async fn missing_rights_end_with_4_and_a_fault_beside_them_with_1() {
    let cluster = Cluster::new().await;
    let (world, name) = (&cluster.world, &cluster.namespace);
    let tenant = User::Tenant(7);
    let of_namespace = |what: &str| format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/{what}");
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"] }]);
    let role = json!({ "metadata": { "name": "maps" }, "rules": rules });
    cluster.admin.post(&of_namespace("roles"), &role).await;
    let subject = json!({ "kind": "User", "name": tenant.name(), "apiGroup": "rbac.authorization.k8s.io" });
    let reference = json!({ "kind": "Role", "name": "maps", "apiGroup": "rbac.authorization.k8s.io" });
    let binding = json!({ "metadata": { "name": "maps" }, "subjects": [subject], "roleRef": reference });
    cluster.admin.post(&of_namespace("rolebindings"), &binding).await;
    std::fs::write(world.path("kubeconfig"), ApiServer::shared().kubeconfig(tenant)).unwrap();
    cluster.configure("shop", "");
    world.commit("Begin", &[("map.yaml", Some(MAP)), ("secret.yaml", Some(SECRET))]);
    for verb in [&["plan"][..], &["plan", "--detailed-exitcode"], &["diff"], &["drift"]] {
        world.gitops(verb).expect(4).says("no rights").says("give these rights to the user of `kubeconfig`");
    }
    world.gitops(&["apply", "--yes"]).expect(4).says("Blocked: 1 object");
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"), "the others go on");
    world.gitops(&["status", "--exit-code"]).expect(4);
    let theirs = json!({ "metadata": { "name": "theirs" }, "data": { "x": "theirs" } });
    cluster.admin.post(&cluster.config_map(""), &theirs).await;
    world.commit("Declare it too", &[("theirs.yaml", Some(&MAP.replace("web", "theirs")))]);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(1);
}

/// Met with limits of an application that were narrowed: its objects outside of them were told as missing rights of the user of `kubeconfig`.
#[tokio::test]
async fn what_is_outside_of_the_limits_of_its_application_is_a_fault_of_the_configuration() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let world = &cluster.world;
    world.commit("Begin", &[("map.yaml", Some(MAP)), ("secret.yaml", Some(SECRET))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    cluster.configure("shop", &format!("    namespaces: [{}]\n    kinds: [ConfigMap]\n", cluster.namespace));
    for verb in [&["plan"][..], &["plan", "--detailed-exitcode"], &["drift"], &["status", "--exit-code"]] {
        let ran = world.gitops(verb).expect(1).says("the application may not touch this object");
        assert!(!format!("{ran:?}").contains("rights"), "{ran:?}");
        ran.says("widen the limits of its target");
    }
    world.commit("Remove it", &[("secret.yaml", None)]);
    world.gitops(&["apply", "--yes"]);
    let secret = format!("/api/v1/namespaces/{}/secrets/db", cluster.namespace);
    assert!(cluster.admin.get(&secret).await.is_some(), "nobody may delete it");
    world.gitops(&["status", "--exit-code"]).expect(1).says("Secret");
}

/// Met with an operator that set one field of an object: below the report of the change stood only that not everything is applied.
#[tokio::test]
async fn a_field_of_another_owner_is_counted_where_the_rest_of_its_object_is_applied() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    cluster.world.commit("Begin", &[("web.yaml", Some(MAP))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0);
    let theirs = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web" }, "data": { "x": "theirs" }
    });
    cluster.admin.apply(&cluster.config_map("web"), "operator", &theirs).await;
    let both = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { x: \"1\", z: \"1\" }\n";
    cluster.world.commit("Change", &[("web.yaml", Some(both))]);
    let ran = cluster.world.gitops(&["apply", "--yes"]).expect(1);
    ran.says("1 of 1 change applied").says("1 declared field has another owner.");
    let values = [cluster.value("web", "x").await, cluster.value("web", "z").await];
    assert_eq!(values, [Some("theirs".to_owned()), Some("1".to_owned())]);
    // Met in what stands on it: the revision counted as live completely, though that field of it never was anywhere.
    let status = cluster.json(&["status"]).await;
    assert_eq!(status["progress"]["revision"]["id"], status["revision"]["id"], "{status}");
    assert_ne!(status["live"]["revision"]["id"], status["revision"]["id"], "{status}");
    cluster.world.gitops(&["history"]).says("partly");
}

/// Met with a root module with a syntax error: `plan` said "No changes: 0 objects" and ended with 0.
#[test]
fn a_root_that_can_not_be_planned_ends_with_1_in_every_verb() {
    let world = World::empty();
    world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
         target: {{ terraform: {{ binary: {}, backend: managed }} }}\n",
        tofu().display()
    ));
    world.commit("Begin", &[("net/main.tf", Some("resource \"terraform_data\" {\n"))]);
    for verb in [&["plan"][..], &["plan", "--detailed-exitcode"], &["diff"], &["drift"], &["apply", "--yes"]]
    {
        world.gitops(verb).expect(1).says("Blocked: 1 object").says("fault").says("Root/net");
    }
    world.gitops(&["status", "--exit-code"]).expect(1);
}
