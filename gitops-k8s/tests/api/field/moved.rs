use gitops_core::{BlockedBecause, SecretKey, Target};
use gitops_k8s::{Connection, Kubernetes};
use serde_json::{Value as Json, json};
use testbed::{Fault, User};

use crate::engine::App;
use crate::support::{World, create, define, update};

/// A kind `Thing` with some versions of which the last is stored; `v1` has a field with a default.
fn definition(group: &str, versions: &[&str]) -> Json {
    let version = |name: &&str| {
        let mut spec = json!({"type": "object", "properties": {"size": {"type": "integer"}}});
        if *name == "v1" {
            spec["properties"]["mode"] = json!({"type": "string", "default": "fast"});
        }
        let schema = json!({"type": "object", "properties": {"spec": spec}});
        json!({
            "name": name, "served": true, "storage": versions.last() == Some(name),
            "schema": {"openAPIV3Schema": schema}
        })
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("things.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things", "singular": "thing"},
            "versions": versions.iter().map(version).collect::<Vec<_>>()
        }
    })
}

struct Case {
    world: World,
    app: App,
    group: String,
}

impl Case {
    /// A thing in `v1beta1`, made and ready.
    async fn new(name: &str) -> Self {
        let world = World::new(name).await;
        let app = App::new(&world, world.target()).await;
        let group = format!("{}.example", world.namespace);
        let mut case = Self { world, app, group };
        case.declare(&["v1beta1"], "v1beta1", 1);
        case.settle().await;
        case
    }

    fn declare(&self, versions: &[&str], version: &str, size: u32) {
        let thing = json!({
            "apiVersion": format!("{}/{version}", self.group), "kind": "Thing", "metadata": {"name": "t"},
            "spec": {"size": size}
        });
        self.app.files.declare([("definition", definition(&self.group, versions)), ("thing", thing)]);
    }

    /// Applies until nothing is to be done; an object waits for its version until the definition serves it.
    async fn settle(&mut self) {
        let mut last = None;
        for _ in 0..5 {
            // Discovery may learn between a plan and its apply what another client did to the definition.
            let report = self.app.engine.reconcile(&self.world.cx).await;
            if report.as_ref().is_ok_and(|report| report.plan.is_empty()) {
                return;
            }
            last = Some(report);
        }
        panic!("it does not come to rest: {last:?}");
    }

    /// As a migration of what is stored leaves it: the object is written anew, and the definition says so.
    /// The status is written here: who drops a stored version is a migrator or a person, and none of the controllers at work.
    async fn forget_stored(&self, version: &str) {
        forget_stored(&self.world, &self.group, version).await;
    }

    async fn thing(&self) -> Json {
        self.world.admin.get(&thing_in(&self.world, &self.group)).await.unwrap()
    }

    async fn recorded_in(&self) -> Vec<String> {
        recorded_in(&self.thing().await)
    }

    /// Another client takes the version out that the thing is applied in.
    async fn drop_version(&self) {
        self.forget_stored("v1").await;
        serve_only_v1(&self.world, &self.group).await;
    }
}

async fn forget_stored(world: &World, group: &str, version: &str) {
    let thing = format!("/apis/{group}/{version}/namespaces/{}/things/t", world.namespace);
    world.admin.merge(&thing, &json!({"metadata": {"labels": {"migrated": version}}})).await;
    let uri = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{group}/status");
    world.admin.merge(&uri, &json!({"status": {"storedVersions": [version]}})).await;
}

fn thing_in(world: &World, group: &str) -> String {
    format!("/apis/{group}/v1/namespaces/{}/things/t", world.namespace)
}

fn recorded_in(thing: &Json) -> Vec<String> {
    let entries = thing["metadata"]["managedFields"].as_array().cloned().unwrap();
    let ours = entries.iter().filter(|entry| entry["manager"] == "gitops:shop");
    ours.map(|entry| entry["apiVersion"].as_str().unwrap().to_owned()).collect()
}

async fn serve_only_v1(world: &World, group: &str) {
    let uri = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{group}");
    let mut found = world.admin.get(&uri).await.unwrap();
    found["spec"] = definition(group, &["v1"])["spec"].clone();
    world.admin.send("PUT", &uri, "application/json", &found).await;
}

/// Where people met it: an operator whose kinds leave beta; the new version has a field with a default.
#[tokio::test]
async fn an_object_moves_to_another_version_and_the_old_one_can_go() {
    let mut case = Case::new("moves").await;
    case.declare(&["v1beta1", "v1"], "v1", 1);
    case.settle().await;
    assert_eq!(case.recorded_in().await, [format!("{}/v1", case.group)], "the record moves along");
    case.forget_stored("v1").await;
    case.declare(&["v1"], "v1", 1);
    case.settle().await;
    case.declare(&["v1"], "v1", 2);
    case.settle().await;
    let thing = case.thing().await;
    assert_eq!(thing["spec"], json!({"size": 2, "mode": "fast"}));
    let plan = case.app.engine.plan(&case.world.cx).await.unwrap();
    assert!(plan.is_empty(), "{plan:?}");
}

