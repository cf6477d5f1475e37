use std::sync::{Arc, Mutex};

use gitops_core::{BlockedBecause, ForeignField, ForeignOutcome, Report, Target};
use gitops_k8s::Kubernetes;
use serde_json::{Value as Json, json};

use crate::engine::App;
use testbed::Fault;

use crate::support::{World, create, define, definition, deployment, update};

async fn scale(world: &World, manager: &str, replicas: u32) {
    let uri = format!("{}/scale?fieldManager={manager}", world.uri("deployments.apps", "web"));
    world.admin.merge(&uri, &json!({"spec": {"replicas": replicas}})).await;
}

async fn web(world: &World) -> Json {
    world.admin.get(&world.uri("deployments.apps", "web")).await.unwrap()
}

async fn replicas_and_image(world: &World) -> (Json, Json) {
    let web = web(world).await;
    (web["spec"]["replicas"].clone(), web["spec"]["template"]["spec"]["containers"][0]["image"].clone())
}

async fn app(world: &World, target: Kubernetes) -> App {
    let mut app = App::new(world, target).await;
    app.files.declare([("web", deployment("web", 2, "nginx:1"))]);
    app.apply(&world.cx).await;
    app
}

fn foreign(report: &Report) -> &[ForeignField] {
    &report.plan.steps[0].foreign
}

fn is_quiet(report: &Report) -> bool {
    report.plan.is_empty() && report.plan.drift.is_empty()
}

/// Where people met it: somebody scales by hand, and the declared number never came back.
#[tokio::test]
async fn what_a_person_scales_is_restored_and_the_plan_says_who_and_when() {
    let world = World::new("scaled").await;
    let mut app = app(&world, world.target()).await;
    for manager in ["kubectl", "k9s", "dashboard-api"] {
        scale(&world, manager, 7).await;
        let report = app.apply(&world.cx).await;
        let [field] = foreign(&report) else { panic!("{:?}", report.plan) };
        assert_eq!((&*field.path, &*field.by), ("/spec/replicas", manager));
        // The server keeps no time of a scale, so what is known is when we wrote last.
        let when = field.when.as_ref().unwrap();
        assert!((when.starts_with("at 2") || when.starts_with("after 2")) && when.ends_with('Z'), "{field}");
        assert_eq!((report.applied(), replicas_and_image(&world).await.0), (1, json!(2)), "{manager}");
        assert!(is_quiet(&app.apply(&world.cx).await), "the next reconciliation finds nothing");
    }
}

/// Where people met it: one number that a controller set, and the new image was not rolled out.
#[tokio::test]
async fn a_field_of_an_unknown_client_is_blocked_and_named_and_the_image_is_rolled_out_beside_it() {
    let world = World::new("unknown-scaler").await;
    let mut app = app(&world, world.target()).await;
    scale(&world, "some-operator", 7).await;
    for _ in 0..2 {
        let report = app.apply(&world.cx).await;
        let [blocked] = &report.plan.blocked[..] else { panic!("{:?}", report.plan) };
        let BlockedBecause::ForeignFields { fields } = &blocked.why else { panic!("{blocked:?}") };
        assert_eq!((&*fields[0].path, &*fields[0].by), ("/spec/replicas", "some-operator"));
    }
    app.files.declare([("web", deployment("web", 3, "nginx:2"))]);
    let report = app.apply(&world.cx).await;
    assert_eq!(foreign(&report)[0].outcome, ForeignOutcome::Blocked);
    let diff: Vec<_> = report.plan.steps[0].diff.fields().iter().map(|field| field.path.as_str()).collect();
    assert_eq!(diff, ["/spec/template/spec/containers/name=web/image"]);
    assert_eq!(replicas_and_image(&world).await, (json!(7), json!("nginx:2")));
    for _ in 0..2 {
        let report = app.apply(&world.cx).await;
        assert!(
            matches!(report.plan.blocked[0].why, BlockedBecause::ForeignFields { .. }),
            "it is not forgotten"
        );
    }
    scale(&world, "kubectl", 3).await;
    assert!(is_quiet(&app.apply(&world.cx).await) || is_quiet(&app.apply(&world.cx).await));
}

async fn set_image(world: &World, manager: &str, image: &str) {
    let uri = format!("{}?fieldManager={manager}", world.uri("deployments.apps", "web"));
    let patch = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]);
    let (code, answer) = world.admin.send("PATCH", &uri, "application/json-patch+json", &patch).await;
    assert_eq!(code, 200, "{answer}");
}

