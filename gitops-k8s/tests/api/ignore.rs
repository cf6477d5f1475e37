use gitops_core::{Applied, Live, Target};
use gitops_k8s::{Ignore, Kubernetes};
use serde_json::{Value as Json, json};

use crate::engine::{App, config_map};
use crate::support::{World, create, deployment, update};

fn ignoring(world: &World, rule: Ignore) -> Kubernetes {
    world.builder().ignore([rule]).build().unwrap()
}

fn replicas() -> Ignore {
    Ignore::of("apps", "Deployment").pointer("/spec/replicas").unwrap()
}

/// As an autoscaler does it.
async fn scale(world: &World, replicas: u32) {
    let uri = format!("{}/scale", world.uri("deployments.apps", "web"));
    world.admin.merge(&uri, &json!({"spec": {"replicas": replicas}})).await;
}

async fn web(world: &World) -> Json {
    world.admin.get(&world.uri("deployments.apps", "web")).await.unwrap()
}

async fn differs(world: &World, target: &Kubernetes, body: Json, live: &Live) -> Vec<String> {
    let object = world.object(body);
    let native = target.dry_run().unwrap();
    let preview = native.preview(&world.cx, &object.key, Some(&object), Some(live)).await.unwrap();
    preview.diff.fields().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn replicas_that_a_scaler_sets_are_no_drift_and_stay() {
    let world = World::new("scaled").await;
    let target = ignoring(&world, replicas());
    target.apply(&world.cx, &create(&world.object(deployment("web", 2, "nginx:1")), "1")).await.unwrap();
    assert_eq!(web(&world).await["spec"]["replicas"], 2, "what is made is made as it is declared");
    scale(&world, 7).await;
    let live = world.observe(&target, &world.key("Deployment.apps", "web")).await.unwrap();
    assert_eq!(differs(&world, &target, deployment("web", 2, "nginx:1"), &live).await, [""; 0]);
    let newer = deployment("web", 3, "nginx:2");
    let image = r#"spec/template/spec/containers/name=web/image "nginx:1" → "nginx:2""#;
    assert_eq!(differs(&world, &target, newer.clone(), &live).await, [image]);
    target.apply(&world.cx, &update(&world.object(newer.clone()), &live, "2")).await.unwrap();
    let after = web(&world).await;
    let image = &after["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!((&after["spec"]["replicas"], image), (&json!(7), &json!("nginx:2")));

    let strict = world.target();
    let seen = world.observe(&strict, &live.key).await.unwrap();
    let ignored = world.observe(&target, &live.key).await.unwrap();
    assert_ne!(seen.version, ignored.version, "without the rule the object counts as one that moved");
}

#[tokio::test]
async fn a_field_that_nobody_took_keeps_its_value_and_its_owner() {
    let world = World::new("untaken").await;
    let target = ignoring(&world, replicas());
    target.apply(&world.cx, &create(&world.object(deployment("web", 2, "nginx:1")), "1")).await.unwrap();
    let live = world.observe(&target, &world.key("Deployment.apps", "web")).await.unwrap();
    let newer = world.object(deployment("web", 5, "nginx:2"));
    target.apply(&world.cx, &update(&newer, &live, "2")).await.unwrap();
    let after = web(&world).await;
    assert_eq!(after["spec"]["replicas"], 2, "and it was not removed");
    scale(&world, 4).await;
    let live = world.observe(&target, &live.key).await.unwrap();
    assert!(differs(&world, &target, deployment("web", 5, "nginx:2"), &live).await.is_empty());
}

#[tokio::test]
async fn an_item_of_a_list_is_left_by_its_key() {
    let world = World::new("keyed").await;
    let path = r#".spec.template.spec.containers[] | select(.name == "web") | .image"#;
    let target = ignoring(&world, Ignore::of("apps", "*").name("w*").path(path).unwrap());
    let body = |web: &str, log: &str| {
        let mut body = deployment("web", 1, web);
        let pod = &mut body["spec"]["template"]["spec"];
        pod["containers"] = json!([{"name": "web", "image": web}, {"name": "log", "image": log}]);
        body
    };
    target.apply(&world.cx, &create(&world.object(body("web:1", "log:1")), "1")).await.unwrap();
    let robot = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:9"}]}}}
    });
    world.admin.apply(&world.uri("deployments.apps", "web"), "robot", &robot).await;
    let live = world.observe(&target, &world.key("Deployment.apps", "web")).await.unwrap();
    assert!(differs(&world, &target, body("web:1", "log:1"), &live).await.is_empty());
    target.apply(&world.cx, &update(&world.object(body("web:2", "log:2")), &live, "2")).await.unwrap();
    let containers = web(&world).await["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!((&containers[0]["image"], &containers[1]["image"]), (&json!("web:9"), &json!("log:2")));
}

/// The server says that a port without a protocol is one of TCP, so a rule about ports of TCP is about it.
#[tokio::test]
async fn a_rule_about_a_protocol_is_about_the_port_that_leaves_it_out() {
    let world = World::new("protocol").await;
    let path = r#".spec.ports[] | select(.protocol == "TCP") | .nodePort"#;
    let rule = Ignore::of("", "Service").path(path).unwrap();
    let service = |ports: Json| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "dns"},
            "spec": {"type": "NodePort", "ports": ports}
        })
    };
    let declared = |node: u32| {
        service(json!([
            {"name": "tcp", "port": 53, "nodePort": node},
            {"name": "udp", "port": 53, "protocol": "UDP", "nodePort": node},
        ]))
    };
    assert!(rule.concerns(&world.object(declared(30053))), "it fits what is declared");
    let target = ignoring(&world, rule);
    target.apply(&world.cx, &create(&world.object(declared(30053)), "1")).await.unwrap();
    let uri = world.uri("services", "dns");
    let taken = service(json!([{"name": "tcp", "port": 53, "protocol": "TCP", "nodePort": 30054}]));
    world.admin.apply(&uri, "robot", &taken).await;
    let live = world.observe(&target, &world.key("Service", "dns")).await.unwrap();
    assert_eq!(differs(&world, &target, declared(30053), &live).await, [""; 0]);
    let udp = "spec/ports/port=53,protocol=UDP/nodePort 30053 → 30055";
    assert_eq!(differs(&world, &target, declared(30055), &live).await, [udp]);
    target.apply(&world.cx, &update(&world.object(declared(30055)), &live, "2")).await.unwrap();
    let ports = world.admin.get(&uri).await.unwrap()["spec"]["ports"].clone();
    assert_eq!([0, 1].map(|at| ports[at]["nodePort"].clone()), [30054, 30055]);
    // A port of a node is there once for the whole cluster.
    world.admin.delete(&uri).await;
}

