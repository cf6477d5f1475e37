use gitops_core::{Applied, Options, Report, Target};
use serde_json::{Value as Json, json};

use super::clients::{Kept, is_quiet};
use crate::engine::builder;
use crate::support::{Files, World, deployment};

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use testbed::User;

/// Applies as a person does who has done so for years: on the client's side.
fn kubectl_apply(world: &World, body: &Json) {
    kubectl(world, &["apply"], body);
}

pub fn kubectl(world: &World, verb: &[&str], body: &Json) {
    let folder = tempfile::tempdir().unwrap();
    let [config, file] = ["config", "object.json"].map(|name| folder.path().join(name));
    std::fs::write(&config, world.server().kubeconfig(User::Admin)).unwrap();
    std::fs::write(&file, body.to_string()).unwrap();
    let mut kubectl = Command::new("kubectl");
    kubectl
        .arg("--kubeconfig")
        .arg(&config)
        .args(["--namespace", &world.namespace])
        .args(verb)
        .arg("-f")
        .arg(&file);
    let output = kubectl.env("HOME", folder.path()).output().expect("`kubectl` is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Adopts what is declared, and goes on until nothing is to be done.
async fn adopt(world: &World, body: &Json) -> Vec<Report> {
    let files = Files::default();
    files.declare([("object", body.clone())]);
    let target = Arc::new(world.target());
    let builder = builder(world, &files, &target, Duration::from_millis(300));
    let mut engine = builder.options(Options::default().adopt(true)).open(&world.cx).await.unwrap();
    let mut reports = Vec::new();
    for _ in 0..4 {
        let report = engine.reconcile(&world.cx).await.unwrap();
        assert!(report.plan.blocked.is_empty(), "{:?}", report.plan.blocked);
        if report.plan.is_empty() {
            return reports;
        }
        reports.push(report);
    }
    panic!("it does not come to rest: {reports:?}");
}

fn scaler(api_version: &str, spec: Json) -> Json {
    json!({
        "apiVersion": api_version, "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "labels": {"kept": "1"}}, "spec": spec
    })
}

fn target() -> Json {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"})
}

/// Where people met it: autoscalers that were applied as `autoscaling/v1` for years, and are declared as v2 in Git.
#[tokio::test]
async fn fields_of_kubectl_in_another_version_of_the_kind_go_when_they_are_not_declared() {
    let world = World::new("adopt-version").await;
    let mut old = scaler(
        "autoscaling/v1",
        json!({
            "scaleTargetRef": target(), "minReplicas": 3, "maxReplicas": 9, "targetCPUUtilizationPercentage": 50
        }),
    );
    old["metadata"]["labels"]["old"] = json!("1");
    kubectl_apply(&world, &old);
    let mut theirs = scaler("autoscaling/v1", Json::Null);
    theirs["metadata"]["labels"] = json!({"theirs": "1"});
    theirs.as_object_mut().unwrap().remove("spec");
    let uri = format!("/apis/autoscaling/v1/namespaces/{}/horizontalpodautoscalers/web", world.namespace);
    world.admin.apply(&uri, "robot", &theirs).await;
    let declared = scaler(
        "autoscaling/v2",
        json!({
            "scaleTargetRef": target(), "maxReplicas": 7,
            "metrics": [{"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 60}}}]
        }),
    );
    adopt(&world, &declared).await;
    let uri = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers/web", world.namespace);
    let live = world.admin.get(&uri).await.unwrap();
    assert_eq!(live["spec"]["maxReplicas"], 7);
    assert_eq!(live["spec"]["minReplicas"], 1, "what is not declared has its default again");
    assert_eq!(live["spec"]["metrics"], declared["spec"]["metrics"]);
    assert_eq!(live["metadata"]["labels"]["old"], Json::Null);
    let managers = live["metadata"]["managedFields"].as_array().unwrap();
    let mut managers: Vec<_> =
        managers.iter().map(|entry| (entry["manager"].as_str(), entry["apiVersion"].as_str())).collect();
    managers.sort_unstable();
    let ours = (Some("gitops:shop"), Some("autoscaling/v2"));
    assert_eq!(managers, [ours, (Some("robot"), Some("autoscaling/v1"))]);
    assert_eq!(live["metadata"]["labels"]["theirs"], "1");
    let last = "kubectl.kubernetes.io/last-applied-configuration";
    assert_eq!(live["metadata"]["annotations"][last], Json::Null);
}

/// Where people met it: our state was lost with our label, and the object is adopted again in a newer version of its kind: what we
/// wrote in the older one is ours, beside what a person applied in it.
#[tokio::test]
async fn what_we_wrote_in_another_version_goes_when_it_is_not_declared() {
    let world = World::new("adopt-own").await;
    let spec = |minimum: Json| json!({"scaleTargetRef": target(), "minReplicas": minimum, "maxReplicas": 9});
    adopt(&world, &scaler("autoscaling/v1", spec(json!(3)))).await;
    let mut theirs = scaler("autoscaling/v1", json!({"scaleTargetRef": target(), "maxReplicas": 9}));
    theirs["metadata"]["labels"]["old"] = json!("1");
    kubectl_apply(&world, &theirs);
    let uri = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers/web", world.namespace);
    let without = json!({"metadata": {"annotations": {"gitops/owner": null}}});
    world.admin.merge(&format!("{uri}?fieldManager=kubectl-annotate"), &without).await;
    let mut declared = scaler("autoscaling/v2", spec(Json::Null));
    declared["spec"].as_object_mut().unwrap().remove("minReplicas");
    adopt(&world, &declared).await;
    let live = world.admin.get(&uri).await.unwrap();
    assert_eq!(live["spec"]["minReplicas"], 1, "what is not declared has its default again");
    assert_eq!(live["metadata"]["labels"]["old"], Json::Null);
    let managers = live["metadata"]["managedFields"].as_array().unwrap();
    let ours = managers.iter().filter(|entry| entry["manager"] == "gitops:shop");
    assert_eq!(ours.map(|entry| entry["apiVersion"].as_str()).collect::<Vec<_>>(), [Some("autoscaling/v2")]);
}

/// Where people met it: a tool that clears the record of owners; only the annotation says what was applied.
#[tokio::test]
async fn what_only_the_last_applied_configuration_knows_of_goes_when_it_is_not_declared() {
    let world = World::new("adopt-cleared").await;
    let config = |data: Json| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
    kubectl_apply(&world, &config(json!({"x": "1", "old": "1"})));
    let uri = world.uri("configmaps", "a");
    world.admin.merge(&uri, &json!({"data": {"theirs": "1"}})).await;
    world.admin.merge(&uri, &json!({"metadata": {"managedFields": [{}]}})).await;
    let cleared = world.admin.get(&uri).await.unwrap();
    assert_eq!(cleared["metadata"]["managedFields"], Json::Null);
    adopt(&world, &config(json!({"x": "2"}))).await;
    let live = world.admin.get(&uri).await.unwrap();
    assert_eq!(live["data"], json!({"x": "2", "theirs": "1"}), "what nobody applied is somebody else's");
}

/// Where people met it: what an infrastructure tool made was adopted as it was, and no later change of it came through.
#[tokio::test]
async fn what_an_unknown_client_made_is_changed_after_its_adoption() {
    let world = World::new("adopted-made").await;
    let map = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": value}});
    let uri = world.uri("configmaps", "");
    world.admin.post(&format!("{}?fieldManager=some-provider", uri.trim_end_matches('/')), &map("old")).await;
    let (files, target) = (Files::default(), Arc::new(world.target()));
    files.declare([("object", map("old"))]);
    let builder = builder(&world, &files, &target, Duration::from_millis(300));
    let mut engine = builder.options(Options::default().adopt(true)).open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    assert!(engine.reconcile(&world.cx).await.unwrap().plan.is_empty());
    files.declare([("object", map("new"))]);
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), report.plan.blocked.len()), (1, 0), "{report:?}");
    let live = world.admin.get(&world.uri("configmaps", "a")).await.unwrap();
    assert_eq!(live["data"]["key"], "new");
}

#[tokio::test]
async fn what_an_unknown_client_made_is_changed_by_the_process_after_its_adoption() {
    let world = World::new("adopted-later").await;
    let map = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": value}});
    let uri = world.uri("configmaps", "");
    world.admin.post(&format!("{}?fieldManager=some-provider", uri.trim_end_matches('/')), &map("old")).await;
    let (kept, files) = (Kept::default(), Files::default());
    files.declare([("object", map("old"))]);
    let mut adopting = kept.process(&world, &files, Options::default().adopt(true)).await;
    assert_eq!(adopting.reconcile(&world.cx).await.unwrap().applied(), 1);
    drop(adopting);
    files.declare([("object", map("new"))]);
    // Nobody asks for an adoption any more: it is ours.
    let mut process = kept.process(&world, &files, Options::default()).await;
    let report = process.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), report.plan.blocked.len()), (1, 0), "{report:?}");
    assert_eq!(world.admin.get(&world.uri("configmaps", "a")).await.unwrap()["data"]["key"], "new");
    assert!(process.reconcile(&world.cx).await.unwrap().plan.is_empty());
}

