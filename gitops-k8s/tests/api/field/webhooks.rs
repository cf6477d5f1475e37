//! What the API server calls, in files of their own.

use std::time::Duration;

use gitops_core::{Action, ApplyOptions, BlockedBecause, Engine, GroupKind, Key, Plan};
use serde_json::{Value as Json, json};

use super::clients::Kept;
use crate::support::{Files, World, deployment};
use crate::whole::engine;

/// A service, the workloads that it may select, and a webhook that is called through it, each in its file.
fn files(world: &World, selected: &str) -> Vec<(String, String)> {
    let workload = |name: &str| {
        let mut workload = deployment(name, 1, "hook:1");
        for place in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
            *workload.pointer_mut(place).unwrap() = json!({"app": name, "part": "of-hook"});
        }
        workload
    };
    let selector = json!({"app": selected, "part": "of-hook"});
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook"},
        "spec": {"selector": selector, "ports": [{"port": 443}]}
    });
    let called = json!({"service": {"name": "hook", "namespace": world.namespace}});
    let rule = json!({"apiGroups": ["nobody.example"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["none"]});
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": world.namespace},
        "webhooks": [{
            "name": "hook.nobody.example", "clientConfig": called, "rules": [rule], "failurePolicy": "Fail",
            "sideEffects": "None", "admissionReviewVersions": ["v1"]
        }]
    });
    let all = [
        ("a-hook", webhook),
        ("deployment-1", workload("one")),
        ("deployment-2", workload("two")),
        ("service", service),
    ];
    all.map(|(name, object): (_, Json)| (format!("{name}.yaml"), object.to_string())).into()
}

async fn apply(world: &World, engine: &mut Engine) -> Plan {
    let plan = engine.plan(&world.cx).await.unwrap();
    let report = engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    assert!(report.is_converged(), "{report:?}");
    report.plan
}

/// People split the file of a webhook, and with the next commit the webhook was there before anything answered.
#[tokio::test]
async fn a_webhook_waits_for_the_workloads_behind_its_service_whatever_file_they_are_in() {
    let world = World::controlled("split").await;
    let hook = GroupKind::new("admissionregistration.k8s.io", "ValidatingWebhookConfiguration");
    let hook = Key::new("k", hook, "", world.namespace.as_str());
    let workload =
        |name: &str| Key::new("k", GroupKind::new("apps", "Deployment"), world.namespace.as_str(), name);
    let service = Key::new("k", GroupKind::new("", "Service"), world.namespace.as_str(), "hook");
    let sources = Files::default();
    sources.declare_texts(files(&world, "one"));
    let mut engine = engine(&world, &sources, Duration::from_secs(60)).await;
    let made = apply(&world, &mut engine).await;
    assert_eq!(made.step(&hook).unwrap().after, [service.clone(), workload("one")]);

    // Of four files one changes: the service's.
    sources.declare_texts(files(&world, "two"));
    let moved = apply(&world, &mut engine).await;
    assert_eq!(moved.steps.iter().map(|step| &step.key).collect::<Vec<_>>(), [&service]);
    let entries = engine.inventory().entries().clone();
    assert_eq!(entries.get(&hook).unwrap().needs, [service.clone(), workload("two")]);

    sources.declare_texts([]);
    let gone = apply(&world, &mut engine).await;
    let waits_for_it = |key: &Key| gone.step(key).is_some_and(|step| step.after.contains(&hook));
    assert!(gone.steps.iter().all(|step| step.action == Action::Delete));
    assert_eq!([service, workload("two")].map(|key| waits_for_it(&key)), [true, true]);
}

/// People's webhook configurations stood before anything answered: each call of what they concern failed from then on.
#[tokio::test]
async fn what_the_server_would_call_is_not_there_while_its_workload_is_not_ready_in_the_next_process_neither()
{
    let world = World::controlled("not-behind").await;
    let (kept, sources) = (Kept::default(), Files::default());
    let mut declared = files(&world, "one");
    let hangs = |text: &str| {
        let mut workload: Json = serde_json::from_str(text).unwrap();
        workload["spec"]["template"]["metadata"]["annotations"] = json!({"testbed/does": "hang"});
        workload.to_string()
    };
    declared.retain(|(name, _)| name != "deployment-2.yaml");
    let workload = declared.iter_mut().find(|(name, _)| name == "deployment-1.yaml").unwrap();
    workload.1 = hangs(&workload.1);
    let group = format!("{}.example", world.namespace);
    let service = json!({"name": "hook", "namespace": world.namespace});
    let api = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": format!("v1.{group}")},
        "spec": {
            "group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 1, "service": service
        }
    });
    declared.push(("api.yaml".to_owned(), api.to_string()));
    sources.declare_texts(declared);
    let called = [
        format!("/apis/apiregistration.k8s.io/v1/apiservices/v1.{group}"),
        format!("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{}", world.namespace),
    ];
    for made in [2, 0] {
        let mut process = kept.reading(&world, &sources, Duration::from_secs(1)).await;
        let report = process.reconcile(&world.cx).await.unwrap();
        assert_eq!(report.applied(), made, "the service and the workload: {report:?}");
        for uri in &called {
            assert_eq!(world.admin.get(uri).await, None, "{uri}");
        }
        let plan = process.plan(&world.cx).await.unwrap();
        let waits = |why: &BlockedBecause| matches!(why, BlockedBecause::NotReady { .. });
        assert!(
            plan.blocked.iter().any(|blocked| blocked.key.name() == "one" && waits(&blocked.why)),
            "{plan:?}"
        );
    }
}
