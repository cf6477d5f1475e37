//! An identity that may read and dry-run, and nothing else, on the real server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gitops_core::{ErrorKind, Result, Target};
use gitops_k8s::{Connection, Kubernetes, PlannerIdentity};
use serde_json::json;
use testbed::{User, collection_of};

use crate::support::{World, create, deployment, update};

static NAMES: AtomicU64 = AtomicU64::new(0);

/// A world, and the same cluster as the planner sees it, once the server keeps the policy.
async fn planner(only_here: bool) -> (World, Kubernetes, String) {
    let world = World::new("planner").await;
    let name = format!("planner-{}-{}", std::process::id(), NAMES.fetch_add(1, Ordering::SeqCst));
    let identity = PlannerIdentity::new(world.namespace.as_str(), name).unwrap();
    let identity = if only_here { identity.only_in(world.namespace.as_str()).unwrap() } else { identity };
    for object in identity.objects() {
        world.admin.post(&collection_of(&object), &object).await;
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
    (world, target, identity.user())
}

fn forbidden<T: std::fmt::Debug>(done: Result<T>) {
    let error = done.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    assert!(!error.is_unknown(), "{error}");
}

#[tokio::test]
async fn it_plans_and_writes_nothing() {
    for only_here in [false, true] {
        let (world, planner, _) = planner(only_here).await;
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

/// A subresource is another way to write: the state of an object, how many there are of it, its end, a login as somebody else, a program in it.
#[tokio::test]
async fn it_writes_no_subresource_be_it_as_a_dry_run() {
    let (world, _, user) = planner(true).await;
    let identity = world.admin.acting_as(&user);
    let namespace = world.namespace.as_str();
    let root = |api: &str, rest: &str| format!("{api}/namespaces/{namespace}/{rest}");
    let pod = json!({
        "metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}
    });
    world.admin.post(&root("/apis/apps/v1", "deployments"), &deployment("web", 1, "nginx:1")).await;
    // Nothing makes the account of its namespace here.
    let account = json!({"metadata": {"name": "default"}});
    world.admin.send("POST", &root("/api/v1", "serviceaccounts"), "application/json", &account).await;
    world.admin.post(&root("/api/v1", "pods"), &pod).await;
    let read = identity.get(&root("/apis/apps/v1", "deployments/web")).await.expect("it may read");
    assert!(identity.get(&root("/api/v1", "pods/web")).await.is_some());

    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}});
    let token = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n"}});
    let (merge, plain) = ("application/merge-patch+json", "application/json");
    let writes = [
        ("PATCH", root("/apis/apps/v1", "deployments/web/status"), merge, json!({"status": {"replicas": 7}})),
        ("PATCH", root("/apis/apps/v1", "deployments/web/scale"), merge, json!({"spec": {"replicas": 7}})),
        ("POST", root("/api/v1", "pods/web/eviction"), plain, eviction),
        ("POST", root("/api/v1", "pods/web/binding"), plain, binding),
        ("PATCH", root("/api/v1", "pods/web/status"), merge, json!({"status": {"phase": "Failed"}})),
        (
            "PATCH",
            root("/api/v1", "pods/web/ephemeralcontainers"),
            merge,
            json!({"spec": {"ephemeralContainers": [{"name": "x", "image": "x"}]}}),
        ),
        ("POST", root("/api/v1", "serviceaccounts/default/token"), plain, token),
        ("POST", root("/api/v1", "pods/web/exec?command=id&container=web"), plain, json!(null)),
        ("GET", root("/api/v1", "pods/web/proxy"), plain, json!(null)),
    ];
    for (method, uri, content, body) in &writes {
        // The server knows no dry run of what connects to a pod, and says so before it asks any policy.
        let is_connection = uri.contains("/exec") || uri.ends_with("/proxy");
        for more in ["", "dryRun=All"].into_iter().filter(|more| more.is_empty() || !is_connection) {
            let uri = match (more, uri.contains('?')) {
                ("", _) => uri.clone(),
                (more, true) => format!("{uri}&{more}"),
                (more, false) => format!("{uri}?{more}"),
            };
            let (code, answer) = identity.send(method, &uri, content, body).await;
            let said = answer["message"].as_str().unwrap_or_default();
            assert_eq!(code, 403, "{method} {uri}: {answer}");
            assert!(said.contains("this account may "), "the policy refuses it: {method} {uri}: {said}");
        }
    }
    // What it has no right to is no matter of the policy.
    for (method, uri) in [
        ("DELETE", root("/apis/apps/v1", "deployments/web?dryRun=All")),
        ("PUT", root("/apis/apps/v1", "deployments/web?dryRun=All")),
        ("GET", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies".to_owned()),
        ("GET", "/api/v1/namespaces/kube-system/secrets".to_owned()),
    ] {
        assert_eq!(identity.send(method, &uri, plain, &read).await.0, 403, "{method} {uri}");
    }
    let after = world.admin.get(&root("/apis/apps/v1", "deployments/web")).await.unwrap();
    assert_eq!(
        after["metadata"]["resourceVersion"], read["metadata"]["resourceVersion"],
        "nothing is written"
    );
    assert!(world.admin.get(&root("/api/v1", "pods/web")).await.is_some());
}
