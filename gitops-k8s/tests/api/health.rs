use std::sync::Arc;
use std::time::Duration;

use gitops_core::capability::Readiness;
use gitops_core::gate::cel::Expression;
use gitops_core::{Applied, Clock, Cx, GroupKind, Key, System, Target, Time, async_trait};
use gitops_k8s::{HealthRule, Kubernetes};
use serde_json::{Value as Json, json};

use crate::support::{World, create, define, definition, delete, deployment};

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
    let world = World::controlled("rollout").await;
    let target = world.target();
    let object = world.object(deployment("web", 2, "nginx:1"));
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let cx = world.cx.within(Duration::from_secs(60));
    assert_eq!(ready(&target, &cx, &object.key, &applied).await, Readiness::Ready);
    let mut late = deployment("late", 2, "nginx:1");
    late["spec"]["progressDeadlineSeconds"] = json!(1);
    late["spec"]["template"]["metadata"]["annotations"] = json!({"testbed/does": "hang"});
    let object = world.object(late);
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
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

/// The machine's clock, two hours ahead.
struct Ahead;

#[async_trait]
impl Clock for Ahead {
    fn now(&self) -> Time {
        System.now().after(Duration::from_secs(7200))
    }

    async fn wait_until(&self, time: Time) {
        let left = time.since(self.now());
        System.wait_until(System.now().after(left)).await;
    }
}

#[tokio::test]
async fn what_stands_still_is_stuck_since_it_last_moved() {
    let world = World::new("standing").await;
    let object = world.object(deployment("web", 2, "nginx:1"));
    let applied = world.target().apply(&world.cx, &create(&object, "1")).await.unwrap();
    let later = Cx::new(Arc::new(Ahead), Arc::new(System)).within(Duration::from_millis(300));
    let patient = world.builder().stuck_after(Duration::from_secs(3 * 3600)).build().unwrap();
    let coming = Readiness::Progressing("0 of 2 replicas are there".to_owned());
    assert_eq!(ready(&patient, &later, &object.key, &applied).await, coming);
    let target = world.builder().stuck_after(Duration::from_secs(3600)).build().unwrap();
    let now = world.cx.now();
    assert_eq!(
        ready(&target, &world.cx.within(Duration::from_millis(300)), &object.key, &applied).await,
        coming
    );
    let later = Cx::new(Arc::new(Ahead), Arc::new(System)).within(Duration::from_millis(300));
    let stuck = ready(&target, &later, &object.key, &applied).await;
    let Readiness::Stuck { reason, since } = stuck else { panic!("{stuck:?}") };
    assert_eq!(reason, "0 of 2 replicas are there");
    assert!(now.since(since) < Duration::from_secs(600), "{since}: since it was written");
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
    let held = "its deletion is not finished: held by example.org/hold".to_owned();
    assert_eq!(readiness, Readiness::Progressing(held));
    let uri = world.uri("configmaps", "a");
    let cx = world.cx.within(Duration::from_secs(60));
    let none = json!({"metadata": {"finalizers": null}});
    let release = world.admin.merge(&uri, &none);
    let (readiness, _) = tokio::join!(ready(&target, &cx, &object.key, &deleting), release);
    assert_eq!(readiness, Readiness::Ready);
}

/// A kind `Thing` of a group of the world's own, with a status or without.
async fn thing_kind(world: &World, has_status: bool) -> String {
    let group = format!("{}.example", world.namespace);
    define(world, definition(&group, has_status)).await;
    group
}

async fn thing(world: &World, target: &Kubernetes, group: &str) -> (Key, Applied, String) {
    let body = json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "t"}});
    let object = world.object(body);
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    (object.key.clone(), applied, world.uri(&format!("things.{group}"), "t/status"))
}

#[tokio::test]
async fn an_object_that_no_controller_has_seen_is_waited_for_until_the_grace_ends() {
    let world = World::new("unseen").await;
    let group = thing_kind(&world, true).await;
    let target = world.builder().unseen_grace(Duration::from_millis(400)).build().unwrap();
    let (key, applied, status) = thing(&world, &target, &group).await;
    let hurried = world.cx.within(Duration::from_millis(200));
    let unseen = Readiness::Progressing("no controller has written its status".to_owned());
    assert_eq!(ready(&target, &hurried, &key, &applied).await, unseen);
    let cx = world.cx.within(Duration::from_secs(60));
    let unproven = Readiness::Unproven("no controller has written its status".to_owned());
    assert_eq!(ready(&target, &cx, &key, &applied).await, unproven, "what needs it goes on, and it is said");
    let not_yet = json!({"type": "Ready", "status": "False", "reason": "Busy", "message": "two of three"});
    world.admin.merge(&status, &json!({"status": {"conditions": [not_yet]}})).await;
    let seen = ready(&target, &world.cx.within(Duration::from_secs(1)), &key, &applied).await;
    assert!(matches!(&seen, Readiness::Progressing(why) if why.contains("Busy: two of three")), "{seen:?}");
}

