use gitops_core::{Live, Target};
use gitops_k8s::{Ignore, Kubernetes};
use serde_json::{Value as Json, json};

use crate::engine::App;
use crate::support::{World, create, deployment, update};

/// A declaration with a version in its selector and something else that changes.
type Declared<'a> = &'a dyn Fn(&str, u32) -> Json;

async fn differs(world: &World, target: &Kubernetes, body: &Json, live: &Live) -> Vec<String> {
    let object = world.object(body.clone());
    let native = target.dry_run().unwrap();
    let preview = native.preview(&world.cx, &object.key, Some(&object), Some(live)).await.unwrap();
    preview.diff.fields().iter().map(ToString::to_string).collect()
}

/// Where people met it: blue and green Services whose selector a rollout tool switches. The same of every selector.
#[tokio::test]
async fn a_key_of_a_selector_that_is_left_stays_as_others_have_it() {
    let world = World::new("selectors").await;
    let labels = |version: &str| json!({"app": "a", "version": version});
    let service = |version: &str, port: u32| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
            "spec": {"selector": labels(version), "ports": [{"port": port}]}
        })
    };
    let policy = |version: &str, port: u32| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"},
            "spec": {"podSelector": {"matchLabels": labels(version)}, "ingress": [{"ports": [{"port": port}]}]}
        })
    };
    let budget = |version: &str, most: u32| {
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "a"},
            "spec": {"selector": {"matchLabels": labels(version)}, "maxUnavailable": most}
        })
    };
    let cases: [(Declared<'_>, &str, &str); 3] = [
        (&service, "/spec/selector/version", "services"),
        (&policy, "/spec/podSelector/matchLabels/version", "networkpolicies.networking.k8s.io"),
        (&budget, "/spec/selector/matchLabels/version", "poddisruptionbudgets.policy"),
    ];
    for (body, pointer, plural) in cases {
        let rule = Ignore::of("*", "*").pointer(pointer).unwrap();
        let target = world.builder().ignore([rule]).build().unwrap();
        let made = world.object(body("1", 80));
        target.apply(&world.cx, &create(&made, "1")).await.unwrap();
        let uri = world.uri(plural, "a");
        let held = pointer.trim_end_matches("/version");
        let selector = world.admin.get(&uri).await.unwrap().pointer(held).cloned().unwrap();
        assert_eq!(selector, labels("1"), "what is made is made as declared");
        let remembered = world.observe(&target, &made.key).await.unwrap();

        world
            .admin
            .send(
                "PATCH",
                &uri,
                "application/json-patch+json",
                &json!([
                    {"op": "replace", "path": pointer, "value": "2"}
                ]),
            )
            .await;
        let live = world.observe(&target, &made.key).await.unwrap();
        assert_eq!(live.version, remembered.version, "{plural}: what is left is no drift");
        assert_eq!(differs(&world, &target, &body("1", 80), &live).await, [""; 0], "{plural}");
        let newer = world.object(body("3", 81));
        target.apply(&world.cx, &update(&newer, &live, "2")).await.unwrap();
        let selector = world.admin.get(&uri).await.unwrap().pointer(held).cloned().unwrap();
        assert_eq!(selector, labels("2"), "{plural}");
        let after = world.observe(&target, &made.key).await.unwrap();
        assert_eq!(differs(&world, &target, &body("3", 81), &after).await, [""; 0], "{plural}");

        let app = pointer.replace("/version", "/app");
        world
            .admin
            .send(
                "PATCH",
                &uri,
                "application/json-patch+json",
                &json!([
                    {"op": "replace", "path": app, "value": "evil"}
                ]),
            )
            .await;
        let live = world.observe(&target, &made.key).await.unwrap();
        assert_ne!(live.version, after.version, "{plural}: what is not left is drift");
        target.apply(&world.cx, &update(&newer, &live, "3")).await.unwrap();
        let selector = world.admin.get(&uri).await.unwrap().pointer(held).cloned().unwrap();
        assert_eq!(selector, labels("2"), "{plural}: and it is restored");
    }
}

fn pod(web: &str, log: &str) -> Json {
    let mut body = deployment("web", 1, web);
    let containers = json!([{"name": "web", "image": web}, {"name": "log", "image": log}]);
    body["spec"]["template"]["spec"]["containers"] = containers;
    body
}

/// Where people met it: a sidecar that an injector looks after, named by a path without a field after it.
#[tokio::test]
async fn a_path_that_ends_with_an_item_leaves_the_whole_item() {
    let world = World::new("items").await;
    let path = r#".spec.template.spec.containers[] | select(.name == "log")"#;
    let rule = Ignore::of("apps", "Deployment").path(path).unwrap();
    let mut app = App::new(&world, world.builder().ignore([rule]).build().unwrap()).await;
    app.files.declare([("web", pod("web:1", "log:1"))]);
    app.apply(&world.cx).await;
    let uri = world.uri("deployments.apps", "web");
    let edit = json!({"spec": {"template": {"spec": {"containers": [{"name": "log", "image": "log:9", "tty": true}]}}}});
    world.admin.send("PATCH", &uri, "application/strategic-merge-patch+json", &edit).await;
    let report = app.apply(&world.cx).await;
    assert!(report.plan.is_empty(), "{:?}", report.plan);
    app.files.declare([("web", pod("web:2", "log:2"))]);
    app.apply(&world.cx).await;
    let containers = |object: &Json| object["spec"]["template"]["spec"]["containers"].clone();
    let live = containers(&world.admin.get(&uri).await.unwrap());
    let log = live.as_array().unwrap().iter().find(|item| item["name"] == "log").unwrap();
    let web = live.as_array().unwrap().iter().find(|item| item["name"] == "web").unwrap();
    assert_eq!((&log["image"], &log["tty"], &web["image"]), (&json!("log:9"), &json!(true), &json!("web:2")));

    let gone = json!([{"op": "remove", "path": "/spec/template/spec/containers/1"}]);
    world.admin.send("PATCH", &uri, "application/json-patch+json", &gone).await;
    assert!(app.apply(&world.cx).await.plan.is_empty());
    app.files.declare([("web", pod("web:3", "log:2"))]);
    app.apply(&world.cx).await;
    let live = containers(&world.admin.get(&uri).await.unwrap());
    assert_eq!((live.as_array().unwrap().len(), &live[0]["image"]), (1, &json!("web:3")));
}

/// Where people met it: a rule that reads well and never did anything.
#[tokio::test]
async fn a_rule_that_names_what_says_which_item_it_is_is_told_to_have_no_effect() {
    let world = World::new("idle").await;
    let rule = Ignore::of("apps", "*").path(".spec.template.spec.containers[].name").unwrap();
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let listener = told.clone();
    let target = world.builder().ignore([rule]);
    let target = target.warnings(move |warning| listener.lock().unwrap().push(warning.to_string()));
    let target = target.build().unwrap();
    let made = world.object(deployment("web", 1, "nginx:1"));
    target.apply(&world.cx, &create(&made, "1")).await.unwrap();
    let live = world.observe(&target, &made.key).await.unwrap();
    differs(&world, &target, &deployment("web", 2, "nginx:1"), &live).await;
    let told = told.lock().unwrap();
    assert!(told.len() == 1 && told[0].contains("GO0116") && told[0].contains("`name`"), "{told:?}");
}
