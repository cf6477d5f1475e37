//! Hooks: what runs once, and what waits for its end.

use std::time::Duration;

use gitops_core::{ApplyOptions, Engine, Report, StepOutcome};
use serde_json::{Value as Json, json};

use crate::support::{Files, World};
use crate::whole::engine;

/// How long is waited for what does not end.
const SHORT: Duration = Duration::from_secs(2);

fn config_map(value: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": value}})
}

fn pod() -> Json {
    json!({"restartPolicy": "Never", "containers": [{"name": "run", "image": "busybox:1"}]})
}

/// A job that runs before all ordinary objects.
fn hook(spec: &Json) -> Json {
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "migrate", "annotations": {"argocd.argoproj.io/hook": "PreSync"}},
        "spec": {"backoffLimit": 0, "template": {"spec": pod()}}
    });
    job["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    job
}

async fn apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap()
}

/// Applies, finds that what the hook holds up is not made, and gives all reasons.
async fn is_held_up(world: &World, engine: &mut Engine) -> String {
    let report = apply(world, engine).await;
    assert_eq!(world.admin.get(&world.uri("configmaps", "a")).await, None);
    assert!(!report.is_converged(), "{report:?}");
    format!("{report:?}")
}

async fn until(world: &World, uri: &str, is_so: impl Fn(&Option<Json>) -> bool) {
    while !is_so(&world.admin.get(uri).await) {
        tokio::task::yield_now().await;
    }
}

/// People saw a migration run six times in 25 seconds: the server removed the finished job, and that was taken for drift.
#[tokio::test]
async fn a_hook_job_that_its_time_to_live_removed_is_finished_and_does_not_run_again() {
    let world = World::controlled("ttl").await;
    let files = Files::default();
    let job = hook(&json!({"ttlSecondsAfterFinished": 1}));
    files.declare([("a.json", config_map("1")), ("job.json", job.clone())]);
    let mut engine = engine(&world, &files, Duration::from_secs(60)).await;
    let report = apply(&world, &mut engine).await;
    assert!(report.results.iter().all(|result| result.outcome == StepOutcome::Done), "{report:?}");
    until(&world, &world.uri("jobs.batch", "migrate"), Option::is_none).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(plan.steps.is_empty() && plan.blocked.is_empty() && plan.drift.is_empty(), "{plan:?}");
    files.declare([("a.json", config_map("2")), ("job.json", job)]);
    assert_eq!(apply(&world, &mut engine).await.applied(), 1, "what comes after it goes on");
    let runs =
        world.requests().iter().filter(|request| request.writes() && request.uri.contains("/jobs/")).count();
    assert_eq!(runs, 1);
}

/// People ran a long task as a bare pod: it counted as finished when it was ready.
#[tokio::test]
async fn a_pod_that_is_a_hook_is_finished_when_it_ends() {
    let world = World::controlled("pod-hook").await;
    let files = Files::default();
    let annotations = json!({"argocd.argoproj.io/hook": "PreSync"});
    let task = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "task", "annotations": annotations}, "spec": pod()});
    files.declare([("a.json", config_map("1")), ("pod.json", task)]);
    let mut engine = engine(&world, &files, SHORT).await;
    is_held_up(&world, &mut engine).await;
    let why = is_held_up(&world, &mut engine).await;
    assert!(why.contains("the pod has not finished"), "{why}");
    let uri = world.uri("pods", "task");
    world.admin.merge(&uri, &json!({"metadata": {"annotations": {"testbed/does": "complete"}}})).await;
    until(&world, &uri, |pod| pod.as_ref().is_some_and(|pod| pod["status"]["phase"] == "Succeeded")).await;
    apply(&world, &mut engine).await;
    assert!(world.admin.get(&world.uri("configmaps", "a")).await.is_some());
}

