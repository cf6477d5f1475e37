//! Operators, and the objects of their kinds.

use std::time::Duration;

use gitops_core::{ApplyOptions, Engine};
use serde_json::{Value as Json, json};

use crate::support::{Files, World, define, definition, deployment};
use crate::whole::engine;

/// An operator of the kinds of a group, whose pods are ready at once: each object in a file of its own.
fn manifests_of(group: &str) -> Vec<(String, String)> {
    let mut workload = deployment("operator", 1, "operator:1");
    workload["spec"]["template"]["spec"]["serviceAccountName"] = json!("operator");
    let rights = "rbac.authorization.k8s.io/v1";
    let allowed = json!({"apiGroups": [group], "resources": ["things", "things/finalizers"], "verbs": ["*"]});
    let account = json!({"kind": "ServiceAccount", "name": "operator"});
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"});
    let metadata = json!({"name": "operator"});
    let objects = [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({"apiVersion": rights, "kind": "Role", "metadata": metadata, "rules": [allowed]}),
        json!({"apiVersion": rights, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [account]}),
        workload,
    ];
    let file = |object: Json| (format!("{}.yaml", object["kind"].as_str().unwrap()), object.to_string());
    objects.map(file).into()
}

async fn apply(world: &World, engine: &mut Engine) {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
}

/// People delete an application with its operator: the operator went first, and its objects hung by their finalizers for ever.
#[tokio::test]
async fn an_operator_stays_until_the_objects_of_its_kinds_are_gone() {
    let world = World::controlled("operator").await;
    let group = format!("{}.example", world.namespace);
    define(&world, definition(&group, true)).await;
    let thing = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Thing",
        "metadata": {
            "name": "t", "namespace": world.namespace, "finalizers": ["example.org/clean-up"],
            "annotations": {"argocd.argoproj.io/ignore-healthcheck": "true"}
        }
    });
    let files = Files::default();
    let mut declared = manifests_of(&group);
    declared.push(("thing.yaml".to_owned(), thing.to_string()));
    files.declare_texts(declared);
    let mut engine = engine(&world, &files, Duration::from_secs(10)).await;
    apply(&world, &mut engine).await;
    let (operator, thing) =
        (world.uri("deployments.apps", "operator"), world.uri(&format!("things.{group}"), "t"));
    assert!(world.admin.get(&thing).await.is_some(), "the operator was ready before it");

    files.declare_texts([]);
    apply(&world, &mut engine).await;
    assert!(
        world
            .admin
            .get(&thing)
            .await
            .is_some_and(|thing| thing["metadata"]["deletionTimestamp"] != Json::Null)
    );
    assert!(world.admin.get(&operator).await.is_some(), "nobody else takes the finalizer away");
    world.admin.merge(&thing, &json!({"metadata": {"finalizers": null}})).await;
    apply(&world, &mut engine).await;
    assert_eq!((world.admin.get(&thing).await, world.admin.get(&operator).await), (None, None));
}
