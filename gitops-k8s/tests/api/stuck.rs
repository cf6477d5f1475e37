//! What does not go although it is deleted.

use std::time::Duration;

use gitops_core::*;
use serde_json::json;

use crate::support::{Files, World};
use crate::whole::engine;

/// No controller of this server ends a namespace: it stays on its way out.
#[tokio::test]
async fn a_namespace_that_does_not_end_is_told_and_nothing_else_waits_for_it() {
    let world = World::new("stuck").await;
    let name = format!("{}-gone", world.namespace);
    let files = Files::default();
    let map = |name: &str| {
        (name.to_owned(), format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"))
    };
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).to_string();
    let (a, b) = (map("a.yaml"), map("b.yaml"));
    files.declare_texts([("n.json".to_owned(), namespace), a.clone(), b]);
    let mut engine = engine(&world, &files, Duration::from_secs(2)).await;
    let approval = ApplyOptions::naming_the_plan("tester");
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(engine.apply(&world.cx, &plan, &approval).await.unwrap().is_converged());

    files.declare_texts([a]);
    let plan = engine.plan(&world.cx).await.unwrap();
    let report = engine.apply(&world.cx, &plan, &approval).await.unwrap();
    let said = format!("{:?}", report.results);
    assert!(!report.is_converged() && said.contains(&name), "it is told: {said}");
    assert!(world.admin.get(&world.uri("configmaps", "b.yaml")).await.is_none(), "what can go is gone");
    let uri = format!("/api/v1/namespaces/{name}");
    let mut found = world.admin.get(&uri).await.expect("it is still there");
    let before = world.writes();
    let plan = engine.plan(&world.cx).await.unwrap();
    drop(engine.apply(&world.cx, &plan, &approval).await);
    assert_eq!(world.writes(), before, "it is not deleted again and again");

    found["spec"]["finalizers"] = json!([]);
    world.admin.send("PUT", &format!("{uri}/finalize"), "application/json", &found).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(engine.apply(&world.cx, &plan, &approval).await.unwrap().is_converged());
    assert_eq!(engine.inventory().entries().len(), 1, "it is forgotten once it is gone");
}