#[tokio::test]
async fn an_object_of_a_kind_without_a_status_is_waited_for_by_nobody() {
    let world = World::new("statusless").await;
    let group = thing_kind(&world, false).await;
    let target = world.builder().unseen_grace(Duration::from_secs(3600)).build().unwrap();
    let (key, applied, _) = thing(&world, &target, &group).await;
    let cx = world.cx.within(Duration::from_secs(60));
    assert_eq!(ready(&target, &cx, &key, &applied).await, Readiness::Ready);
}

#[tokio::test]
async fn a_rule_of_the_configuration_decides_how_a_kind_does() {
    let world = World::new("rule").await;
    let group = thing_kind(&world, true).await;
    let parse = |text: &str| Expression::parse(text).unwrap();
    let rule = HealthRule::of(GroupKind::new(&group, "Thing"), parse("status.phase == 'Running'"))
        .failed(parse("status.phase == 'Broken'"));
    let target = world.builder().health([rule]).build().unwrap();
    let (key, applied, status) = thing(&world, &target, &group).await;
    let cx = world.cx.within(Duration::from_secs(60));
    let running = json!({"status": {"phase": "Running"}});
    let (readiness, _) =
        tokio::join!(ready(&target, &cx, &key, &applied), world.admin.merge(&status, &running));
    assert_eq!(readiness, Readiness::Ready);
    world.admin.merge(&status, &json!({"status": {"phase": "Broken"}})).await;
    let readiness = ready(&target, &cx, &key, &applied).await;
    assert!(matches!(readiness, Readiness::Failed(_)), "{readiness:?}");
}

/// What an object that another one controls begins with.
fn controlled(owner: &Json, api_version: &str, kind: &str, name: &str) -> Json {
    let owner = json!({
        "apiVersion": api_version, "kind": kind, "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true
    });
    json!({"name": name, "ownerReferences": [owner], "labels": {"app": "web"}})
}

/// A pod whose image can't be had.
async fn pod_without_image(world: &World, metadata: &Json, spec: &Json) {
    world.admin.post(&world.uri("pods", ""), &json!({"metadata": metadata, "spec": spec})).await;
    let waiting = json!({"name": "web", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff"}}});
    let status = json!({"status": {"phase": "Pending", "containerStatuses": [waiting]}});
    let name = metadata["name"].as_str().unwrap();
    world.admin.merge(&world.uri("pods", &format!("{name}/status")), &status).await;
}

/// A replica set of the deployment, as its controller would make it, with a pod whose image can't be had.
async fn broken_pod(world: &World, deployment: &Json, revision: &str) {
    let mut metadata = controlled(deployment, "apps/v1", "Deployment", &format!("web-{revision}"));
    metadata["annotations"] = json!({"deployment.kubernetes.io/revision": revision});
    let spec =
        json!({"selector": deployment["spec"]["selector"], "template": deployment["spec"]["template"]});
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec});
    let set = world.admin.post(&world.uri("replicasets.apps", ""), &set).await;
    let name = format!("web-{revision}-x");
    let metadata = controlled(&set, "apps/v1", "ReplicaSet", &name);
    pod_without_image(world, &metadata, &deployment["spec"]["template"]["spec"]).await;
}

#[tokio::test]
async fn a_broken_pod_of_the_present_revision_fails_its_deployment_and_an_older_one_does_not() {
    let world = World::new("broken").await;
    let target = world.target();
    let object = world.object(deployment("web", 1, "nginx:none"));
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let uri = world.uri("deployments.apps", "web");
    let revision = json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": "2"}}});
    let live = world.admin.merge(&uri, &revision).await;
    let seen = json!({"status": {"observedGeneration": live["metadata"]["generation"]}});
    world.admin.merge(&format!("{uri}/status"), &seen).await;
    broken_pod(&world, &live, "1").await;
    let old = ready(&target, &world.cx.within(Duration::from_secs(1)), &object.key, &applied).await;
    assert_eq!(old, Readiness::Progressing("0 of 1 replicas are there".to_owned()));
    let cx = world.cx.within(Duration::from_secs(60));
    let waiting = ready(&target, &cx, &object.key, &applied);
    let (found, ()) = tokio::join!(waiting, broken_pod(&world, &live, "2"));
    let why = "its pod web-2-x: the container web is in ImagePullBackOff".to_owned();
    assert_eq!(found, Readiness::Failed(why));
}

