//! An object that goes from one application to another.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::internals::journal::MemoryJournalIo;
use gitops_core::{Engine, MemoryStore, Options, State};
use gitops_k8s::Kubernetes;
use serde_json::{Value as Json, json};

use super::clients::is_quiet;
use crate::support::{Files, World, render};

/// One of several applications of a namespace, whose state outlives its processes.
#[derive(Default)]
struct Application {
    name: &'static str,
    files: Files,
    store: Arc<MemoryStore>,
    journal: MemoryJournalIo,
}

impl Application {
    fn named(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    fn declare(&self, objects: &[(&'static str, Json)]) {
        self.files.declare(objects.iter().cloned());
    }

    async fn process(&self, world: &World, adopt: bool) -> Engine {
        let target = Kubernetes::builder(world.cluster.clone(), self.name).build().unwrap();
        let state = State::in_memory().with_store(self.store.clone()).with_journal(self.journal.clone());
        let builder = Engine::builder(self.name)
            .source(Arc::new(self.files.clone()))
            .render(Arc::new(render(world.namespace.clone())))
            .target("k", Arc::new(target))
            .ready_timeout(Duration::from_millis(300));
        builder.state(state).options(Options::default().adopt(adopt)).open(&world.cx).await.unwrap()
    }
}

fn map(name: &str, data: Json) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// Where people met it: each way from one application to another ended in a conflict over what the first one had set, or deleted the
/// object and made another.
#[tokio::test]
async fn an_object_without_its_owner_label_goes_over_to_another_application_with_all_that_the_first_set() {
    let world = World::new("handed").await;
    let (one, two) = (Application::named("one"), Application::named("two"));
    let (other, gone) = (("other", map("other", json!({}))), ("x", map("x", json!({"a": "1", "gone": "1"}))));
    one.declare(&[other.clone(), gone]);
    let mut first = one.process(&world, false).await;
    assert_eq!(first.reconcile(&world.cx).await.unwrap().applied(), 2);
    let uri = world.uri("configmaps", "x");
    let uid = world.admin.get(&uri).await.unwrap()["metadata"]["uid"].clone();
    let annotate = format!("{uri}?fieldManager=kubectl-annotate");
    let stay = json!({"metadata": {"annotations": {"argocd.argoproj.io/sync-options": "Prune=false"}}});
    world.admin.merge(&annotate, &stay).await;
    one.declare(&[other]);
    first.reconcile(&world.cx).await.unwrap();
    two.declare(&[("x", map("x", json!({"a": "1"})))]);
    let mut second = two.process(&world, true).await;
    let report = second.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), report.plan.blocked.len()), (0, 1), "it belongs to the first: {report:?}");
    let bare = json!({"metadata": {
        "labels": {"gitops/owner": null},
        "annotations": {"gitops/owner": null, "argocd.argoproj.io/sync-options": null}
    }});
    world.admin.merge(&annotate, &bare).await;
    let report = second.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), report.failed(), report.plan.blocked.len()), (1, 0, 0), "{report:?}");
    let shown = format!("{:?}", report.plan.steps[0].diff);
    assert!(shown.contains("gitops:one") && shown.contains("/data/gone"), "{shown}");
    drop(second);
    // In a later process, which is asked to adopt nothing, it is its own like any other.
    two.declare(&[("x", map("x", json!({"a": "2"})))]);
    let mut second = two.process(&world, false).await;
    let report = second.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), report.plan.blocked.len()), (1, 0), "{report:?}");
    assert!(is_quiet(&second.reconcile(&world.cx).await.unwrap()));
    let live = world.admin.get(&uri).await.unwrap();
    assert_eq!((&live["data"], &live["metadata"]["uid"]), (&json!({"a": "2"}), &uid));
    // The first does nothing about it, in this process or the next.
    first.reconcile(&world.cx).await.unwrap();
    drop(first);
    one.process(&world, true).await.reconcile(&world.cx).await.unwrap();
    assert_eq!(world.admin.get(&uri).await.as_ref(), Some(&live));
}
