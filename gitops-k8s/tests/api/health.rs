use std::time::Duration;

use gitops_core::capability::Readiness;
use gitops_core::{Applied, Cx, Key, Target};
use gitops_k8s::Kubernetes;
use serde_json::json;

use crate::support::{World, create, delete, deployment};

async fn ready(target: &Kubernetes, cx: &Cx, key: &Key, applied: &Applied) -> Readiness {
    target.health().unwrap().ready(cx, key, applied).await.unwrap()
}

#[tokio::test]
async fn a_kind_without_a_status_is_ready_without_a_call() {
    let world = World::new("at-once").await;
    let target = world.target();
    let object = world.config_map("a", json!({}));
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let before = world.requests().len();
    assert_eq!(ready(&target, &world.cx, &object.key, &applied).await, Readiness::Ready);
    assert_eq!(world.requests().len(), before);
}

#[tokio::test]
async fn a_rollout_is_waited_for_and_its_end_is_told() {
    let world = World::new("rollout").await;
    let target = world.target();
    let object = world.object(deployment("web", 2, "nginx:1"));
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let uri = format!("{}/status", world.uri("deployments.apps", "web"));
    let controller = async {
        let half = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1, "readyReplicas": 1});
        world.admin.merge(&uri, &json!({"status": half})).await;
        world.admin.merge(&uri, &json!({"status": {"availableReplicas": 2, "readyReplicas": 2}})).await;
    };
    let cx = world.cx.within(Duration::from_secs(60));
    let (readiness, ()) = tokio::join!(ready(&target, &cx, &object.key, &applied), controller);
    assert_eq!(readiness, Readiness::Ready);
    let late = json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"});
    world.admin.merge(&uri, &json!({"status": {"conditions": [late]}})).await;
    let readiness = ready(&target, &cx, &object.key, &applied).await;
    assert!(
        matches!(&readiness, Readiness::Failed(why) if why.contains("ProgressDeadlineExceeded")),
        "{readiness:?}"
    );
}

#[tokio::test]
async fn a_wait_that_ran_out_says_for_what_it_waited() {
    let world = World::new("patience").await;
    let target = world.target();
    let object = world.object(deployment("web", 2, "nginx:1"));
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let cx = world.cx.within(Duration::from_millis(300));
    let readiness = ready(&target, &cx, &object.key, &applied).await;
    assert_eq!(readiness, Readiness::Progressing("0 of 2 replicas are there".to_owned()));
}

#[tokio::test]
async fn the_end_of_a_deletion_is_waited_for() {
    let world = World::new("gone").await;
    let target = world.target();
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "finalizers": ["example.org/hold"]}
    });
    let object = world.object(body);
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    let deleting = target.apply(&world.cx, &delete(&live, "2")).await.unwrap();
    let cx = world.cx.within(Duration::from_millis(300));
    let readiness = ready(&target, &cx, &object.key, &deleting).await;
    assert!(matches!(readiness, Readiness::Progressing(_)), "{readiness:?}");
    let uri = world.uri("configmaps", "a");
    let cx = world.cx.within(Duration::from_secs(60));
    let none = json!({"metadata": {"finalizers": null}});
    let release = world.admin.merge(&uri, &none);
    let (readiness, _) = tokio::join!(ready(&target, &cx, &object.key, &deleting), release);
    assert_eq!(readiness, Readiness::Ready);
}
