//! Deletions that a rule of the cluster refuses.

use std::time::Duration;

use gitops_core::{BlockedBecause, Plan, Report};
use serde_json::{Value as Json, json};
use testbed::{Answer, Webhook, collection_of};

use crate::engine::{App, config_map};
use crate::support::World;

/// An application of which `a` left the source.
async fn without_a(name: &str) -> (World, App) {
    let world = World::new(name).await;
    let mut app = App::new(&world, world.target()).await;
    app.files.declare([("a", config_map("a", "1")), ("b", config_map("b", "1"))]);
    assert_eq!(app.apply(&world.cx).await.applied(), 2);
    app.files.declare([("b", config_map("b", "1"))]);
    (world, app)
}

/// Waits until the server refuses to delete `a`, or lets it: a server takes a moment to know a new rule.
async fn until_refused(world: &World, is_refused: bool) {
    let (cx, uri) = (world.cx.within(Duration::from_secs(60)), world.uri("configmaps", "a?dryRun=All"));
    while (world.admin.send("DELETE", &uri, "application/json", &Json::Null).await.0 != 200) != is_refused {
        cx.sleep(Duration::from_millis(50)).await.expect("the rule is known within a minute");
    }
}

/// The objects whose deletions are refused, and why. Nothing else is blocked.
fn refused(plan: &Plan) -> Vec<(&str, &str)> {
    fn why(why: &BlockedBecause) -> &str {
        match why {
            BlockedBecause::DeletionRefused(refusal) => &refusal.reason,
            other => panic!("{other:?}"),
        }
    }
    plan.blocked.iter().map(|blocked| (blocked.key.name(), why(&blocked.why))).collect()
}

/// The deletions that the server was asked for since so many requests: those in earnest, and the dry runs.
fn deletions(world: &World, since: usize) -> (usize, usize) {
    let all = world.requests().split_off(since);
    let (dry, real): (Vec<_>, Vec<_>) =
        all.iter().filter(|request| request.verb == "delete").partition(|request| request.is_dry_run());
    (real.len(), dry.len())
}

/// Each verb says what is refused, nothing is tried, and each plan costs one dry run.
async fn is_held(world: &World, app: &mut App, why: &str) {
    let is_alone = |report: &Report| report.results.is_empty() && report.plan.steps.is_empty();
    let begun = world.requests().len();
    let plan = app.engine.plan(&world.cx).await.unwrap();
    assert_eq!((refused(&plan), plan.steps.len()), (vec![("a", why)], 0), "{plan:?}");
    assert_eq!(deletions(world, begun), (0, 1));
    let options = gitops_core::ApplyOptions::naming_the_plan("tester");
    let report = app.engine.apply(&world.cx, &plan, &options).await.unwrap();
    assert!(is_alone(&report), "{report:?}");
    assert_eq!(deletions(world, begun), (0, 1), "what was shown is not asked about again");
    for more in 1..3 {
        let report = app.engine.reconcile(&world.cx).await.unwrap();
        assert!(is_alone(&report), "{report:?}");
        assert_eq!(refused(&report.plan), [("a", why)]);
        assert_eq!(deletions(world, begun), (0, 1 + more));
    }
}

/// Met with objects that a webhook protects: the plan was green, and each apply failed.
#[tokio::test]
async fn a_deletion_that_a_webhook_refuses_is_blocked_and_not_tried() {
    const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let (world, mut app) = without_a("removals").await;
    let webhook = Webhook::start(Answer::Refuse("it is protected")).await;
    world.admin.post(WEBHOOKS, &webhook.configuration(&world.namespace, &world.namespace)).await;
    until_refused(&world, true).await;
    let why = "admission webhook \"policy.example.org\" denied the request: it is protected";
    is_held(&world, &mut app, why).await;
    // One that does not answer says nothing: what becomes of the deletion is seen when it is made.
    webhook.answer(Answer::Never);
    let plan = app.engine.plan(&world.cx).await.unwrap();
    assert_eq!((plan.blocked.len(), plan.steps.len()), (0, 1), "{plan:?}");
    world.admin.delete(&format!("{WEBHOOKS}/{}", world.namespace)).await;
    until_refused(&world, false).await;
    assert_eq!(app.engine.reconcile(&world.cx).await.unwrap().applied(), 1);
    assert!(world.admin.get(&world.uri("configmaps", "a")).await.is_none());
}

#[tokio::test]
async fn a_deletion_that_a_policy_refuses_is_blocked_and_not_tried() {
    let (world, mut app) = without_a("removals-policy").await;
    let (name, api) = (world.namespace.as_str(), "admissionregistration.k8s.io/v1");
    let policy = json!({
        "apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
                "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]
                }]
            },
            "validations": [{"expression": "false", "message": "it is protected"}]
        }
    });
    let binding = json!({
        "apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]}
    });
    for object in [&policy, &binding] {
        world.admin.post(&collection_of(object), object).await;
    }
    until_refused(&world, true).await;
    let why = format!(
        "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: it is protected"
    );
    is_held(&world, &mut app, &why).await;
    for object in [&binding, &policy] {
        world.admin.delete(&format!("{}/{name}", collection_of(object))).await;
    }
}