/// Where people met it: on the way from `kubectl apply`, the plan quoted the annotation in which it remembers all of a Secret.
#[tokio::test]
async fn what_kubectl_remembers_of_a_secret_is_shown_nowhere() {
    let world = World::new("adopt-secret").await;
    let secret = |name: &str, data: Json, annotations: Json| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "annotations": annotations}, "stringData": data
        })
    };
    kubectl_apply(&world, &secret("a", json!({"pw": "hunter2secret", "gone": "hunter3secret"}), json!({})));
    let report = adopt(&world, &secret("a", json!({"pw": "hunter4secret"}), json!({}))).await;
    let shown = serde_json::to_string(&report[0].plan).unwrap() + &format!("{report:?}");
    assert!(report[0].plan.steps.iter().any(|step| !step.diff.is_empty()), "{shown}");
    assert!(!shown.contains("/metadata/annotations"), "no annotation goes but the memory: {shown}");
    for secret in ["hunter", "aHVudGVy"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    // Other annotations are shown.
    kubectl_apply(&world, &secret("b", json!({"pw": "hunter5secret"}), json!({"mine": "1"})));
    let report = adopt(&world, &secret("b", json!({"pw": "hunter4secret"}), json!({"mine": "2"}))).await;
    let shown = serde_json::to_string(&report[0].plan).unwrap() + &format!("{report:?}");
    assert!(shown.contains("/metadata/annotations/mine"), "{shown}");
    assert!(!shown.contains("hunter"), "{shown}");
    // Other tools remember under other names: what nobody declares is shown by its name alone.
    let memory = json!({"kapp.k14s.io/original": "{\"stringData\":{\"pw\":\"hunter6secret\"}}", "mine": "1"});
    let mut object = secret("c", json!({"pw": "hunter6secret"}), memory);
    object["metadata"]["labels"] = json!({"noted": "hunter6secret"});
    kubectl_apply(&world, &object);
    let report = adopt(&world, &secret("c", json!({"pw": "hunter7secret"}), json!({"mine": "2"}))).await;
    let shown = serde_json::to_string(&report[0].plan).unwrap() + &format!("{report:?}");
    assert!(shown.contains("original") && shown.contains("noted") && shown.contains("mine"), "{shown}");
    assert!(!shown.contains("hunter"), "{shown}");
}