/// Where people met it: a tool for images that updates the object itself, undone at each look, and set again.
#[tokio::test]
async fn an_update_of_an_unknown_client_is_blocked_and_named_and_the_rest_is_rolled_out_beside_it() {
    let world = World::new("unknown-updater").await;
    let mut app = app(&world, world.target()).await;
    set_image(&world, "image-bot", "nginx:bot").await;
    for _ in 0..2 {
        let report = app.apply(&world.cx).await;
        let [blocked] = &report.plan.blocked[..] else { panic!("{:?}", report.plan) };
        let BlockedBecause::ForeignFields { fields } = &blocked.why else { panic!("{blocked:?}") };
        let field = &fields[0];
        assert_eq!(
            (&*field.path, &*field.by),
            ("/spec/template/spec/containers/name=web/image", "image-bot")
        );
        assert!(field.when.as_ref().is_some_and(|when| when.starts_with("at 2")), "{field}");
    }
    app.files.declare([("web", deployment("web", 3, "nginx:2"))]);
    let report = app.apply(&world.cx).await;
    assert!(foreign(&report)[0].is_blocked(), "{:?}", report.plan);
    assert_eq!(replicas_and_image(&world).await, (json!(3), json!("nginx:bot")));
    assert!(!app.apply(&world.cx).await.plan.blocked.is_empty(), "it is not forgotten");
    // A person decides for the declared one; the next thing that a person sets is drift, and restored.
    set_image(&world, "kubectl-set", "nginx:2").await;
    assert!(is_quiet(&app.apply(&world.cx).await) || is_quiet(&app.apply(&world.cx).await));
    set_image(&world, "kubectl-set", "nginx:7").await;
    assert_eq!(app.apply(&world.cx).await.applied(), 1);
    assert_eq!(replicas_and_image(&world).await, (json!(3), json!("nginx:2")));
}

/// What an unknown client had before it was declared is not taken from it either.
#[tokio::test]
async fn a_field_that_an_unknown_client_had_before_it_was_declared_is_blocked() {
    let world = World::new("unknown-before").await;
    let mut app = app(&world, world.target()).await;
    let uri = format!("{}?fieldManager=operator", world.uri("deployments.apps", "web"));
    world.admin.merge(&uri, &json!({"spec": {"minReadySeconds": 7}})).await;
    assert!(is_quiet(&app.apply(&world.cx).await), "nobody declares it");
    let mut declared = deployment("web", 4, "nginx:1");
    declared["spec"]["minReadySeconds"] = json!(3);
    app.files.declare([("web", declared)]);
    let report = app.apply(&world.cx).await;
    let field = &foreign(&report)[0];
    assert_eq!((&*field.path, &*field.by, field.is_blocked()), ("/spec/minReadySeconds", "operator", true));
    let live = web(&world).await;
    assert_eq!((&live["spec"]["minReadySeconds"], &live["spec"]["replicas"]), (&json!(7), &json!(4)));
}

/// The key of an item that an unknown client edited: the item stays as it is, and nothing is refused for ever.
#[tokio::test]
async fn a_key_of_a_list_that_an_unknown_client_edited_is_blocked_and_the_rest_is_written() {
    let world = World::new("unknown-keys").await;
    let mut app = App::new(&world, world.target()).await;
    app.files.declare([("service", service())]);
    app.apply(&world.cx).await;
    let uri = world.uri("services", "web");
    let patch = json!([{"op": "replace", "path": "/spec/ports/0/port", "value": 8081}]);
    let bot = format!("{uri}?fieldManager=port-bot");
    world.admin.send("PATCH", &bot, "application/json-patch+json", &patch).await;
    for _ in 0..2 {
        let report = app.apply(&world.cx).await;
        let [blocked] = &report.plan.blocked[..] else { panic!("{:?}", report.plan) };
        let BlockedBecause::ForeignFields { fields } = &blocked.why else { panic!("{blocked:?}") };
        assert_eq!(&*fields[0].by, "port-bot");
        assert!(fields[0].path.starts_with("/spec/ports/port=8081"), "{fields:?}");
    }
    let mut other = service();
    other["spec"]["selector"] = json!({"app": "other"});
    app.files.declare([("service", other)]);
    let report = app.apply(&world.cx).await;
    assert!(foreign(&report)[0].is_blocked(), "{:?}", report.plan);
    let live = world.admin.get(&uri).await.unwrap();
    assert_eq!(
        (&live["spec"]["ports"][0]["port"], &live["spec"]["selector"]["app"]),
        (&json!(8081), &json!("other"))
    );
    assert_eq!(live["spec"]["ports"].as_array().unwrap().len(), 1);
}

