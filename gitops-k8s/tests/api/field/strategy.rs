//! What the server filled in beside a declaration, and refuses beside the next one.

use gitops_core::{Options, Report};
use serde_json::{Value as Json, json};

use super::adopted::kubectl;
use super::clients::{Kept, is_quiet};
use crate::support::{Files, World, deployment};

fn web(strategy: Option<Json>) -> Json {
    let mut web = deployment("web", 1, "nginx:1");
    if let Some(strategy) = strategy {
        web["spec"]["strategy"] = strategy;
    }
    web
}

fn recreate() -> Json {
    web(Some(json!({"type": "Recreate"})))
}

async fn strategy(world: &World) -> Json {
    world.admin.get(&world.uri("deployments.apps", "web")).await.unwrap()["spec"]["strategy"].clone()
}

fn shown(report: &Report) -> Vec<&str> {
    report.plan.steps[0].diff.fields().iter().map(|field| &*field.path).collect()
}

/// Where people met it: `kubectl apply` and other tools take the strategy to `Recreate`, and here each plan was a fault: the server had
/// filled in `rollingUpdate`, which nobody owns, so that no apply takes it away.
#[tokio::test]
async fn a_strategy_becomes_another_though_the_server_filled_in_a_member_of_the_first() {
    let world = World::new("recreate").await;
    let (kept, files) = (Kept::default(), Files::default());
    files.declare([("web", web(None))]);
    let mut process = kept.process(&world, &files, Options::default()).await;
    process.reconcile(&world.cx).await.unwrap();
    files.declare([("web", recreate())]);
    let report = process.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), report.plan.blocked.len()), (1, 0), "{report:?}");
    assert_eq!(shown(&report), ["/spec/strategy/rollingUpdate", "/spec/strategy/type"]);
    assert_eq!(strategy(&world).await, json!({"type": "Recreate"}));
    assert!(is_quiet(&process.reconcile(&world.cx).await.unwrap()));
    drop(process);
    let mut process = kept.process(&world, &files, Options::default()).await;
    assert!(is_quiet(&process.reconcile(&world.cx).await.unwrap()));
    // And back, and there again.
    files.declare([("web", web(None))]);
    process.reconcile(&world.cx).await.unwrap();
    assert_eq!(strategy(&world).await["type"], "RollingUpdate");
    files.declare([("web", recreate())]);
    process.reconcile(&world.cx).await.unwrap();
    assert_eq!(strategy(&world).await, json!({"type": "Recreate"}));
}

#[tokio::test]
async fn a_member_that_somebody_else_set_stays_and_the_refusal_is_told() {
    let world = World::new("recreate-theirs").await;
    let (kept, files) = (Kept::default(), Files::default());
    files.declare([("web", web(None))]);
    let mut process = kept.process(&world, &files, Options::default()).await;
    process.reconcile(&world.cx).await.unwrap();
    let theirs = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"strategy": {"rollingUpdate": {"maxSurge": 3}}}
    });
    world.admin.apply(&world.uri("deployments.apps", "web"), "robot", &theirs).await;
    let before = world.admin.get(&world.uri("deployments.apps", "web")).await;
    files.declare([("web", recreate())]);
    let report = process.reconcile(&world.cx).await.unwrap();
    let [blocked] = &report.plan.blocked[..] else { panic!("{:?}", report.plan) };
    assert!(blocked.why.to_string().contains("rollingUpdate"), "{blocked:?}");
    assert_eq!(world.admin.get(&world.uri("deployments.apps", "web")).await, before, "nothing was written");
}

#[tokio::test]
async fn what_kubectl_made_is_adopted_with_another_strategy() {
    for verb in [&["create"][..], &["apply"], &["apply", "--server-side"]] {
        let world = World::new("recreate-adopted").await;
        kubectl(&world, verb, &web(None));
        let (kept, files) = (Kept::default(), Files::default());
        files.declare([("web", recreate())]);
        let mut process = kept.process(&world, &files, Options::default().adopt(true)).await;
        let report = process.reconcile(&world.cx).await.unwrap();
        assert_eq!((report.applied(), report.plan.blocked.len()), (1, 0), "{verb:?}: {report:?}");
        assert_eq!(strategy(&world).await, json!({"type": "Recreate"}), "{verb:?}");
        assert!(is_quiet(&process.reconcile(&world.cx).await.unwrap()), "{verb:?}");
    }
}
