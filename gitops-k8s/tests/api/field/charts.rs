use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use gitops_core::{Cx, Render, Renderer, Revision, Snapshot};
use gitops_k8s::{Helm, KubernetesRender};

use crate::support::World;

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
