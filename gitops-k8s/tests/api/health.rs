use std::sync::Arc;
use std::time::Duration;

use gitops_core::capability::Readiness;
use gitops_core::gate::cel::Expression;
use gitops_core::{Applied, Clock, Cx, GroupKind, Key, System, Target, Time, async_trait};
use gitops_k8s::{HealthRule, Kubernetes};
use serde_json::{Value as Json, json};

use crate::support::{World, create, define, definition, delete, deployment, update};

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

/// A kind `Thing` of a group of the world's own, with a status or without. No controller knows it: tests write its status.
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
    // Who looks long after is told so without a wait.
    let later = Cx::new(Arc::new(Ahead), Arc::new(System));
    let looked = target.health().unwrap().look(&later, std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(looked[&key], unproven);
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

/// What the pods of a workload do: see the stages of the testbed.
fn template(does: &Json) -> Json {
    json!({
        "metadata": {"labels": {"app": "web"}, "annotations": does},
        "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}
    })
}

fn without_image() -> Json {
    json!({"testbed/does": "wait", "testbed/reason": "ImagePullBackOff"})
}

fn hangs() -> Json {
    json!({"testbed/does": "hang"})
}

fn is_of_a_pod_without_image(readiness: &Readiness) -> bool {
    let Readiness::Failed(why) = readiness else { return false };
    why.starts_with("its pod web-") && why.ends_with(": the container web is in ImagePullBackOff")
}

/// A workload whose pods can't get their image fails by them, for who waits and for who does not.
async fn fails_by_its_pods(world: &World, workload: Json) {
    let (target, object) = (world.target(), world.object(workload));
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let minute = world.cx.within(Duration::from_secs(60));
    let found = ready(&target, &minute, &object.key, &applied).await;
    assert!(is_of_a_pod_without_image(&found), "{found:?}");
    let looked = target.health().unwrap().look(&world.cx, std::slice::from_ref(&object.key)).await.unwrap();
    assert!(is_of_a_pod_without_image(&looked[&object.key]), "{looked:?}");
}

/// The same; one of which only a pod of an earlier state can't get it does not fail.
async fn fails_by_its_present_pods(name: &str, workload: impl Fn(Json) -> Json) {
    let world = World::controlled(name).await;
    fails_by_its_pods(&world, workload(template(&without_image()))).await;
    let target = world.target();
    let object = world.object(workload(template(&hangs())));
    let live = world.observe(&target, &object.key).await.unwrap();
    let applied = target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
    let early = ready(&target, &world.cx.within(Duration::from_secs(1)), &object.key, &applied).await;
    assert!(!matches!(early, Readiness::Failed(_)), "{early:?}");
    let looked = target.health().unwrap().look(&world.cx, std::slice::from_ref(&object.key)).await.unwrap();
    assert!(!matches!(looked[&object.key], Readiness::Failed(_)), "{looked:?}");
    let pods = world.admin.get(&world.uri("pods", "")).await.unwrap();
    let mut reasons = pods["items"].as_array().unwrap().iter().map(|pod| pod["status"].to_string());
    assert!(reasons.any(|status| status.contains("ImagePullBackOff")), "the earlier pod is there: {pods}");
}

#[tokio::test]
async fn a_broken_pod_of_the_present_revision_fails_its_deployment_and_an_older_one_does_not() {
    // The controller keeps the one pod of the earlier revision until one of the new revision is ready.
    fails_by_its_present_pods("broken", |template| {
        let mut deployment = deployment("web", 1, "nginx:1");
        deployment["spec"]["template"] = template;
        deployment
    })
    .await;
}

#[tokio::test]
async fn a_broken_pod_of_the_present_revision_fails_its_stateful_set() {
    // The controller touches no pod of an earlier revision that is not ready.
    fails_by_its_present_pods("broken-set", |template| {
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"},
            "spec": {"serviceName": "web", "selector": {"matchLabels": {"app": "web"}}, "template": template}
        })
    })
    .await;
}

fn daemon_set(template: &Json) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    })
}

#[tokio::test]
async fn a_broken_pod_of_the_present_template_fails_its_daemon_set() {
    let world = World::controlled("broken-daemon").await;
    fails_by_its_pods(&world, daemon_set(&template(&without_image()))).await;
}

/// Status and pod are written here: the controller takes a pod of an earlier template that is not ready away at once.
#[tokio::test]
async fn a_broken_pod_of_an_earlier_template_does_not_fail_its_daemon_set() {
    let world = World::new("earlier-daemon").await;
    let (target, object) = (world.target(), world.object(daemon_set(&template(&hangs()))));
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let uri = world.uri("daemonsets.apps", "web");
    let status = json!({"currentNumberScheduled": 1, "desiredNumberScheduled": 1, "numberMisscheduled": 0,
        "numberReady": 0, "observedGeneration": 1});
    let live = world.admin.merge(&format!("{uri}/status"), &json!({"status": status})).await;
    let owner = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "web", "uid": live["metadata"]["uid"],
        "controller": true});
    let waiting = json!({"name": "web", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff"}}});
    for (generation, is_of_now) in [("0", false), ("1", true)] {
        let (name, labels) =
            (format!("web-{generation}"), json!({"app": "web", "pod-template-generation": generation}));
        let metadata = json!({"name": name, "ownerReferences": [owner], "labels": labels});
        let pod = json!({"metadata": metadata, "spec": live["spec"]["template"]["spec"]});
        world.admin.post(&world.uri("pods", ""), &pod).await;
        let status = json!({"status": {"phase": "Pending", "containerStatuses": [waiting]}});
        world.admin.merge(&world.uri("pods", &format!("{name}/status")), &status).await;
        let found = ready(&target, &world.cx.within(Duration::from_secs(1)), &object.key, &applied).await;
        assert_eq!(is_of_a_pod_without_image(&found), is_of_now, "{found:?}");
    }
}

#[tokio::test]
async fn a_pod_that_can_not_start_fails_its_job() {
    let world = World::controlled("broken-job").await;
    let target = world.target();
    let job = |name: &str, does: &Json| {
        let mut template = template(does);
        template["spec"]["restartPolicy"] = json!("Never");
        let metadata = json!({"name": name});
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}})
    };
    let object = world.object(job("again", &json!({"testbed/does": "fail"})));
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let pods = world.uri("pods", "");
    while !world.admin.get(&pods).await.unwrap().to_string().contains(r#""phase":"Failed""#) {}
    let early = ready(&target, &world.cx.within(Duration::from_secs(1)), &object.key, &applied).await;
    assert!(matches!(early, Readiness::Progressing(_)), "a job makes another pod: {early:?}");
    let object = world.object(job("web", &without_image()));
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let found = ready(&target, &world.cx.within(Duration::from_secs(60)), &object.key, &applied).await;
    assert!(is_of_a_pod_without_image(&found), "{found:?}");
}
