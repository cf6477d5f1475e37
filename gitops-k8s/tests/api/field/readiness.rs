//! What needs what is not ready, in the process that wrote it and in the next one.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::internals::journal::MemoryJournalIo;
use gitops_core::*;
use gitops_k8s::KubernetesRender;
use serde_json::{Value as Json, json};

use crate::support::{Files, World, deployment};

/// What a process leaves to the next one.
struct Machine {
    world: World,
    files: Files,
    store: Arc<MemoryStore>,
    journal: MemoryJournalIo,
}

impl Machine {
    async fn new(name: &str) -> Self {
        let (world, files) = (World::controlled(name).await, Files::default());
        Self { world, files, store: Arc::new(MemoryStore::new()), journal: MemoryJournalIo::default() }
    }

    fn declare<const N: usize>(&self, objects: [Json; N]) {
        let named = |object: &Json| (format!("{}.yaml", object["metadata"]["name"]), object.to_string());
        self.files.declare_texts(objects.map(|object| named(&object)));
    }

    /// A new process plans and applies; the words for what came of each step, by name.
    async fn apply(&self, patience: u64) -> Vec<(String, &'static str)> {
        let state = State::in_memory().with_store(self.store.clone()).with_journal(self.journal.clone());
        let render = KubernetesRender::new("k").namespace(self.world.namespace.as_str());
        let mut engine = Engine::builder("field")
            .source(Arc::new(self.files.clone()))
            .render(Arc::new(render))
            .target("k", Arc::new(self.world.target()))
            .ready_timeout(Duration::from_secs(patience))
            .state(state)
            .open(&self.world.cx)
            .await
            .unwrap();
        let plan = engine.plan(&self.world.cx).await.unwrap();
        let approval = ApplyOptions::naming_the_plan("tester");
        let report = engine.apply(&self.world.cx, &plan, &approval).await.unwrap();
        let short = |outcome: &StepOutcome| match outcome {
            StepOutcome::Done => "done",
            StepOutcome::NotReady { .. } => "not ready",
            StepOutcome::Blocked { .. } => "blocked",
            other => panic!("{other:?}"),
        };
        let named = |result: &StepResult| (result.key.name().to_owned(), short(&result.outcome));
        report.results.iter().map(named).collect()
    }

    /// Waits until the server no longer has an object.
    async fn gone(&self, uri: &str) {
        for _ in 0..600 {
            if self.world.admin.get(uri).await.is_none() {
                return;
            }
            self.world.cx.sleep(Duration::from_millis(100)).await.unwrap();
        }
        panic!("{uri} is still there");
    }
}

fn hook(does: &str) -> Json {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "migrate", "annotations": {"argocd.argoproj.io/hook": "PreSync"}},
        "spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": 0, "template": {
            "metadata": {"annotations": {"testbed/does": does}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": "busybox:1"}]}
        }}
    })
}

fn config(name: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": "1"}})
}

fn came(outcomes: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    outcomes.iter().map(|(name, outcome)| ((*name).to_owned(), *outcome)).collect()
}

/// People saw a failed hook hold the first sync back, and the second one go on; and hooks with a time to live run again.
#[tokio::test]
async fn a_hook_that_failed_blocks_also_the_next_process_and_one_that_ended_does_not_run_again() {
    let machine = Machine::new("hook").await;
    machine.declare([hook("fail"), config("conf")]);
    assert_eq!(machine.apply(60).await, came(&[("conf", "blocked"), ("migrate", "not ready")]));
    machine.gone(&machine.world.uri("jobs.batch", "migrate")).await;
    assert_eq!(machine.apply(60).await, came(&[("conf", "blocked")]), "it failed, and it is gone");

    machine.declare([hook("complete"), config("conf")]);
    assert_eq!(machine.apply(60).await, came(&[("conf", "done"), ("migrate", "done")]));
    machine.gone(&machine.world.uri("jobs.batch", "migrate")).await;
    assert_eq!(machine.apply(60).await, came(&[]), "it ended well, and it is gone");
}

/// People lost the configuration of pods that still ran while the new ones did not come up.
#[tokio::test]
async fn configuration_stays_while_the_workload_that_used_it_rolls_out() {
    let workload = |conf: &str, does: &str| {
        let mut workload = deployment("web", 1, "nginx:1");
        let template = &mut workload["spec"]["template"];
        template["metadata"]["annotations"] = json!({"testbed/does": does});
        template["spec"]["volumes"] = json!([{"name": "conf", "configMap": {"name": conf}}]);
        workload
    };
    let machine = Machine::new("suffix").await;
    machine.declare([config("conf-1"), workload("conf-1", "go-on")]);
    machine.apply(60).await;
    machine.declare([config("conf-2"), workload("conf-2", "hang")]);
    let old = machine.world.uri("configmaps", "conf-1");
    for _ in 0..2 {
        let outcomes = machine.apply(2).await;
        assert!(outcomes.contains(&came(&[("conf-1", "blocked")])[0]), "{outcomes:?}");
        assert!(machine.world.admin.get(&old).await.is_some());
    }
    machine.declare([config("conf-2"), workload("conf-2", "go-on")]);
    machine.apply(60).await;
    assert_eq!(machine.world.admin.get(&old).await, None);
}