/// Where people met it: the old version was gone before the objects were declared in the new one.
#[tokio::test]
async fn an_object_whose_version_is_gone_is_written_in_the_new_one() {
    let mut case = Case::new("gone-version").await;
    case.declare(&["v1beta1", "v1"], "v1beta1", 1);
    case.settle().await;
    case.drop_version().await;
    case.declare(&["v1"], "v1", 2);
    case.settle().await;
    assert_eq!((case.thing().await["spec"]["size"].clone(), case.recorded_in().await.len()), (json!(2), 1));
}

/// Where people met it: a chart dropped a version that others still declared, and nothing could be written any more.
#[tokio::test]
async fn a_plan_that_drops_a_version_in_use_is_refused() {
    let mut case = Case::new("dropped").await;
    case.declare(&["v1beta1", "v1"], "v1beta1", 1);
    case.settle().await;
    case.forget_stored("v1").await;
    case.declare(&["v1"], "v1", 1);
    let plan = case.app.engine.plan(&case.world.cx).await.unwrap();
    let blocked =
        plan.blocked.iter().find(|blocked| blocked.key.kind().kind() == "CustomResourceDefinition").unwrap();
    let BlockedBecause::DryRunFailed(refusal) = &blocked.why else { panic!("{blocked:?}") };
    let reason = &refusal.reason;
    let object = format!("{}/t", case.world.namespace);
    assert!(reason.contains("v1beta1") && reason.contains(&object) && reason.contains("commit"), "{reason}");
    case.declare(&["v1beta1", "v1"], "v1", 1);
    case.settle().await;
    case.declare(&["v1"], "v1", 1);
    case.settle().await;
}

/// The same of one that leaves the source: it is read in a version that is served, and goes.
#[tokio::test]
async fn an_object_whose_version_is_gone_is_deleted() {
    let mut case = Case::new("gone-deleted").await;
    case.declare(&["v1beta1", "v1"], "v1beta1", 1);
    case.settle().await;
    case.drop_version().await;
    case.app.files.declare([("definition", definition(&case.group, &["v1"]))]);
    case.settle().await;
    assert_eq!(case.world.admin.get(&thing_in(&case.world, &case.group)).await, None);
}

/// Where people met it: autoscalers that are declared in the version that their chart has had for years. What the server shows of one
/// in the version that it prefers has other fields than were applied.
#[tokio::test]
async fn an_object_that_is_declared_in_a_version_which_the_server_does_not_prefer_is_deleted() {
    let world = World::new("not-preferred").await;
    let mut app = App::new(&world, world.target()).await;
    let scaler = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {
            "maxReplicas": 3, "targetCPUUtilizationPercentage": 80,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        }
    });
    app.files.declare([("scaler", scaler)]);
    app.engine.reconcile(&world.cx).await.unwrap();
    let uri = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers/web", world.namespace);
    assert_eq!(world.admin.get(&uri).await.unwrap()["spec"]["maxReplicas"], 3);
    app.files.declare([] as [(&str, Json); 0]);
    let report = app.engine.reconcile(&world.cx).await.unwrap();
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(world.admin.get(&uri).await, None);
}

/// Somebody writes the object between the read that the update goes by and the move of our record: neither the record nor a
/// field is written over that.
#[tokio::test]
async fn an_object_that_moves_while_its_record_is_brought_to_another_version_is_left() {
    let (world, proxy) = World::behind("moves-meanwhile").await;
    let group = format!("{}.example", world.namespace);
    let thing = |version: &str, size: u32| {
        world.object(json!({
            "apiVersion": format!("{group}/{version}"), "kind": "Thing", "metadata": {"name": "t"}, "spec": {"size": size}
        }))
    };
    define(&world, definition(&group, &["v1beta1", "v1"])).await;
    let made = thing("v1beta1", 1);
    world.target().apply(&world.cx, &create(&made, "1")).await.unwrap();
    forget_stored(&world, &group, "v1").await;
    serve_only_v1(&world, &group).await;
    let served = format!("/apis/{group}");
    while world
        .admin
        .get(&served)
        .await
        .is_none_or(|found| found["versions"].as_array().map(Vec::len) != Some(1))
    {}

    // A process that comes after that.
    let kubeconfig = world.server().kubeconfig_by(&proxy.url(), User::Admin);
    let cluster = Connection::kubeconfig(kubeconfig).connect(&world.cx).await.unwrap();
    let target = Kubernetes::builder(cluster, "shop").secret_key(SecretKey::new([7; 32])).build().unwrap();
    let live = world.observe(&target, &made.key).await.unwrap();
    let uri = thing_in(&world, &group);
    let before = world.admin.get(&uri).await.unwrap();
    world.admin.merge(&uri, &json!({"spec": {"size": 7}})).await;
    proxy.fail("GET", "/things/t", 1, Fault::Stale(before.to_string()));
    let error = target.apply(&world.cx, &update(&thing("v1", 2), &live, "2")).await.unwrap_err();
    assert_eq!(proxy.pending(), 0, "{error}");
    let after = world.admin.get(&uri).await.unwrap();
    assert_eq!(
        (&after["spec"]["size"], recorded_in(&after)),
        (&json!(7), vec![format!("{group}/v1beta1")]),
        "{error}"
    );
}