/// An applier claims its field; it does not claim the object.
#[tokio::test]
async fn a_field_of_another_applier_does_not_block_the_others() {
    let world = World::new("applier").await;
    let mut app = app(&world, world.target()).await;
    let robot = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "robot:9"}]}}}
    });
    world.admin.apply(&world.uri("deployments.apps", "web"), "robot", &robot).await;
    app.files.declare([("web", deployment("web", 5, "nginx:2"))]);
    let report = app.apply(&world.cx).await;
    let field = &foreign(&report)[0];
    assert_eq!((&*field.by, field.is_blocked()), ("robot", true));
    assert_eq!(field.path, "/spec/template/spec/containers/name=web/image");
    assert_eq!(replicas_and_image(&world).await, (json!(5), json!("robot:9")));
    assert!(!app.apply(&world.cx).await.plan.blocked.is_empty());
}

fn autoscaler() -> Json {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "busy"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 9
        }
    })
}

/// Where people met it: an autoscaler and a declared number that undo each other.
#[tokio::test]
async fn replicas_of_what_an_autoscaler_names_are_left_with_a_warning() {
    let world = World::new("autoscaled").await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let target = world.builder().warnings(move |warning| listener.lock().unwrap().push(warning));
    let mut app = app(&world, target.build().unwrap()).await;
    let root = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers", world.namespace);
    world.admin.post(&root, &autoscaler()).await;
    for manager in ["kube-controller-manager", "kubectl"] {
        scale(&world, manager, 7).await;
        assert!(is_quiet(&app.apply(&world.cx).await), "{manager}");
        assert_eq!(replicas_and_image(&world).await.0, json!(7), "{manager}");
    }
    app.files.declare([("web", deployment("web", 3, "nginx:2"))]);
    app.apply(&world.cx).await;
    assert_eq!(replicas_and_image(&world).await, (json!(7), json!("nginx:2")));
    assert!(is_quiet(&app.apply(&world.cx).await));
    let told = told.lock().unwrap();
    let [warning] = &told[..] else { panic!("once: {told:?}") };
    assert_eq!(warning.code, "GO0422");
    let words = warning.to_string();
    assert!(!warning.path.is_empty(), "it says where the number is declared: {warning:?}");
    assert!(words.contains("HorizontalPodAutoscaler/busy") && words.contains("out of Git"), "{words}");
}

/// The autoscaler came before it ever scaled: the declared number moved, and is not written.
#[tokio::test]
async fn a_declared_number_that_moves_is_not_written_where_an_autoscaler_names_the_object() {
    let world = World::new("autoscaled-first").await;
    let mut app = app(&world, world.target()).await;
    let root = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers", world.namespace);
    world.admin.post(&root, &autoscaler()).await;
    app.files.declare([("web", deployment("web", 8, "nginx:2"))]);
    let report = app.apply(&world.cx).await;
    assert!(matches!(foreign(&report)[0].outcome, ForeignOutcome::Left { .. }), "{:?}", report.plan);
    assert_eq!(replicas_and_image(&world).await, (json!(2), json!("nginx:2")));
    assert!(is_quiet(&app.apply(&world.cx).await));
}

/// Where people met it: the same with KEDA, before it made an autoscaler of its own.
#[tokio::test]
async fn replicas_of_what_a_scaled_object_of_keda_names_are_left() {
    let world = World::new("keda").await;
    let mut kind = definition("keda.sh", false);
    kind["metadata"]["name"] = json!("scaledobjects.keda.sh");
    kind["spec"]["names"] =
        json!({"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"});
    define(&world, kind).await;
    let mut app = app(&world, world.target()).await;
    let root = format!("/apis/keda.sh/v1/namespaces/{}/scaledobjects", world.namespace);
    let object = |name: &str, of: &str| {
        json!({
            "apiVersion": "keda.sh/v1", "kind": "ScaledObject", "metadata": {"name": name},
            "spec": {"scaleTargetRef": {"name": of}}
        })
    };
    world.admin.post(&root, &object("other", "other")).await;
    scale(&world, "kubectl", 7).await;
    app.apply(&world.cx).await;
    assert_eq!(replicas_and_image(&world).await.0, json!(2), "it names another");
    world.admin.post(&root, &object("web", "web")).await;
    scale(&world, "keda-operator", 7).await;
    assert!(is_quiet(&app.apply(&world.cx).await));
    assert_eq!(replicas_and_image(&world).await.0, json!(7));
}

