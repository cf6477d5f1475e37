//! An identity that may read and dry-run, and nothing else, on the real server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gitops_core::{ErrorKind, Result, Target};
use gitops_k8s::{Connection, Kubernetes, PlannerIdentity};
use serde_json::json;
use testbed::User;

use crate::support::{World, create, deployment, update};

static NAMES: AtomicU64 = AtomicU64::new(0);

/// A world, and the same cluster as the planner sees it, once the server keeps the policy.
async fn planner(only_here: bool) -> (World, Kubernetes) {
    let world = World::new("planner").await;
    let name = format!("planner-{}-{}", std::process::id(), NAMES.fetch_add(1, Ordering::SeqCst));
    let identity = PlannerIdentity::new(world.namespace.as_str(), name).unwrap();
    let identity = if only_here { identity.only_in(world.namespace.as_str()).unwrap() } else { identity };
    for object in identity.objects() {
        world.admin.post(&collection(&object), &object).await;
    }
    let connection = Connection::kubeconfig(world.server().kubeconfig(User::Admin));
    let cluster = connection.impersonate(identity.user()).connect(&world.cx).await.unwrap();
    let target = Kubernetes::builder(cluster, "shop").secret_key(gitops_core::SecretKey::new([7; 32]));
    let target = target.build().unwrap();
    // A server takes a moment to know a new policy and new rights.
    let cx = world.cx.within(Duration::from_secs(60));
    loop {
        match target.apply(&world.cx, &create(&world.config_map("probe", json!({})), "0")).await {
            Err(error) if error.to_string().contains("this account may only dry-run") => break,
            Ok(_) => drop(world.admin.delete(&world.uri("configmaps", "probe")).await),
            Err(_) => {}
        }
        cx.sleep(Duration::from_millis(100)).await.expect("the policy is kept within a minute");
    }
    (world, target)
}

fn collection(object: &serde_json::Value) -> String {
    let api = object["apiVersion"].as_str().unwrap();
    let root = if api.contains('/') { format!("/apis/{api}") } else { format!("/api/{api}") };
    let plural = match object["kind"].as_str().unwrap() {
        "ValidatingAdmissionPolicy" => "validatingadmissionpolicies".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{plural}"),
    }
}

fn forbidden<T: std::fmt::Debug>(done: Result<T>) {
    let error = done.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    assert!(!error.is_unknown(), "{error}");
}

#[tokio::test]
async fn it_plans_and_writes_nothing() {
    for only_here in [false, true] {
        let (world, planner) = planner(only_here).await;
        let owner = world.target();
        let web = |image: &str| world.object(deployment("web", 1, image));
        owner.apply(&world.cx, &create(&web("nginx:1"), "1")).await.unwrap();
        let live = world.observe(&planner, &world.key("Deployment.apps", "web")).await.unwrap();
        // What would be changed is seen by a dry run, and a new object is tried.
        let object = web("nginx:2");
        let preview =
            planner.dry_run().unwrap().preview(&world.cx, &object.key, Some(&object), Some(&live)).await;
        let shown: Vec<_> = preview.unwrap().diff.fields().iter().map(ToString::to_string).collect();
        assert_eq!(shown, [r#"spec/template/spec/containers/name=web/image "nginx:1" → "nginx:2""#]);
        // Nothing is written, in no way.
        forbidden(planner.apply(&world.cx, &update(&object, &live, "2")).await);
        forbidden(planner.apply(&world.cx, &create(&world.config_map("a", json!({})), "3")).await);
        forbidden(planner.apply(&world.cx, &crate::support::delete(&live, "4")).await);
        let after = world.observe(&owner, &live.key).await.unwrap();
        assert_eq!(after.version, live.version);
    }
}
