use gitops_core::{ErrorKind, Presence, Scope, Target};
use gitops_k8s::{Connection, Tenancy};
use serde_json::json;
use testbed::User;

use crate::support::{World, create};

#[tokio::test]
async fn what_is_outside_the_limits_is_refused_before_any_call() {
    let world = World::new("limits").await;
    let target = world.builder().tenancy(Tenancy::namespaces(["elsewhere"])).build().unwrap();
    let object = world.config_map("a", json!({}));
    let error = target.apply(&world.cx, &create(&object, "1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "no right is missing");
    let scope: Scope = [object.key.clone()].into_iter().collect();
    let found = target.observe(&world.cx, &scope).await.unwrap();
    let Presence::Unreadable(refusal) = &found[0].presence else { panic!("{found:?}") };
    assert!(refusal.reason.contains("widen the limits of its target"), "{refusal:?}");
    let named = |uri: &str| uri.contains(&world.namespace);
    assert!(!world.requests().iter().any(|request| named(&request.uri)));
}

#[tokio::test]
async fn what_the_server_forbids_is_told_per_object_and_the_rest_goes_on() {
    let world =
        World::by("rbac", |server, _| Connection::kubeconfig(server.kubeconfig(User::Tenant(0)))).await;
    let rules =
        json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch", "create"]}]);
    let role = json!({"metadata": {"name": "r"}, "rules": rules});
    let root = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", world.namespace);
    world.admin.post(&format!("{root}/roles"), &role).await;
    let binding = json!({
        "metadata": {"name": "b"}, "subjects": [{"kind": "User", "name": "tenant-0"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    });
    world.admin.post(&format!("{root}/rolebindings"), &binding).await;
    let target = world.target();
    let object = world.config_map("a", json!({}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let secret = world.key("Secret", "s");
    // More than a handful would be listed, which is forbidden: then each is asked for on its own.
    let others = (0..6).map(|n| world.key("ConfigMap", &format!("none-{n}")));
    let scope: Scope = others.chain([object.key.clone(), secret.clone()]).collect();
    let found = target.observe(&world.cx, &scope).await.unwrap();
    let told: Vec<_> =
        found.iter().map(|live| (live.key.clone(), live.presence == Presence::Present)).collect();
    assert_eq!(told, [(object.key.clone(), true), (secret, false)]);
}