/// People suspend a migration to look at it first.
#[tokio::test]
async fn a_suspended_job_that_is_a_hook_is_not_finished() {
    let world = World::controlled("suspended").await;
    let files = Files::default();
    files.declare([("a.json", config_map("1")), ("job.json", hook(&json!({"suspend": true})))]);
    let mut engine = engine(&world, &files, Duration::from_secs(60)).await;
    is_held_up(&world, &mut engine).await;
    let why = is_held_up(&world, &mut engine).await;
    assert!(why.contains("it is suspended by its spec.suspend"), "{why}");
    files.declare([("a.json", config_map("1")), ("job.json", hook(&json!({"suspend": false})))]);
    apply(&world, &mut engine).await;
    assert!(world.admin.get(&world.uri("configmaps", "a")).await.is_some());
}

/// People saw finished jobs of charts stay for ever, though their delete policy said otherwise.
#[tokio::test]
async fn hooks_go_as_their_delete_policy_says_and_do_not_run_again() {
    let world = World::controlled("policy").await;
    let files = Files::default();
    let marked = |mut object: Json, hook: &str| {
        let owner_labels = json!({"helm.sh/hook": hook, "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"});
        object["metadata"]["annotations"] = owner_labels;
        object
    };
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "runs"}});
    let account = marked(account, "pre-install,pre-upgrade,post-install,post-upgrade");
    let job = marked(hook(&json!({})), "pre-install,pre-upgrade");
    let declare = |value: &str| {
        files.declare([
            ("a.json", config_map(value)),
            ("account.json", account.clone()),
            ("job.json", job.clone()),
        ]);
    };
    declare("1");
    let mut engine = engine(&world, &files, Duration::from_secs(60)).await;
    let report = apply(&world, &mut engine).await;
    assert!(report.results.iter().all(|result| result.outcome == StepOutcome::Done), "{report:?}");
    let plan = engine.plan(&world.cx).await.unwrap();
    let reasons: Vec<String> =
        plan.steps.iter().map(|step| format!("{} {}", step.action, step.key.name())).collect();
    assert_eq!(reasons, ["delete runs", "delete migrate"], "{plan:?}");
    apply(&world, &mut engine).await;
    for uri in [world.uri("jobs.batch", "migrate"), world.uri("serviceaccounts", "runs")] {
        until(&world, &uri, Option::is_none).await;
    }
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(plan.steps.is_empty() && plan.blocked.is_empty() && plan.drift.is_empty(), "{plan:?}");
    declare("2");
    assert_eq!(apply(&world, &mut engine).await.applied(), 1, "the hooks ran, and do not run again");
    assert!(world.admin.get(&world.uri("jobs.batch", "migrate")).await.is_none());
}

/// The pods of the job, as the server has them.
async fn pods(world: &World) -> Vec<Json> {
    let uri = format!("/api/v1/namespaces/{}/pods?labelSelector=job-name%3Dmigrate", world.namespace);
    let list = world.admin.get(&uri).await.unwrap();
    list["items"].as_array().cloned().unwrap_or_default()
}

/// Lets the pod of the job do something else.
async fn let_pod(world: &World, does: &str) {
    let pod = loop {
        if let Some(pod) = pods(world).await.pop() {
            break pod;
        }
        tokio::task::yield_now().await;
    };
    let uri = world.uri("pods", pod["metadata"]["name"].as_str().unwrap());
    world.admin.merge(&uri, &json!({"metadata": {"annotations": {"testbed/does": does}}})).await;
}

