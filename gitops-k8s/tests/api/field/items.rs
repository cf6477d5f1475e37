//! Items of lists that others edited or added.

use std::sync::Arc;

use gitops_core::Target;
use gitops_k8s::Kubernetes;
use serde_json::{Value as Json, json};
use testbed::Fault;

use super::clients::{foreign, is_quiet};
use crate::engine::App;
use crate::support::{World, create, deployment, update};

pub fn service() -> Json {
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
