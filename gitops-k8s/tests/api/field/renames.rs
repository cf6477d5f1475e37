//! What left Git beside something new: it may be the same under another name, and it is what works.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::internals::journal::MemoryJournalIo;
use gitops_core::*;
use gitops_k8s::{ClusterStore, KubernetesRender};
use serde_json::{Value as Json, json};

use crate::support::{Files, World};

struct App<'a> {
    world: &'a World,
    files: Files,
    store: Arc<dyn StateStore>,
    journal: MemoryJournalIo,
}

impl<'a> App<'a> {
    fn new(world: &'a World) -> Self {
        let store = ClusterStore::new(world.cluster.clone(), &world.namespace, "state");
        Self { world, files: Files::default(), store: Arc::new(store), journal: MemoryJournalIo::default() }
    }

    /// A process with the state of the one before it.
    async fn open(&self) -> Engine {
        let state = State::in_memory().with_store(self.store.clone()).with_journal(self.journal.clone());
        let key = SecretKey::new([7; 32]);
        let render = KubernetesRender::new("k").namespace(self.world.namespace.as_str()).secret_key(key);
        let builder = Engine::builder("shop")
            .source(Arc::new(self.files.clone()))
            .render(Arc::new(render))
            .target("k", Arc::new(self.world.target()))
            .ready_timeout(Duration::from_secs(60))
            .state(state);
        builder.open(&self.world.cx).await.unwrap()
    }

    async fn is_there(&self, plural: &str, name: &str) -> bool {
        self.world.admin.get(&self.world.uri(plural, name)).await.is_some()
    }
}

async fn apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap()
}

/// By what the deletion of an object is held back.
fn held_by<'a>(report: &'a Report, name: &str) -> Option<&'a Key> {
    let result = report.results.iter().find(|result| result.key.name() == name)?;
    assert_eq!(result.action, Action::Delete);
    match &result.outcome {
        StepOutcome::Blocked { by } => Some(by),
        _ => None,
    }
}

/// A workload that is taken, and whose pods crash.
fn crashing(name: &str) -> Json {
    let mut web = web(name, 80);
    web["spec"]["template"]["metadata"]["annotations"] = json!({"testbed/does": "crash"});
    web
}

fn web(name: &str, port: u32) -> Json {
    let container = json!({"name": "c", "image": "nginx:1", "ports": [{"containerPort": port}]});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}
        }}
    })
}

/// People renamed a workload and made a slip in the same commit: the old one went, the new one was refused, and nothing ran.
#[tokio::test]
async fn a_renamed_workload_stays_while_its_new_form_is_refused() {
    let world = World::controlled("rename").await;
    let app = App::new(&world);
    app.files.declare([("d.json", web("web", 80))]);
    let mut engine = app.open().await;
    assert!(apply(&world, &mut engine).await.is_converged());

    app.files.declare([("d.json", web("web2", 99_999))]);
    for _ in 0..2 {
        let report = apply(&world, &mut engine).await;
        assert_eq!(held_by(&report, "web"), Some(&world.key("Deployment.apps", "web2")), "{report:?}");
        assert!(!report.is_converged());
    }
    drop(engine);
    let mut engine = app.open().await;
    let report = apply(&world, &mut engine).await;
    assert_eq!(held_by(&report, "web"), Some(&world.key("Deployment.apps", "web2")), "{report:?}");
    assert!(app.is_there("deployments.apps", "web").await);

    app.files.declare([("d.json", web("web2", 8080))]);
    let report = apply(&world, &mut engine).await;
    assert!(report.is_converged(), "{report:?}");
    assert!(app.is_there("deployments.apps", "web2").await && !app.is_there("deployments.apps", "web").await);
}

/// People renamed a workload whose new form was taken and crashed: the next reconciliation found it made, and took the old one away.
#[tokio::test]
async fn a_renamed_workload_stays_while_its_new_form_crashes() {
    let world = World::controlled("crashes").await;
    let app = App::new(&world);
    app.files.declare([("d.json", web("web", 80))]);
    let mut engine = app.open().await;
    assert!(apply(&world, &mut engine).await.is_converged());

    app.files.declare([("d.json", crashing("web2"))]);
    let new = world.key("Deployment.apps", "web2");
    for _ in 0..2 {
        let report = apply(&world, &mut engine).await;
        assert_eq!(held_by(&report, "web"), Some(&new), "{report:?}");
    }
    drop(engine);
    let mut engine = app.open().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.held_deletes()[&world.key("Deployment.apps", "web")].key, new);
    assert_eq!(held_by(&apply(&world, &mut engine).await, "web"), Some(&new));
    assert!(app.is_there("deployments.apps", "web").await);

    app.files.declare([("d.json", web("web2", 80))]);
    let report = apply(&world, &mut engine).await;
    assert!(report.is_converged(), "{report:?}");
    assert!(!app.is_there("deployments.apps", "web").await);
}

/// People lost what a backup was to save first: the hook failed, and what had left Git was gone beside it.
#[tokio::test]
async fn what_left_git_stays_when_what_runs_before_fails() {
    let world = World::controlled("before").await;
    let app = App::new(&world);
    app.files.declare([("old.json", web("old", 80)), ("other.json", web("other", 80))]);
    let mut engine = app.open().await;
    assert!(apply(&world, &mut engine).await.is_converged());

    let job = |does: &str| {
        json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "backup", "annotations": {"argocd.argoproj.io/hook": "PreSync"}},
            "spec": {"backoffLimit": 0, "template": {
                "metadata": {"annotations": {"testbed/does": does}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": "busybox:1"}]}
            }}
        })
    };
    let backup = world.key("Job.batch", "backup");
    app.files.declare([("other.json", web("other", 80)), ("job.json", job("fail"))]);
    for _ in 0..2 {
        let report = apply(&world, &mut engine).await;
        assert_eq!(held_by(&report, "old"), Some(&backup), "{report:?}");
    }
    drop(engine);
    let mut engine = app.open().await;
    assert_eq!(held_by(&apply(&world, &mut engine).await, "old"), Some(&backup));
    assert!(app.is_there("deployments.apps", "old").await);

    engine.release(&world.cx, &backup, "tester").await.unwrap();
    let report = apply(&world, &mut engine).await;
    assert!(!app.is_there("deployments.apps", "old").await, "a person let it go on: {report:?}");
}
