//! What real controllers make of declared objects.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::capability::Readiness;
use gitops_core::{Key, Object, Target};
use gitops_k8s::Kubernetes;
use serde_json::{Value as Json, json};

use crate::support::{World, create, delete, deployment};

/// Applies an object as new, and gives how it is doing after at most so many seconds.
async fn outcome(world: &World, target: &Kubernetes, object: &Arc<Object>, seconds: u64) -> Readiness {
    let applied = target.apply(&world.cx, &create(object, "1")).await.unwrap();
    let cx = world.cx.within(Duration::from_secs(seconds));
    target.health().unwrap().ready(&cx, &object.key, &applied).await.unwrap()
}

/// A deployment whose pods do something: see the stages of the testbed.
fn doing(name: &str, annotations: Json) -> Json {
    let mut deployment = deployment(name, 2, "nginx:1");
    deployment["spec"]["template"]["metadata"]["annotations"] = annotations;
    deployment
}

fn job(name: &str, annotations: Json) -> Json {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {
            "metadata": {"annotations": annotations},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": "busybox:1"}]}
        }}
    })
}

#[tokio::test]
async fn a_rollout_comes_about_and_its_pods_go_with_it() {
    let world = World::controlled("rolls-out").await;
    let target = world.target();
    let web = world.object(deployment("web", 2, "nginx:1"));
    assert_eq!(outcome(&world, &target, &web, 60).await, Readiness::Ready);
    let live = world.observe(&target, &web.key).await.unwrap();
    let applied = target.apply(&world.cx, &delete(&live, "2")).await.unwrap();
    let cx = world.cx.within(Duration::from_secs(60));
    let gone = target.health().unwrap().ready(&cx, &web.key, &applied).await.unwrap();
    assert_eq!(gone, Readiness::Ready, "the garbage collector took its replica set and pods");
}

#[tokio::test]
async fn a_rollout_whose_pods_crash_hang_or_have_no_image_says_which() {
    let world = World::controlled("sick").await;
    let target = world.target();
    let crash = world.object(doing("crash", json!({"testbed/does": "crash"})));
    let why = outcome(&world, &target, &crash, 60).await;
    assert!(matches!(&why, Readiness::Failed(why) if why.contains("CrashLoopBackOff")), "{why:?}");
    let reason = json!({"testbed/does": "wait", "testbed/reason": "ImagePullBackOff"});
    let why = outcome(&world, &target, &world.object(doing("image", reason)), 60).await;
    assert!(matches!(&why, Readiness::Failed(why) if why.contains("ImagePullBackOff")), "{why:?}");
    let hang = world.object(doing("hang", json!({"testbed/does": "hang"})));
    let why = outcome(&world, &target, &hang, 2).await;
    assert!(matches!(&why, Readiness::Progressing(why) if why.contains("0 of 2")), "{why:?}");
}

#[tokio::test]
async fn a_job_completes_or_fails() {
    let world = World::controlled("jobs").await;
    let target = world.target();
    assert_eq!(outcome(&world, &target, &world.object(job("good", json!({}))), 60).await, Readiness::Ready);
    let bad = world.object(job("bad", json!({"testbed/does": "fail"})));
    let why = outcome(&world, &target, &bad, 60).await;
    assert!(matches!(&why, Readiness::Ended(why) if why.contains("BackoffLimitExceeded")), "{why:?}");
}

#[tokio::test]
async fn a_namespace_ends_with_all_that_is_in_it() {
    let world = World::controlled("ends").await;
    let target = world.target();
    let name = format!("{}-inner", world.namespace);
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let mut object = Object::clone(&world.object(body));
    object.key = Key::new("k", object.key.kind().clone(), "", &name);
    let object = Arc::new(object);
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let inside = format!("/api/v1/namespaces/{name}/configmaps");
    world.admin.post(&inside, &json!({"metadata": {"name": "of-another"}})).await;
    let live = world.observe(&target, &object.key).await.unwrap();
    let applied = target.apply(&world.cx, &delete(&live, "2")).await.unwrap();
    let cx = world.cx.within(Duration::from_secs(60));
    assert_eq!(target.health().unwrap().ready(&cx, &object.key, &applied).await.unwrap(), Readiness::Ready);
    assert_eq!(world.admin.get(&format!("{inside}/of-another")).await, None);
}