/// Applies a workload, lets its controller say what `status` has, and gives it a broken pod of an earlier state and then one
/// of the present state: only the second fails it.
async fn fails_by_its_present_pod(name: &str, workload: Json, status: Json, labels: [Json; 2]) {
    let world = World::new(name).await;
    let target = world.target();
    let object = world.object(workload);
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let (kind, group) = (object.key.kind().kind(), object.key.kind().group());
    let plural = format!("{}s.{group}", kind.to_lowercase());
    world.admin.merge(&world.uri(&plural, "web/status"), &json!({"status": status})).await;
    let live = world.admin.get(&world.uri(&plural, "web")).await.unwrap();
    let spec = &live["spec"]["template"]["spec"];
    let pod = |name: &str, label: &Json| {
        let mut metadata = controlled(&live, &format!("{group}/v1"), kind, name);
        metadata["labels"].as_object_mut().unwrap().extend(label.as_object().unwrap().clone());
        metadata
    };
    pod_without_image(&world, &pod("web-old", &labels[0]), spec).await;
    let early = ready(&target, &world.cx.within(Duration::from_secs(1)), &object.key, &applied).await;
    assert!(matches!(early, Readiness::Progressing(_)), "{early:?}");
    let (cx, present) = (world.cx.within(Duration::from_secs(60)), pod("web-new", &labels[1]));
    let waiting = ready(&target, &cx, &object.key, &applied);
    let (found, ()) = tokio::join!(waiting, pod_without_image(&world, &present, spec));
    let why = "its pod web-new: the container web is in ImagePullBackOff".to_owned();
    assert_eq!(found, Readiness::Failed(why));
}

fn template() -> Json {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx:none"}]}})
}

#[tokio::test]
async fn a_broken_pod_of_the_present_revision_fails_its_stateful_set() {
    let set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"},
        "spec": {"serviceName": "web", "selector": {"matchLabels": {"app": "web"}}, "template": template()}
    });
    let status = json!({"replicas": 1, "observedGeneration": 1, "currentRevision": "web-1", "updateRevision": "web-2"});
    let labels = ["web-1", "web-2"].map(|revision| json!({"controller-revision-hash": revision}));
    fails_by_its_present_pod("broken-set", set, status, labels).await;
}

#[tokio::test]
async fn a_broken_pod_of_the_present_template_fails_its_daemon_set() {
    let set = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template()}
    });
    let status = json!({"currentNumberScheduled": 1, "desiredNumberScheduled": 1, "numberMisscheduled": 0,
        "numberReady": 0, "observedGeneration": 1});
    let labels = ["0", "1"].map(|generation| json!({"pod-template-generation": generation}));
    fails_by_its_present_pod("broken-daemon", set, status, labels).await;
}

#[tokio::test]
async fn a_pod_that_can_not_start_fails_its_job() {
    let mut template = template();
    template["spec"]["restartPolicy"] = json!("Never");
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "web"}, "spec": {"template": template}
    });
    let status = json!({"startTime": "2026-01-01T00:00:00Z", "active": 1});
    let world = World::new("broken-job").await;
    let target = world.target();
    let object = world.object(job);
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    world.admin.merge(&world.uri("jobs.batch", "web/status"), &json!({"status": status})).await;
    let live = world.admin.get(&world.uri("jobs.batch", "web")).await.unwrap();
    let spec = &live["spec"]["template"]["spec"];
    let pod = |name: &str| {
        let mut metadata = controlled(&live, "batch/v1", "Job", name);
        metadata["labels"] = live["spec"]["template"]["metadata"]["labels"].clone();
        metadata
    };
    world.admin.post(&world.uri("pods", ""), &json!({"metadata": pod("web-1"), "spec": spec})).await;
    let failed = json!({"status": {"phase": "Failed"}});
    world.admin.merge(&world.uri("pods", "web-1/status"), &failed).await;
    let early = ready(&target, &world.cx.within(Duration::from_secs(1)), &object.key, &applied).await;
    assert!(matches!(early, Readiness::Progressing(_)), "a job makes another pod: {early:?}");
    let cx = world.cx.within(Duration::from_secs(60));
    let (waiting, second) = (ready(&target, &cx, &object.key, &applied), pod("web-2"));
    let (found, ()) = tokio::join!(waiting, pod_without_image(&world, &second, spec));
    let why = "its pod web-2: the container web is in ImagePullBackOff".to_owned();
    assert_eq!(found, Readiness::Failed(why));
}