/// Where people met it: each deployment that `kubectl apply` had made failed at the first apply, for its controller writes its status
/// after each write of an annotation; and the plan listed all defaults as removed.
#[tokio::test]
async fn what_kubectl_applied_is_adopted_at_once_beside_its_controller() {
    let world = World::controlled("adopt-beside").await;
    let (kept, files) = (Kept::default(), Files::default());
    let mut old = deployment("web", 2, "nginx:1");
    old["metadata"]["labels"] = json!({"old": "1"});
    kubectl_apply(&world, &old);
    let (target, key) = (world.target(), world.key("Deployment.apps", "web"));
    let live = world.observe(&target, &key).await.unwrap();
    let cx = world.cx.within(Duration::from_secs(60));
    target.health().unwrap().ready(&cx, &key, &Applied::from(&live)).await.unwrap();
    files.declare([("web", deployment("web", 2, "nginx:2"))]);
    let mut process =
        kept.patient(&world, &files, Options::default().adopt(true), Duration::from_secs(60)).await;
    let plan = process.plan(&world.cx).await.unwrap();
    let mut shown: Vec<&str> = plan.steps[0]
        .diff
        .fields()
        .iter()
        .map(|field| &*field.path)
        .filter(|path| !path.contains("last-applied"))
        .collect();
    shown.sort_unstable();
    let image = "/spec/template/spec/containers/name=web/image";
    assert_eq!(shown, ["/metadata/labels/old", "/metadata/managedFields", image], "no default goes");
    let report = process.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), report.failed()), (1, 0), "{report:?}");
    let live = world.admin.get(&world.uri("deployments.apps", "web")).await.unwrap();
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");
    assert_eq!(live["metadata"]["labels"]["old"], Json::Null);
    assert!(is_quiet(&process.reconcile(&world.cx).await.unwrap()));
    drop(process);
    let mut process = kept.process(&world, &files, Options::default()).await;
    assert!(is_quiet(&process.reconcile(&world.cx).await.unwrap()));
}

