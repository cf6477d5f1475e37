use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use gitops_core::{ApplyOptions, Cx, Render, Renderer, Revision, Snapshot};
use gitops_k8s::{Helm, KubernetesRender};

use crate::support::{Files, World, define, definition};
use crate::whole::engine_of;

/// A program that declares an object named after what it is told of the cluster.
const SCRIPT: &str = r#"#!/bin/sh
if [ "$1" = version ]; then echo v3.18.0; exit; fi
name=nothing
case "$*" in *--kube-version=v1.*--api-versions=apiregistration.k8s.io/v1/APIService*) name=served ;; esac
case "$*" in *--kube-version=1.30*) name=other ;; esac
echo "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"$name\"}}"
"#;

/// Met with a chart that chose a version which no server has served for years, for nobody told it what is served.
#[tokio::test]
async fn a_chart_is_rendered_for_what_the_cluster_serves() {
    let world = World::new("charts").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("helm");
    std::fs::write(&path, SCRIPT).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let helm = Helm::at(&world.cx, &path, "web").unwrap();
    let manifests = KubernetesRender::new("k").namespace("shop").cluster(world.cluster.clone());
    let chart = |helm| Arc::new(manifests.clone().helmed("chart", helm));
    let name = |render: Arc<dyn Render>| {
        let files = [("chart/Chart.yaml", "name: web\n")];
        let snapshot = Snapshot::from_files("s", Revision::new("1", ""), files).unwrap();
        let desired = Renderer::new(render).render(&Cx::system(), &snapshot).unwrap().desired;
        desired.objects().keys().next().unwrap().name().to_owned()
    };
    let render = chart(helm.clone());
    let before = render.fingerprint();
    render.refresh(&world.cx).await.unwrap();
    assert_ne!(render.fingerprint(), before, "what the cluster serves is a part of every plan's id");
    assert_eq!(name(render), "served");
    let named = chart(helm.kubernetes("1.30").api_versions(["a.example.org/v1"]));
    let asked = world.requests().len();
    named.refresh(&world.cx).await.unwrap();
    assert_eq!((name(named), world.requests().len()), ("other".to_owned(), asked), "nobody is asked then");
}

/// Met with a chart that left its monitors out for good, because their operator was installed an hour after it.
#[tokio::test]
async fn a_chart_declares_more_once_somebody_installs_a_kind_without_a_commit() {
    let world = World::new("later").await;
    let group = format!("{}.example", world.namespace);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("helm");
    let looks = format!("*--api-versions={group}/v1/Thing*");
    let script = SCRIPT.replace("*--kube-version=1.30*", &looks).replace("name=other", "name=more");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let manifests = KubernetesRender::new("k").namespace(world.namespace.as_str());
    let manifests = manifests.cluster(world.cluster.clone());
    let chart = manifests.helmed("chart", Helm::at(&world.cx, &path, "web").unwrap());
    let files = Files::default();
    files.declare_texts([("chart/Chart.yaml".to_owned(), "name: web\n".to_owned())]);
    let mut engine = engine_of(&world, &files, Duration::from_secs(10), Arc::new(chart)).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();

    let asked = |from: usize| {
        let of_discovery = |uri: &str| ["/version", "/api", "/apis"].contains(&uri);
        world.requests()[from..].iter().filter(|request| of_discovery(&request.uri)).count()
    };
    let before = world.requests().len();
    assert_eq!(engine.reconcile(&world.cx).await.unwrap().plan.steps, []);
    assert_eq!(asked(before), 0, "the interval is not over");
    assert_eq!(engine.plan(&world.cx).await.unwrap().steps, []);
    assert_eq!(asked(before), 3);
    define(&world, definition(&group, true)).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(plan.steps.iter().any(|step| step.key.name() == "more"), "{:?}", plan.steps);
}
