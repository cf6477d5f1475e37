use std::time::Duration;

use gitops_core::capability::Moved;
use gitops_core::{Key, Target};
use gitops_k8s::{Connection, Kubernetes};
use serde_json::json;
use testbed::{Fault, User};

use crate::support::{World, create, delete};

/// The next keys that moved.
async fn moved(world: &World, target: &Kubernetes) -> Vec<Key> {
    let cx = world.cx.within(Duration::from_secs(60));
    match cx.bounded(target.watch().unwrap().moved(&cx)).await.unwrap() {
        Moved::Keys(keys) => keys,
        Moved::Any => panic!("it knows what moved"),
    }
}

async fn made(world: &World, target: &Kubernetes, names: &[&str]) {
    for name in names {
        target.apply(&world.cx, &create(&world.config_map(name, json!({"x": "1"})), name)).await.unwrap();
    }
}

#[tokio::test]
async fn what_somebody_does_to_our_fields_is_told_and_what_they_do_to_theirs_is_not() {
    let world = World::new("moves").await;
    let target = world.target();
    made(&world, &target, &["a", "b", "c"]).await;
    let edit = async |name: &str, data: serde_json::Value| {
        world.admin.merge(&world.uri("configmaps", name), &json!({"data": data})).await;
    };
    edit("a", json!({"x": "2"})).await;
    assert_eq!(
        moved(&world, &target).await,
        [world.key("ConfigMap", "a")],
        "also what moved before the watch"
    );
    edit("b", json!({"theirs": "1"})).await;
    world.admin.delete(&world.uri("configmaps", "c")).await;
    assert_eq!(moved(&world, &target).await, [world.key("ConfigMap", "c")]);
}

#[tokio::test]
async fn what_we_do_ourselves_wakes_nobody() {
    let world = World::new("our-own").await;
    let target = world.target();
    made(&world, &target, &["a"]).await;
    world.admin.delete(&world.uri("configmaps", "a")).await;
    moved(&world, &target).await;
    world.observe(&target, &world.key("ConfigMap", "a")).await;
    made(&world, &target, &["b", "fence"]).await;
    world.admin.merge(&world.uri("configmaps", "fence"), &json!({"data": {"x": "2"}})).await;
    let keys = moved(&world, &target).await;
    assert!(keys.contains(&world.key("ConfigMap", "fence")));
    assert!(!keys.contains(&world.key("ConfigMap", "b")), "{keys:?}");
}

#[tokio::test]
async fn a_watch_that_the_server_cannot_go_on_with_begins_with_a_list() {
    let (world, proxy) = World::behind("gone-410").await;
    let target = world.target();
    proxy.fail("GET", "watch=1", 1, Fault::Answer(410, None));
    made(&world, &target, &["a", "b"]).await;
    world.admin.merge(&world.uri("configmaps", "a"), &json!({"data": {"x": "2"}})).await;
    assert_eq!(moved(&world, &target).await, [world.key("ConfigMap", "a")]);
    world.observe(&target, &world.key("ConfigMap", "a")).await;
    world.admin.merge(&world.uri("configmaps", "b"), &json!({"data": {"x": "2"}})).await;
    // A list that was made meanwhile may have told of the first again.
    while !moved(&world, &target).await.contains(&world.key("ConfigMap", "b")) {}
    assert_eq!(proxy.pending(), 0);
}

/// What happens behind a connection that died without a word is told once its silence is noticed.
#[tokio::test]
async fn a_watch_that_falls_silent_is_taken_for_dead_and_what_moved_meanwhile_is_told() {
    let (world, proxy) = World::behind("silent").await;
    let target = world.builder().watch_silence(Duration::from_secs(1)).build().unwrap();
    made(&world, &target, &["a"]).await;
    proxy.fail("GET", "watch=1", 2, Fault::Silence);
    world.admin.merge(&world.uri("configmaps", "a"), &json!({"data": {"x": "2"}})).await;
    let key = world.key("ConfigMap", "a");
    assert_eq!(moved(&world, &target).await, std::slice::from_ref(&key), "nobody knows, so it is looked at");
    assert!(!target.watch().unwrap().covers(&key), "a silent watch covers nothing");
    world.observe(&target, &key).await;
    let cx = world.cx.within(Duration::from_secs(60));
    while !target.watch().unwrap().covers(&key) {
        cx.sleep(Duration::from_millis(10)).await.expect("a new watch begins");
    }
    assert_eq!(proxy.pending(), 0);
}

#[tokio::test]
async fn a_server_that_begins_no_watch_with_all_there_is_is_asked_for_a_list() {
    let (world, proxy) = World::behind("no-stream").await;
    let target = world.target();
    proxy.fail("GET", "sendInitialEvents", 1, Fault::Answer(422, None));
    made(&world, &target, &["a", "b"]).await;
    world.admin.merge(&world.uri("configmaps", "a"), &json!({"data": {"x": "2"}})).await;
    assert_eq!(moved(&world, &target).await, [world.key("ConfigMap", "a")]);
    world.admin.delete(&world.uri("configmaps", "b")).await;
    assert_eq!(moved(&world, &target).await, [world.key("ConfigMap", "b")], "and watched from there on");
    let lists = world.requests().iter().filter(|request| request.verb == "list").count();
    assert_eq!((lists, proxy.pending()), (1, 0));
}

#[tokio::test]
async fn a_kind_that_may_not_be_watched_is_looked_at_and_the_others_are_watched() {
    let world =
        World::by("no-watch", |server, _| Connection::kubeconfig(server.kubeconfig(User::Tenant(1)))).await;
    let rules = json!([
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch", "create", "list", "watch", "delete"]},
        {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get", "patch", "create"]}
    ]);
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    world
        .admin
        .post(
            &format!("{rbac}/clusterroles"),
            &json!({"metadata": {"name": world.namespace}, "rules": rules}),
        )
        .await;
    let binding = json!({
        "metadata": {"name": world.namespace}, "subjects": [{"kind": "User", "name": "tenant-1"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": world.namespace}
    });
    world.admin.post(&format!("{rbac}/clusterrolebindings"), &binding).await;
    let target = world.target();
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s"}});
    target.apply(&world.cx, &create(&world.object(account), "1")).await.unwrap();
    made(&world, &target, &["a"]).await;
    assert_eq!(moved(&world, &target).await, [world.key("ServiceAccount", "s")]);
    let live = world.observe(&target, &world.key("ConfigMap", "a")).await.unwrap();
    target.apply(&world.cx, &delete(&live, "2")).await.unwrap();
}