fn service() -> Json {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}
    })
}

async fn edit(world: &World, uri: &str, field: &str, value: Json) {
    let uri = format!("{uri}?fieldManager=kubectl-edit");
    let patch = json!([{"op": "replace", "path": field, "value": value}]);
    let (code, answer) = world.admin.send("PATCH", &uri, "application/json-patch+json", &patch).await;
    assert_eq!(code, 200, "{answer}");
}

/// Where people met it: a port that was edited by hand, and "Duplicate value" for ever after.
#[tokio::test]
async fn an_edited_key_of_a_list_is_restored() {
    let world = World::new("edited-keys").await;
    let mut app = App::new(&world, world.target()).await;
    let mut web = deployment("web", 1, "nginx:1");
    let env = json!([{"name": "MODE", "value": "fast"}, {"name": "SIZE", "value": "1"}]);
    web["spec"]["template"]["spec"]["containers"][0]["env"] = env;
    app.files.declare([("service", service()), ("web", web)]);
    app.apply(&world.cx).await;
    let [service, web] = [world.uri("services", "web"), world.uri("deployments.apps", "web")];
    let containers = "/spec/template/spec/containers";
    let cases = [
        (&service, "/spec/ports/0/port".to_owned(), json!(8081), "/spec/ports".to_owned()),
        (&web, format!("{containers}/0/env/0/name"), json!("RENAMED"), format!("{containers}/0/env")),
        (&web, format!("{containers}/0/name"), json!("renamed"), containers.to_owned()),
    ];
    for (uri, path, value, list) in cases {
        let names = |object: &Json| {
            let items = object.pointer(&list).and_then(Json::as_array).cloned().unwrap();
            items.iter().map(|item| (item["name"].clone(), item["port"].clone())).collect::<Vec<_>>()
        };
        let before = names(&world.admin.get(uri).await.unwrap());
        edit(&world, uri, &path, value).await;
        let report = app.apply(&world.cx).await;
        assert_eq!((report.applied(), report.plan.blocked.len()), (1, 0), "{path}: {report:?}");
        let field = &foreign(&report)[0];
        assert_eq!(
            (&*field.by, field.when.as_ref().is_some_and(|when| when.starts_with("at 2"))),
            ("kubectl-edit", true),
            "{field}"
        );
        let mut after = names(&world.admin.get(uri).await.unwrap());
        after.sort_by_key(|(name, _)| name.to_string());
        assert_eq!(after, before, "{path}");
        assert!(is_quiet(&app.apply(&world.cx).await), "{path}: the next reconciliation finds nothing");
    }
}

/// What somebody adds to a list is no edit of what is declared.
#[tokio::test]
async fn an_item_that_a_person_adds_stays_also_when_another_is_declared_beside_it() {
    let world = World::new("added").await;
    let mut app = App::new(&world, world.target()).await;
    app.files.declare([("service", service())]);
    app.apply(&world.cx).await;
    let uri = world.uri("services", "web");
    let debug = json!({"name": "debug", "port": 9999});
    let patch = json!([{"op": "add", "path": "/spec/ports/-", "value": debug}]);
    let edit = format!("{uri}?fieldManager=kubectl-edit");
    world.admin.send("PATCH", &edit, "application/json-patch+json", &patch).await;
    assert!(is_quiet(&app.apply(&world.cx).await));
    let mut more = service();
    let metrics = json!({"name": "metrics", "port": 9090});
    more["spec"]["ports"].as_array_mut().unwrap().push(metrics);
    app.files.declare([("service", more)]);
    app.apply(&world.cx).await;
    let live = world.admin.get(&uri).await.unwrap();
    let mut ports: Vec<u64> =
        live["spec"]["ports"].as_array().unwrap().iter().filter_map(|port| port["port"].as_u64()).collect();
    ports.sort_unstable();
    assert_eq!(ports, [80, 9090, 9999]);
}