/// People lost a migration in the middle: the registry was away for a moment, and their hook was deleted once it had failed.
#[tokio::test]
async fn a_hook_whose_image_came_late_is_not_deleted_while_it_runs() {
    let world = World::controlled("late-image").await;
    let files = Files::default();
    let mut job = hook(&json!({}));
    job["metadata"]["annotations"] =
        json!({"helm.sh/hook": "post-install", "helm.sh/hook-delete-policy": "hook-failed"});
    job["spec"]["template"]["metadata"] =
        json!({"annotations": {"testbed/does": "wait", "testbed/reason": "ErrImagePull"}});
    files.declare([("a.json", config_map("1")), ("job.json", job)]);
    let mut engine = engine(&world, &files, Duration::from_secs(60)).await;
    let why = format!("{:?}", apply(&world, &mut engine).await);
    assert!(why.contains("its pod migrate-") && why.contains("ErrImagePull"), "{why}");

    let_pod(&world, "go-on").await;
    for _ in 0..2 {
        let report = apply(&world, &mut engine).await;
        assert!(report.results.is_empty(), "it runs: {report:?}");
    }
    let_pod(&world, "complete").await;
    let uri = world.uri("jobs.batch", "migrate");
    let is_over =
        |job: &Option<Json>| job.as_ref().is_some_and(|job| !job["status"]["completionTime"].is_null());
    until(&world, &uri, is_over).await;
    let report = apply(&world, &mut engine).await;
    assert!(report.is_converged() && report.results.is_empty(), "{report:?}");
    assert!(world.admin.get(&uri).await.is_some(), "only a failed one is deleted");
}

/// People upgraded, and the second migration hung: the account that it runs as had gone with the first.
#[tokio::test]
async fn the_account_of_a_hook_is_made_again_with_the_next_run() {
    let world = World::controlled("account").await;
    let files = Files::default();
    let marked = |mut object: Json, hook: &str| {
        object["metadata"]["annotations"] = json!({"helm.sh/hook": hook, "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"});
        object
    };
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "runs"}});
    let account = marked(account, "pre-install,pre-upgrade,post-install,post-upgrade");
    // The server takes no pod whose account is not there; and not every right that a job needs is one that it names.
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "runs"}, "rules": []});
    let role = marked(role, "pre-install,pre-upgrade");
    let declare = |image: &str| {
        let mut job = marked(hook(&json!({})), "pre-install,pre-upgrade");
        job["spec"]["template"]["spec"]["serviceAccountName"] = json!("runs");
        job["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        files.declare([
            ("a.json", config_map("1")),
            ("account.json", account.clone()),
            ("job.json", job),
            ("role.json", role.clone()),
        ]);
    };
    let mut engine = engine(&world, &files, Duration::from_secs(60)).await;
    for image in ["busybox:1", "busybox:2"] {
        declare(image);
        let report = apply(&world, &mut engine).await;
        let is_done = |result: &gitops_core::StepResult| result.outcome == StepOutcome::Done;
        assert!(report.is_converged() && report.results.iter().all(is_done), "{report:?}");
        let report = apply(&world, &mut engine).await;
        let gone: Vec<&str> = report.results.iter().map(|result| result.key.name()).collect();
        assert_eq!(gone, ["runs", "migrate", "runs"], "{report:?}");
        let plan = engine.plan(&world.cx).await.unwrap();
        assert!(plan.steps.is_empty() && plan.blocked.is_empty(), "{plan:?}");
    }
}

/// People lost the end of a slow migration with a short time to live: it ended and went between two looks, and blocked all that
/// came after it although it had succeeded.
#[tokio::test]
async fn the_end_of_a_job_that_goes_at_once_is_heard_by_who_watches() {
    let world = World::controlled("heard").await;
    let files = Files::default();
    let mut job = hook(&json!({"ttlSecondsAfterFinished": 0}));
    job["spec"]["template"]["metadata"] = json!({"annotations": {"testbed/does": "go-on"}});
    files.declare([("a.json", config_map("1")), ("job.json", job)]);
    let mut engine = engine(&world, &files, SHORT).await;
    let handle = engine.handle();
    let (cx, uri) = (world.cx.clone(), world.uri("configmaps", "a"));
    // Nothing but what is heard wakes it.
    let run = engine.run(&cx, Duration::from_secs(3600));
    let work = async {
        let mut status = handle.status();
        status.wait_for(|status| status.last.is_some()).await.unwrap();
        assert_eq!(world.admin.get(&uri).await, None);
        let_pod(&world, "complete").await;
        until(&world, &uri, Option::is_some).await;
        cx.cancel();
    };
    let (ran, ()) = tokio::join!(Box::pin(run), work);
    ran.unwrap();
}
