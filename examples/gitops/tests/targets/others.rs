//! Others in the same cluster: applications that want the same, tenants with limits, a server that answers of yesterday.

use serde_json::json;
use testbed::{ApiServer, Fault, FaultProxy, User};

use crate::Cluster;

fn config_map(name: &str, namespace: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}, namespace: {namespace} }}\ndata: {{ x: \"{value}\" }}\n"
    )
}

async fn applied() -> Cluster {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let (a, b) = (config_map("a", &cluster.namespace, "1"), config_map("b", &cluster.namespace, "1"));
    cluster.world.commit("Begin", &[("a.yaml", Some(&a)), ("b.yaml", Some(&b))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 2 changes");
    cluster
}

#[tokio::test]
async fn a_second_application_that_declares_the_same_object_is_told_whose_it_is() {
    let first = applied().await;
    let second = Cluster { namespace: first.namespace.clone(), ..Cluster::new().await };
    second.configure("rival", "");
    let (a, c) = (config_map("a", &first.namespace, "2"), config_map("c", &first.namespace, "2"));
    second.world.commit("Begin", &[("a.yaml", Some(&a)), ("c.yaml", Some(&c))]);
    let owner = first.world.json(&["status"])["owner"].as_str().unwrap_or("shop").to_owned();
    second.world.gitops(&["plan"]).says("ConfigMap/").says(&owner);
    second.world.gitops(&["apply", "--yes"]);
    let values = [first.value("a", "x").await, first.value("c", "x").await].map(Option::unwrap);
    assert_eq!(values, ["1", "2"], "what is another's is left, and the rest is applied");
    first.world.gitops(&["apply", "--yes"]).expect(0).says("No changes");
}

#[tokio::test]
async fn a_field_that_another_applier_took_is_told_with_its_manager() {
    let cluster = applied().await;
    let theirs = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "namespace": cluster.namespace },
        "data": { "x": "theirs" }
    });
    cluster.admin.apply(&cluster.config_map("a"), "scaler", &theirs).await;
    let ran = cluster.world.gitops(&["apply", "--yes"]).expect(1);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("scaler") && said.contains("data.x"), "{said}");
    assert_eq!(
        cluster.value("a", "x").await.as_deref(),
        Some("theirs"),
        "a field that another claims is not taken"
    );
    cluster.configure("shop", "    conflicts: take\n");
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
    assert_eq!(cluster.value("a", "x").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn what_is_outside_an_applications_limits_is_refused_before_any_call() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", &format!("    namespaces: [{}]\n    kinds: [ConfigMap]\n", cluster.namespace));
    let foreign = Cluster::new().await.namespace;
    let (inside, outside) = (config_map("a", &cluster.namespace, "1"), config_map("a", &foreign, "1"));
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: robot }\n";
    let role =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: shop }\nrules: []\n";
    let files = [
        ("inside.yaml", Some(&*inside)),
        ("outside.yaml", Some(&*outside)),
        ("account.yaml", Some(account)),
        ("role.yaml", Some(role)),
    ];
    cluster.world.commit("Begin", &files);
    let ran = cluster.world.gitops(&["apply", "--yes"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for name in [foreign.as_str(), "robot", "ClusterRole"] {
        assert!(said.contains(name), "{name} is not told of: {said}");
    }
    assert_eq!(cluster.value("a", "x").await.as_deref(), Some("1"), "what is inside is applied: {said}");
    let asked = ApiServer::shared().requests(crate::AGENT);
    let went_out =
        |uri: &str| uri.contains(&foreign) || uri.contains("/clusterroles/shop") || uri.contains("/robot");
    assert!(!asked.iter().any(|request| went_out(&request.uri)), "a request went past the limits");
}

#[tokio::test]
async fn what_the_server_forbids_a_tenant_is_told_per_object_and_the_rest_goes_on() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "    impersonate: tenant-7\n");
    let root = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", cluster.namespace);
    let verbs = json!(["get", "list", "watch", "patch", "create", "delete"]);
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": verbs }]);
    cluster
        .admin
        .post(&format!("{root}/roles"), &json!({ "metadata": { "name": "r" }, "rules": rules }))
        .await;
    let binding = json!({
        "metadata": { "name": "b" }, "subjects": [{ "kind": "User", "name": User::Tenant(7).name() }],
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r" }
    });
    cluster.admin.post(&format!("{root}/rolebindings"), &binding).await;
    let map = config_map("a", &cluster.namespace, "1");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { password: hunter2 }\n";
    cluster.world.commit("Begin", &[("a.yaml", Some(&map)), ("s.yaml", Some(secret))]);
    let ran = cluster.world.gitops(&["apply", "--yes"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_ne!(ran.code, 0, "{said}");
    assert!(said.contains("Secret/") && said.contains("tenant-7") && !said.contains("hunter2"), "{said}");
    assert_eq!(cluster.value("a", "x").await.as_deref(), Some("1"), "the rest goes on: {said}");
}

#[tokio::test]
async fn a_stale_answer_deletes_nothing_that_somebody_changed() {
    let cluster = applied().await;
    let proxy = FaultProxy::before(ApiServer::shared()).await;
    let kubeconfig = ApiServer::shared().kubeconfig_by(&proxy.url(), User::Admin);
    std::fs::write(cluster.world.path("kubeconfig"), kubeconfig).unwrap();
    let old = cluster.admin.get(&cluster.config_map("b")).await.unwrap();
    cluster.admin.merge(&cluster.config_map("b"), &json!({ "data": { "x": "theirs" } })).await;
    cluster.world.commit("Remove", &[("b.yaml", None)]);
    proxy.fail("GET", "/configmaps/b", usize::MAX, Fault::Stale(old.to_string()));
    let stale = cluster.run(&["apply", "--yes"]).await;
    assert_ne!(stale.code, 0, "{stale:?}");
    assert_eq!(cluster.value("b", "x").await.as_deref(), Some("theirs"), "it was deleted by an old answer");
    proxy.mend();
    cluster.run(&["apply", "--yes"]).await.expect(0);
    assert_eq!(cluster.value("b", "x").await, None);
}
