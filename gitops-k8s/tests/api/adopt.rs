use std::process::Command;

use gitops_core::{Ownership, Target};
use serde_json::json;
use testbed::{ApiServer, User};

use crate::support::{World, deployment, update};

/// Applies as a person does who has done so for years: on the client's side.
fn kubectl_apply(world: &World, body: &serde_json::Value) {
    let folder = tempfile::tempdir().unwrap();
    let [config, file] = ["config", "object.json"].map(|name| folder.path().join(name));
    std::fs::write(&config, ApiServer::shared().kubeconfig(User::Admin)).unwrap();
    std::fs::write(&file, body.to_string()).unwrap();
    let mut kubectl = Command::new("kubectl");
    kubectl
        .arg("--kubeconfig")
        .arg(&config)
        .args(["--namespace", &world.namespace, "apply", "-f"])
        .arg(&file);
    let output = kubectl.env("HOME", folder.path()).output().expect("`kubectl` is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn what_kubectl_made_becomes_ours_and_its_fields_can_go() {
    let world = World::new("adopt").await;
    let target = world.target();
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"old": "1"}},
        "data": {"x": "1", "y": "1"}
    });
    kubectl_apply(&world, &body);
    let uri = world.uri("configmaps", "a");
    let key = world.key("ConfigMap", "a");
    let live = world.observe(&target, &key).await.unwrap();
    assert_eq!(live.ownership, Ownership::Unlabelled);
    let object = world.config_map("a", json!({"x": "1"}));
    let adoption = update(&object, &live, "1");
    let adopted = target.import().unwrap().adopt(&world.cx, &adoption).await.unwrap();
    let after = world.admin.get(&uri).await.unwrap();
    assert_eq!(after["data"], body["data"], "no value changes");
    assert!(after["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].is_null());
    let live = world.observe(&target, &key).await.unwrap();
    assert_eq!(gitops_core::Applied::from(&live), adopted);
    assert!(live.is_owned_by("shop/1"));
    assert_eq!(target.import().unwrap().adopt(&world.cx, &adoption).await.unwrap(), adopted, "sent again");
    target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
    let after = world.admin.get(&uri).await.unwrap();
    assert_eq!(after["data"], json!({"x": "1"}), "what kubectl owned and nobody declares is gone");
    assert!(after["metadata"]["labels"]["old"].is_null());
}

#[tokio::test]
async fn what_moved_or_is_anothers_is_not_adopted() {
    let world = World::new("not-adopted").await;
    let target = world.target();
    kubectl_apply(
        &world,
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}}),
    );
    let live = world.observe(&target, &world.key("ConfigMap", "a")).await.unwrap();
    world.admin.merge(&world.uri("configmaps", "a"), &json!({"data": {"x": "2"}})).await;
    let object = world.config_map("a", json!({"x": "1"}));
    let error = target.import().unwrap().adopt(&world.cx, &update(&object, &live, "1")).await.unwrap_err();
    assert!(error.is_conflict() && !error.is_unknown(), "{error}");
}

/// Whoever takes over what is being deleted would own it for a moment, and then make it again.
#[tokio::test]
async fn what_is_on_its_way_out_is_not_adopted() {
    let world = World::new("not-adopted-going").await;
    let target = world.target();
    let uri = world.uri("configmaps", "a");
    let metadata = json!({"name": "a", "finalizers": ["example.org/hold"]});
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"x": "1"}});
    world.admin.post(uri.trim_end_matches("/a"), &body).await;
    world.admin.delete(&uri).await;
    let live = world.observe(&target, &world.key("ConfigMap", "a")).await.unwrap();
    let object = world.config_map("a", json!({"x": "1"}));
    let error = target.import().unwrap().adopt(&world.cx, &update(&object, &live, "1")).await.unwrap_err();
    assert!(error.is_conflict() && !error.is_unknown(), "{error}");
    let after = world.admin.get(&uri).await.unwrap();
    assert!(after["metadata"]["annotations"].is_null(), "nobody put an owner label on it: {after}");
}