#[tokio::test]
async fn what_a_manager_owns_is_left_to_it_and_the_engine_sees_no_drift() {
    let world = World::new("manager").await;
    let mut app = App::new(&world, ignoring(&world, Ignore::of("", "ConfigMap").manager("robot"))).await;
    let declared = |y: &str| {
        let mut body = config_map("a", "1");
        body["data"]["y"] = json!(y);
        body
    };
    app.files.declare([("a", declared("1"))]);
    app.apply(&world.cx).await;
    let uri = world.uri("configmaps", "a");
    world.admin.apply(&uri, "robot", &{ config_map("a", "robot's") }).await;
    let report = app.apply(&world.cx).await;
    assert_eq!((report.plan.steps.len(), report.plan.blocked.len()), (0, 0), "{:?}", report.plan);
    app.files.declare([("a", declared("2"))]);
    assert_eq!(app.apply(&world.cx).await.applied(), 1);
    assert_eq!(world.admin.get(&uri).await.unwrap()["data"], json!({"x": "robot's", "y": "2"}));
}

/// The answer to the creation was lost, and a scaler was quicker than the question what became of it.
#[tokio::test]
async fn a_creation_that_is_repeated_is_known_again_whatever_others_did_to_what_is_theirs() {
    let world = World::new("again").await;
    let target = ignoring(&world, replicas());
    let made = create(&world.object(deployment("web", 2, "nginx:1")), "1");
    target.apply(&world.cx, &made).await.unwrap();
    scale(&world, 7).await;
    let again = target.apply(&world.cx, &made).await.unwrap();
    assert!(matches!(again, Applied::Present { .. }));
    assert_eq!(web(&world).await["spec"]["replicas"], 7);
}
