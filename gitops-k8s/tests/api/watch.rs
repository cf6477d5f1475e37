use std::time::Duration;

use gitops_core::capability::MovedObjects;
use gitops_core::{Change, Key, OwnerLabel, SecretKey, Target};
use gitops_k8s::{Connection, Kubernetes};
use serde_json::json;
use testbed::{Fault, User};

use crate::support::{World, create, delete};

/// The next keys that moved.
async fn moved(world: &World, target: &Kubernetes) -> Vec<Key> {
    let cx = world.cx.within(Duration::from_secs(60));
    match cx.bounded(target.watch().unwrap().moved(&cx)).await.unwrap() {
        MovedObjects::Keys(keys) => keys,
        MovedObjects::Any => panic!("it knows what moved"),
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

/// Another application on the same cluster.
fn application(world: &World, name: &str) -> Kubernetes {
    let builder = Kubernetes::builder(world.cluster.clone(), name);
    builder.secret_key(SecretKey::new([7; 32])).build().unwrap()
}

/// Makes three `ConfigMap`s and a `ServiceAccount` for an application.
async fn made_by(world: &World, target: &Kubernetes, application: &str) {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": application}});
    let maps = (1..=3).map(|n| world.config_map(&format!("{application}-{n}"), json!({"x": "1"})));
    for object in maps.chain([world.object(account)]) {
        let owner_label = OwnerLabel { owner: format!("{application}/1").into(), op: "1".into() };
        let change = Change::Create { object, owner_label, preview: None };
        target.apply(&world.cx, &change).await.unwrap();
    }
}

/// Somebody changes a field of ours; gives the object.
async fn edit(world: &World, application: &str, n: u32) -> Key {
    let name = format!("{application}-{n}");
    world.admin.merge(&world.uri("configmaps", &name), &json!({"data": {"x": "2"}})).await;
    world.key("ConfigMap", &name)
}

fn watches(world: &World) -> usize {
    world.requests().iter().filter(|request| request.verb == "watch").count()
}

#[tokio::test]
async fn applications_on_one_cluster_share_one_watch_a_kind_and_each_is_told_of_its_own() {
    let world = World::new("shared").await;
    let names = ["shop", "web", "api"];
    let targets = names.map(|name| application(&world, name));
    for (name, target) in names.iter().zip(&targets) {
        made_by(&world, target, name).await;
    }
    for (name, target) in names.iter().zip(&targets) {
        // Before it listens: the second and the third come to watches that are open.
        let key = edit(&world, name, 1).await;
        assert_eq!(moved(&world, target).await, std::slice::from_ref(&key), "{name}");
        world.observe(target, &key).await;
    }
    for (name, target) in names.iter().zip(&targets).rev() {
        let key = edit(&world, name, 2).await;
        assert_eq!(moved(&world, target).await, [key], "{name}");
    }
    assert_eq!(watches(&world), 2, "one for each kind, however many applications there are");
    let key = world.key("ServiceAccount", "web");
    assert!(targets[1].watch().unwrap().covers(&key), "what moves is told at once");

    // One that goes, and one that never asks what moved, take nothing from the others.
    let [shop, web, api] = targets;
    drop(shop);
    edit(&world, "web", 3).await;
    let key = edit(&world, "api", 3).await;
    while !moved(&world, &api).await.contains(&key) {}
    assert_eq!(watches(&world), 2);

    // The last one takes the watches with it.
    drop((web, api));
    let again = application(&world, "more");
    made_by(&world, &again, "more").await;
    let key = edit(&world, "more", 1).await;
    assert_eq!(moved(&world, &again).await, [key]);
    assert!(watches(&world) > 2, "the watches had ended with the last application");
}

#[tokio::test]
async fn a_watch_that_the_server_can_not_go_on_with_begins_once_for_all() {
    let (world, proxy) = World::behind("shared-410").await;
    let names = ["shop", "web"];
    let targets = names.map(|name| application(&world, name));
    for (name, target) in names.iter().zip(&targets) {
        made_by(&world, target, name).await;
        edit(&world, name, 1).await;
    }
    proxy.fail("GET", "watch=1", 2, Fault::Answer(410, None));
    let told = async |at: usize| {
        let key = world.key("ConfigMap", &format!("{}-1", names[at]));
        while !moved(&world, &targets[at]).await.contains(&key) {}
    };
    tokio::join!(told(0), told(1));
    assert_eq!((proxy.pending(), watches(&world)), (0, 2), "a kind each: none begins twice");
}