/// Who copied an object in a browser copied our owner label with it: it says nothing, and stands in nobody's way.
#[tokio::test]
async fn a_copied_owner_label_keeps_nothing_from_being_adopted() {
    let world = World::new("copied").await;
    let target = world.target();
    let uri = world.uri("configmaps", "a");
    let metadata = json!({"name": "a", "annotations": {"gitops/owner": "other/1", "gitops/operation": "7"}});
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"x": "1"}});
    let post = format!("{}?fieldManager=Mozilla", uri.trim_end_matches("/a"));
    let (code, answer) = world.admin.send("POST", &post, "application/json", &body).await;
    assert_eq!(code, 201, "{answer}");
    let object = world.config_map("a", json!({"x": "1"}));
    let live = world.observe(&target, &object.key).await.unwrap();
    assert_eq!(live.ownership, Ownership::Unlabelled);
    target.import().unwrap().adopt(&world.cx, &update(&object, &live, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    assert!(live.is_owned_by("shop/1"), "{:?}", live.ownership);
}

#[tokio::test]
async fn what_another_tool_delivered_becomes_ours_and_the_plan_shows_it() {
    let world = World::new("delivered").await;
    let target = world.target();
    let uri = world.uri("configmaps", "a");
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1", "y": "1"}});
    world.admin.apply(&uri, "argocd-controller", &theirs).await;
    let of_robot =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"z": "1"}});
    world.admin.apply(&uri, "robot", &of_robot).await;
    let live = world.observe(&target, &world.key("ConfigMap", "a")).await.unwrap();
    let object = world.config_map("a", json!({"x": "2"}));
    let native = target.dry_run().unwrap();
    let previewed = native.preview(&world.cx, &object.key, Some(&object), Some(&live)).await.unwrap();
    let shown: Vec<String> = previewed.diff.fields().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            r#"data/x "1" → "2""#,
            r#"data/y "1" removed"#,
            r#"metadata/managedFields "argocd-controller" → "gitops:shop""#
        ]
    );
    target.import().unwrap().adopt(&world.cx, &update(&object, &live, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
    assert_eq!(world.admin.get(&uri).await.unwrap()["data"], json!({"x": "2", "z": "1"}));
}

/// A person scaled it by the same program with which it was applied: that is no part of what is declared, and stays.
#[tokio::test]
async fn what_was_scaled_stays_where_the_declaration_leaves_it_out() {
    let world = World::new("adopted-scaled").await;
    let target = world.target();
    let mut body = deployment("web", 1, "nginx:1");
    body["spec"].as_object_mut().unwrap().remove("replicas");
    kubectl_apply(&world, &body);
    let uri = world.uri("deployments.apps", "web");
    let scale = format!("{uri}/scale?fieldManager=kubectl");
    world.admin.merge(&scale, &json!({"spec": {"replicas": 3}})).await;
    let object = world.object(body);
    let live = world.observe(&target, &object.key).await.unwrap();
    let native = target.dry_run().unwrap();
    let shown = native.preview(&world.cx, &object.key, Some(&object), Some(&live)).await.unwrap();
    assert!(!shown.diff.fields().iter().any(|field| field.path.contains("replicas")), "{:?}", shown.diff);
    target.import().unwrap().adopt(&world.cx, &update(&object, &live, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
    assert_eq!(world.admin.get(&uri).await.unwrap()["spec"]["replicas"], 3);
}

#[tokio::test]
async fn an_object_that_merges_keeps_what_others_added() {
    let world = World::new("merged").await;
    let target = world.target();
    let body = |data: serde_json::Value| {
        let owner_labels = json!({"kustomize.toolkit.fluxcd.io/ssa": "Merge"});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": owner_labels}, "data": data})
    };
    kubectl_apply(&world, &body(json!({"x": "1", "y": "1"})));
    let object = world.object(body(json!({"x": "2"})));
    let live = world.observe(&target, &object.key).await.unwrap();
    target.import().unwrap().adopt(&world.cx, &update(&object, &live, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
    let after = world.admin.get(&world.uri("configmaps", "a")).await.unwrap();
    assert_eq!(after["data"], json!({"x": "2", "y": "1"}));
}

/// Makes a `ConfigMap` as a tool does, by an apply or by a request that writes all of it.
async fn deliver(world: &World, manager: &str, operation: &str, body: &serde_json::Value) {
    let uri = world.uri("configmaps", body["metadata"]["name"].as_str().unwrap());
    if operation == "Apply" {
        world.admin.apply(&uri, manager, body).await;
        return;
    }
    let uri = format!("{}?fieldManager={manager}", world.uri("configmaps", "").trim_end_matches('/'));
    let (status, answer) = world.admin.send("POST", &uri, "application/json", body).await;
    assert_eq!(status, 201, "{answer}");
}

/// Each way in which `kubectl`, Argo CD, Flux and Helm leave their fields behind, and two of others.
#[tokio::test]
async fn the_fields_of_every_tool_of_delivery_become_ours_and_those_of_others_stay() {
    const TOOLS: [(&str, &str); 11] = [
        ("before-first-apply", "Update"),
        ("kubectl", "Apply"),
        ("kubectl-client-side-apply", "Update"),
        ("kubectl-create", "Update"),
        ("kubectl-edit", "Update"),
        ("argocd-controller", "Apply"),
        ("argocd-controller", "Update"),
        ("flux-client-side-apply", "Apply"),
        ("helm", "Update"),
        ("helm-controller", "Update"),
        ("kustomize-controller", "Apply"),
    ];
    let world = World::new("tools").await;
    let target = world.target();
    let others = [("some-operator", "Apply"), ("another-client", "Update")];
    for (index, (manager, operation)) in TOOLS.into_iter().chain(others).enumerate() {
        let name = format!("a-{index}");
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"old": "1"}},
            "data": {"x": "1", "y": "1"}
        });
        deliver(&world, manager, operation, &body).await;
        let live = world.observe(&target, &world.key("ConfigMap", &name)).await.unwrap();
        let object = world.config_map(&name, json!({"x": "1"}));
        target.import().unwrap().adopt(&world.cx, &update(&object, &live, "1")).await.unwrap();
        let live = world.observe(&target, &object.key).await.unwrap();
        target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
        let after = world.admin.get(&world.uri("configmaps", &name)).await.unwrap();
        let managers: Vec<&str> = after["metadata"]["managedFields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["manager"].as_str().unwrap())
            .collect();
        if index < TOOLS.len() {
            assert_eq!(
                (&after["data"], &*managers),
                (&json!({"x": "1"}), &["gitops:shop"][..]),
                "{manager} {operation}"
            );
        } else {
            assert_eq!(after["data"], body["data"], "{manager} {operation}");
            assert!(managers.contains(&manager), "{managers:?}");
        }
    }
}