/// Where people met it: a namespace was restored from a backup, and each object of it "declares `gitops/owner` itself".
#[tokio::test]
async fn what_a_backup_brought_back_is_adopted_at_once() {
    let world = World::new("adopt-restored").await;
    let (kept, files) = (Kept::default(), Files::default());
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": "1"}});
    files.declare([("object", map)]);
    let mut process = kept.process(&world, &files, Options::default()).await;
    assert_eq!(process.reconcile(&world.cx).await.unwrap().applied(), 1);
    let uri = world.uri("configmaps", "a");
    let mut dump = world.admin.get(&uri).await.unwrap();
    world.admin.delete(&uri).await;
    for name in ["resourceVersion", "uid", "managedFields", "creationTimestamp"] {
        dump["metadata"].as_object_mut().unwrap().remove(name);
    }
    dump["data"]["gone"] = json!("1");
    kubectl(&world, &["create"], &dump);
    assert_eq!(process.reconcile(&world.cx).await.unwrap().plan.blocked.len(), 1, "nobody asked for it yet");
    drop(process);
    let mut process = kept.process(&world, &files, Options::default().adopt(true)).await;
    let report = process.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), report.failed(), report.plan.blocked.len()), (1, 0, 0), "{report:?}");
    let shown = format!("{:?}", report.plan.steps[0].diff);
    assert!(shown.contains("/data/gone") && !shown.contains("gitops~1owner"), "{shown}");
    assert_eq!(world.admin.get(&uri).await.unwrap()["data"], json!({"key": "1"}));
    assert!(is_quiet(&process.reconcile(&world.cx).await.unwrap()));
}

/// Where people met it: a password that was taken out of Git lived on in a Secret that another tool had applied with `stringData`.
#[tokio::test]
async fn keys_of_a_secret_that_another_tool_wrote_as_text_go_when_they_are_not_declared() {
    let world = World::new("adopt-text").await;
    let secret = |data: Json| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": data});
    let both = secret(json!({"pw": "hunter1", "gone": "hunter2"}));
    kubectl(&world, &["apply", "--server-side", "--field-manager=argocd-controller"], &both);
    let reports = adopt(&world, &secret(json!({"pw": "hunter3"}))).await;
    let shown = format!("{:?}", reports[0].plan.steps[0].diff);
    assert!(shown.contains("/data/gone") && !shown.contains("hunter"), "{shown}");
    assert_eq!((reports.len(), reports[0].failed()), (1, 0), "{reports:?}");
    let live = world.admin.get(&world.uri("secrets", "a")).await.unwrap();
    assert_eq!(live["data"], json!({"pw": "aHVudGVyMw=="}));
}

/// Where people met it: a Service whose port has another number in Git was blocked for good. Before the adoption a dry run has both
/// ports, and no server takes two of one name, or two without a name.
#[tokio::test]
async fn a_service_whose_port_has_another_number_in_git_is_adopted_at_once() {
    let world = World::new("adopt-ports").await;
    let service = |name: &str, ports: &Json| {
        let spec = json!({"selector": {"app": "web"}, "ports": ports});
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
    };
    let cases = [
        ("plain", json!([{"port": 80}]), json!([{"port": 8080}])),
        ("named", json!([{"name": "http", "port": 80}]), json!([{"name": "http", "port": 81}])),
        (
            "second",
            json!([{"name": "tls", "port": 443}, {"name": "http", "port": 80}]),
            json!([{"name": "tls", "port": 443}, {"name": "http", "port": 81, "targetPort": 8080}]),
        ),
    ];
    for (name, old, new) in &cases {
        for (by, verb) in [("client", &["apply"][..]), ("server", &["apply", "--server-side"])] {
            let name = format!("{name}-{by}");
            kubectl(&world, verb, &service(&name, old));
            let reports = adopt(&world, &service(&name, new)).await;
            assert_eq!((reports.len(), reports[0].failed()), (1, 0), "{name}: {reports:?}");
            let diff = &reports[0].plan.steps[0].diff;
            let shown = diff.fields().iter().filter(|field| field.path.starts_with("/spec/"));
            let shown: Vec<_> = shown.map(|field| (field.before.is_some(), field.after.is_some())).collect();
            assert_eq!(shown, [(true, false), (false, true)], "{name}: what goes and what comes: {diff:?}");
            let live = world.admin.get(&world.uri("services", &name)).await.unwrap();
            let numbers = |ports: &Json| {
                ports.as_array().unwrap().iter().map(|port| port["port"].clone()).collect::<Vec<_>>()
            };
            assert_eq!(numbers(&live["spec"]["ports"]), numbers(new), "{name}");
        }
    }
}