/// The record of who owns each port: managers by port number.
async fn owners_of_ports(world: &World) -> Vec<(String, u64)> {
    let live = world.admin.get(&world.uri("services", "web")).await.unwrap();
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    let ports = |entry: &Json| {
        let ports = entry["fieldsV1"]["f:spec"]["f:ports"].as_object().cloned().unwrap_or_default();
        let keys = ports.keys().filter_map(|key| key.strip_prefix("k:")).map(str::to_owned);
        keys.collect::<Vec<_>>()
    };
    let number = |key: &str| serde_json::from_str::<Json>(key).unwrap()["port"].as_u64().unwrap();
    let mut found: Vec<(String, u64)> = entries
        .iter()
        .flat_map(|entry| {
            let manager = entry["manager"].as_str().unwrap().to_owned();
            ports(entry).into_iter().map(move |key| (manager.clone(), number(&key)))
        })
        .collect();
    found.sort();
    found
}

async fn ports(world: &World) -> Vec<u64> {
    let live = world.admin.get(&world.uri("services", "web")).await.unwrap();
    live["spec"]["ports"].as_array().unwrap().iter().filter_map(|port| port["port"].as_u64()).collect()
}

/// A service whose port somebody edited, behind a proxy: the target, what is declared, and the key.
async fn edited_port(world: &World) -> (Kubernetes, Arc<gitops_core::Object>) {
    let (target, declared) = (world.target(), world.object(service()));
    target.apply(&world.cx, &create(&declared, "1")).await.unwrap();
    edit(world, &world.uri("services", "web"), "/spec/ports/0/port", json!(8081)).await;
    (target, declared)
}

/// The second of the two writes that bring an edited item back; the first names no field manager.
const APPLY: &str = "/services/web?fieldManager";

/// Where it is met: any controller that writes a status between the two.
#[tokio::test]
async fn an_edited_item_is_restored_although_the_object_moves_between_the_two_writes() {
    let (world, proxy) = World::behind("edited-moves").await;
    let (target, declared) = edited_port(&world).await;
    let live = world.observe(&target, &declared.key).await.unwrap();
    proxy.fail("PATCH", APPLY, 1, Fault::Answer(409, None));
    target.apply(&world.cx, &update(&declared, &live, "2")).await.unwrap();
    assert_eq!(proxy.pending(), 0);
    assert_eq!(ports(&world).await, [80]);
}

/// A policy that refuses the apply: the record said that the edit was ours.
#[tokio::test]
async fn a_refused_apply_gives_the_record_of_an_edited_item_back() {
    let (world, proxy) = World::behind("edited-refused").await;
    let (target, declared) = edited_port(&world).await;
    let (live, owners) =
        (world.observe(&target, &declared.key).await.unwrap(), owners_of_ports(&world).await);
    assert_eq!(owners, [("kubectl-edit".to_owned(), 8081)]);
    proxy.fail("PATCH", APPLY, 1, Fault::Answer(403, None));
    let error = target.apply(&world.cx, &update(&declared, &live, "2")).await.unwrap_err();
    assert!(!error.is_unknown(), "{error:?}");
    assert_eq!((ports(&world).await, owners_of_ports(&world).await), (vec![8081], owners));
    let again = world.observe(&target, &declared.key).await.unwrap();
    assert_eq!(again.version, live.version, "for the engine nothing happened");
}

/// The process dies between the two writes.
#[tokio::test]
async fn between_the_two_writes_no_value_changed_and_the_next_reconciliation_restores_it() {
    let (world, proxy) = World::behind("edited-killed").await;
    let mut app = App::new(&world, world.target()).await;
    app.files.declare([("service", service())]);
    app.apply(&world.cx).await;
    edit(&world, &world.uri("services", "web"), "/spec/ports/0/port", json!(8081)).await;
    let plan = app.engine.plan(&world.cx).await.unwrap();
    // The plan is made once more by a dry run.
    proxy.fail_after(1, "PATCH", APPLY, Fault::LoseRequest);
    let yes = gitops_core::ApplyOptions::naming_the_plan("tester");
    let report = app.engine.apply(&world.cx, &plan, &yes).await.unwrap();
    assert_eq!((report.applied(), proxy.pending()), (0, 0), "{report:?}");
    assert_eq!(ports(&world).await, [8081], "nothing but the record moved");
    let report = app.apply(&world.cx).await;
    assert_eq!(report.applied(), 1, "{report:?}");
    let paths: Vec<_> = report.plan.steps[0].diff.fields().iter().map(|field| field.path.clone()).collect();
    assert_eq!(
        paths,
        ["/spec/ports/port=80,protocol=TCP", "/spec/ports/port=8081,protocol=TCP"],
        "both are shown"
    );
    assert_eq!(ports(&world).await, [80]);
    assert!(is_quiet(&app.apply(&world.cx).await));
}
