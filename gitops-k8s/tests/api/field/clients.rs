// Long because each kind of client is followed here through the same situations.

use std::sync::{Arc, Mutex};

use std::time::Duration;

use gitops_core::internals::journal::MemoryJournalIo;
use gitops_core::{
    BlockedBecause, Cause, Engine, ForeignField, ForeignOutcome, MemoryStore, Options, Reason, Report,
    SecretKey, State, SyncResult,
};
use gitops_k8s::{Kubernetes, KubernetesRender};
use serde_json::{Value as Json, json};

use super::items::service;
use crate::engine::{App, builder};

use crate::support::{Files, World, define, definition, deployment};

async fn scale(world: &World, manager: &str, replicas: u32) {
    let uri = format!("{}/scale?fieldManager={manager}", world.uri("deployments.apps", "web"));
    world.admin.merge(&uri, &json!({"spec": {"replicas": replicas}})).await;
}

async fn web(world: &World) -> Json {
    world.admin.get(&world.uri("deployments.apps", "web")).await.unwrap()
}

async fn replicas_and_image(world: &World) -> (Json, Json) {
    let web = web(world).await;
    (web["spec"]["replicas"].clone(), web["spec"]["template"]["spec"]["containers"][0]["image"].clone())
}

async fn app(world: &World, target: Kubernetes) -> App {
    let mut app = App::new(world, target).await;
    app.files.declare([("web", deployment("web", 2, "nginx:1"))]);
    app.apply(&world.cx).await;
    app
}

pub fn foreign(report: &Report) -> &[ForeignField] {
    &report.plan.steps[0].foreign
}

pub fn is_quiet(report: &Report) -> bool {
    report.plan.is_empty() && report.plan.drift.is_empty()
}

/// Where people met it: somebody scales by hand, and the declared number never came back.
#[tokio::test]
async fn what_a_person_scales_is_restored_and_the_plan_says_who_and_when() {
    let world = World::new("scaled").await;
    let mut app = app(&world, world.target()).await;
    for manager in ["kubectl", "k9s", "dashboard-api"] {
        scale(&world, manager, 7).await;
        let report = app.apply(&world.cx).await;
        let [field] = foreign(&report) else { panic!("{:?}", report.plan) };
        assert_eq!((&*field.path, &*field.by), ("/spec/replicas", manager));
        // The server keeps no time of a scale, so what is known is when we wrote last.
        let when = field.when.as_ref().unwrap();
        assert!((when.starts_with("at 2") || when.starts_with("after 2")) && when.ends_with('Z'), "{field}");
        assert_eq!((report.applied(), replicas_and_image(&world).await.0), (1, json!(2)), "{manager}");
        assert!(is_quiet(&app.apply(&world.cx).await), "the next reconciliation finds nothing");
    }
}

/// Where people met it: one number that a controller set, and the new image was not rolled out.
#[tokio::test]
async fn a_field_of_an_unknown_client_is_blocked_and_named_and_the_image_is_rolled_out_beside_it() {
    let world = World::new("unknown-scaler").await;
    let mut app = app(&world, world.target()).await;
    scale(&world, "some-operator", 7).await;
    for _ in 0..2 {
        let report = app.apply(&world.cx).await;
        let [blocked] = &report.plan.blocked[..] else { panic!("{:?}", report.plan) };
        let BlockedBecause::ForeignFields { fields } = &blocked.why else { panic!("{blocked:?}") };
        assert_eq!((&*fields[0].path, &*fields[0].by), ("/spec/replicas", "some-operator"));
    }
    app.files.declare([("web", deployment("web", 3, "nginx:2"))]);
    let report = app.apply(&world.cx).await;
    assert_eq!(foreign(&report)[0].outcome, ForeignOutcome::Blocked);
    let diff: Vec<_> = report.plan.steps[0].diff.fields().iter().map(|field| field.path.as_str()).collect();
    assert_eq!(diff, ["/spec/template/spec/containers/name=web/image"]);
    assert_eq!(replicas_and_image(&world).await, (json!(7), json!("nginx:2")));
    for _ in 0..2 {
        let report = app.apply(&world.cx).await;
        assert!(
            matches!(report.plan.blocked[0].why, BlockedBecause::ForeignFields { .. }),
            "it is not forgotten"
        );
    }
    scale(&world, "kubectl", 3).await;
    assert!(is_quiet(&app.apply(&world.cx).await) || is_quiet(&app.apply(&world.cx).await));
}

async fn set_image(world: &World, manager: &str, image: &str) {
    let uri = format!("{}?fieldManager={manager}", world.uri("deployments.apps", "web"));
    let patch = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]);
    let (code, answer) = world.admin.send("PATCH", &uri, "application/json-patch+json", &patch).await;
    assert_eq!(code, 200, "{answer}");
}

/// Where people met it: a tool for images that updates the object itself, undone at each look, and set again.
#[tokio::test]
async fn an_update_of_an_unknown_client_is_blocked_and_named_and_the_rest_is_rolled_out_beside_it() {
    let world = World::new("unknown-updater").await;
    let mut app = app(&world, world.target()).await;
    set_image(&world, "image-bot", "nginx:bot").await;
    for _ in 0..2 {
        let report = app.apply(&world.cx).await;
        let [blocked] = &report.plan.blocked[..] else { panic!("{:?}", report.plan) };
        let BlockedBecause::ForeignFields { fields } = &blocked.why else { panic!("{blocked:?}") };
        let field = &fields[0];
        assert_eq!(
            (&*field.path, &*field.by),
            ("/spec/template/spec/containers/name=web/image", "image-bot")
        );
        assert!(field.when.as_ref().is_some_and(|when| when.starts_with("at 2")), "{field}");
    }
    app.files.declare([("web", deployment("web", 3, "nginx:2"))]);
    let report = app.apply(&world.cx).await;
    assert!(foreign(&report)[0].is_blocked(), "{:?}", report.plan);
    assert_eq!(
        (report.missing().len(), report.result()),
        (1, SyncResult::Partial),
        "it is not live completely"
    );
    assert!(app.engine.inventory().progress().is_some(), "nor is it recorded as that");
    assert_eq!(replicas_and_image(&world).await, (json!(3), json!("nginx:bot")));
    assert!(!app.apply(&world.cx).await.plan.blocked.is_empty(), "it is not forgotten");
    // A person decides for the declared one; the next thing that a person sets is drift, and restored.
    set_image(&world, "kubectl-set", "nginx:2").await;
    assert!(is_quiet(&app.apply(&world.cx).await) || is_quiet(&app.apply(&world.cx).await));
    set_image(&world, "kubectl-set", "nginx:7").await;
    assert_eq!(app.apply(&world.cx).await.applied(), 1);
    assert_eq!(replicas_and_image(&world).await, (json!(3), json!("nginx:2")));
}

/// What an unknown client had before it was declared is not taken from it either.
#[tokio::test]
async fn a_field_that_an_unknown_client_had_before_it_was_declared_is_blocked() {
    let world = World::new("unknown-before").await;
    let mut app = app(&world, world.target()).await;
    let uri = format!("{}?fieldManager=operator", world.uri("deployments.apps", "web"));
    world.admin.merge(&uri, &json!({"spec": {"minReadySeconds": 7}})).await;
    assert!(is_quiet(&app.apply(&world.cx).await), "nobody declares it");
    let mut declared = deployment("web", 4, "nginx:1");
    declared["spec"]["minReadySeconds"] = json!(3);
    app.files.declare([("web", declared)]);
    let report = app.apply(&world.cx).await;
    let field = &foreign(&report)[0];
    assert_eq!((&*field.path, &*field.by, field.is_blocked()), ("/spec/minReadySeconds", "operator", true));
    let live = web(&world).await;
    assert_eq!((&live["spec"]["minReadySeconds"], &live["spec"]["replicas"]), (&json!(7), &json!(4)));
}

/// The key of an item that an unknown client edited: the item stays as it is, and nothing is refused for ever.
#[tokio::test]
async fn a_key_of_a_list_that_an_unknown_client_edited_is_blocked_and_the_rest_is_written() {
    let world = World::new("unknown-keys").await;
    let mut app = App::new(&world, world.target()).await;
    app.files.declare([("service", service())]);
    app.apply(&world.cx).await;
    let uri = world.uri("services", "web");
    let patch = json!([{"op": "replace", "path": "/spec/ports/0/port", "value": 8081}]);
    let bot = format!("{uri}?fieldManager=port-bot");
    world.admin.send("PATCH", &bot, "application/json-patch+json", &patch).await;
    for _ in 0..2 {
        let report = app.apply(&world.cx).await;
        let [blocked] = &report.plan.blocked[..] else { panic!("{:?}", report.plan) };
        let BlockedBecause::ForeignFields { fields } = &blocked.why else { panic!("{blocked:?}") };
        assert_eq!(&*fields[0].by, "port-bot");
        assert!(fields[0].path.starts_with("/spec/ports/port=8081"), "{fields:?}");
    }
    let mut other = service();
    other["spec"]["selector"] = json!({"app": "other"});
    app.files.declare([("service", other)]);
    let report = app.apply(&world.cx).await;
    assert!(foreign(&report)[0].is_blocked(), "{:?}", report.plan);
    let live = world.admin.get(&uri).await.unwrap();
    assert_eq!(
        (&live["spec"]["ports"][0]["port"], &live["spec"]["selector"]["app"]),
        (&json!(8081), &json!("other"))
    );
    assert_eq!(live["spec"]["ports"].as_array().unwrap().len(), 1);
}

/// An applier claims its field; it does not claim the object.
#[tokio::test]
async fn a_field_of_another_applier_does_not_block_the_others() {
    let world = World::new("applier").await;
    let mut app = app(&world, world.target()).await;
    let robot = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "robot:9"}]}}}
    });
    world.admin.apply(&world.uri("deployments.apps", "web"), "robot", &robot).await;
    app.files.declare([("web", deployment("web", 5, "nginx:2"))]);
    let report = app.apply(&world.cx).await;
    let field = &foreign(&report)[0];
    assert_eq!((&*field.by, field.is_blocked()), ("robot", true));
    assert_eq!(field.path, "/spec/template/spec/containers/name=web/image");
    assert_eq!(replicas_and_image(&world).await, (json!(5), json!("robot:9")));
    assert!(!app.apply(&world.cx).await.plan.blocked.is_empty());
}

fn autoscaler() -> Json {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "busy"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 9
        }
    })
}

/// Where people met it: an autoscaler and a declared number that undo each other.
#[tokio::test]
async fn replicas_of_what_an_autoscaler_names_are_left_with_a_warning() {
    let world = World::new("autoscaled").await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let target = world.builder().warnings(move |warning| listener.lock().unwrap().push(warning));
    let mut app = app(&world, target.build().unwrap()).await;
    let root = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers", world.namespace);
    world.admin.post(&root, &autoscaler()).await;
    for manager in ["kube-controller-manager", "kubectl"] {
        scale(&world, manager, 7).await;
        assert!(is_quiet(&app.apply(&world.cx).await), "{manager}");
        assert_eq!(replicas_and_image(&world).await.0, json!(7), "{manager}");
    }
    app.files.declare([("web", deployment("web", 3, "nginx:2"))]);
    app.apply(&world.cx).await;
    assert_eq!(replicas_and_image(&world).await, (json!(7), json!("nginx:2")));
    assert!(is_quiet(&app.apply(&world.cx).await));
    let told = told.lock().unwrap();
    let [warning] = &told[..] else { panic!("once: {told:?}") };
    assert_eq!(warning.code, "GO0422");
    let words = warning.to_string();
    assert!(!warning.path.is_empty(), "it says where the number is declared: {warning:?}");
    assert!(words.contains("HorizontalPodAutoscaler/busy") && words.contains("out of Git"), "{words}");
}

/// The autoscaler came before it ever scaled: the declared number moved, and is not written.
#[tokio::test]
async fn a_declared_number_that_moves_is_not_written_where_an_autoscaler_names_the_object() {
    let world = World::new("autoscaled-first").await;
    let mut app = app(&world, world.target()).await;
    let root = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers", world.namespace);
    world.admin.post(&root, &autoscaler()).await;
    app.files.declare([("web", deployment("web", 8, "nginx:2"))]);
    let report = app.apply(&world.cx).await;
    assert!(matches!(foreign(&report)[0].outcome, ForeignOutcome::Left { .. }), "{:?}", report.plan);
    assert_eq!(replicas_and_image(&world).await, (json!(2), json!("nginx:2")));
    assert!(is_quiet(&app.apply(&world.cx).await));
}

/// Where people met it: the same with KEDA, before it made an autoscaler of its own.
#[tokio::test]
async fn replicas_of_what_a_scaled_object_of_keda_names_are_left() {
    let world = World::new("keda").await;
    let mut kind = definition("keda.sh", false);
    kind["metadata"]["name"] = json!("scaledobjects.keda.sh");
    kind["spec"]["names"] =
        json!({"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"});
    define(&world, kind).await;
    let mut app = app(&world, world.target()).await;
    let root = format!("/apis/keda.sh/v1/namespaces/{}/scaledobjects", world.namespace);
    let object = |name: &str, of: &str| {
        json!({
            "apiVersion": "keda.sh/v1", "kind": "ScaledObject", "metadata": {"name": name},
            "spec": {"scaleTargetRef": {"name": of}}
        })
    };
    world.admin.post(&root, &object("other", "other")).await;
    scale(&world, "kubectl", 7).await;
    app.apply(&world.cx).await;
    assert_eq!(replicas_and_image(&world).await.0, json!(2), "it names another");
    world.admin.post(&root, &object("web", "web")).await;
    scale(&world, "keda-operator", 7).await;
    assert!(is_quiet(&app.apply(&world.cx).await));
    assert_eq!(replicas_and_image(&world).await.0, json!(7));
}

/// The state of an application, for one process after the other.
#[derive(Default)]
pub struct Kept {
    store: Arc<MemoryStore>,
    journal: MemoryJournalIo,
}

impl Kept {
    /// A new process, which was told nothing of what those before it did.
    pub async fn process(&self, world: &World, files: &Files, options: Options) -> Engine {
        self.patient(world, files, options, Duration::from_millis(300)).await
    }

    /// The same of manifests as they are read from files.
    pub async fn reading(&self, world: &World, files: &Files, patience: Duration) -> Engine {
        let state = State::in_memory().with_store(self.store.clone()).with_journal(self.journal.clone());
        let render = KubernetesRender::new("k").namespace(world.namespace.as_str());
        let builder = builder(world, files, &Arc::new(world.target()), patience);
        let render = Arc::new(render.secret_key(SecretKey::new([7; 32])));
        builder.render(render).state(state).open(&world.cx).await.unwrap()
    }

    /// The same, that waits for what it made.
    pub async fn patient(
        &self,
        world: &World,
        files: &Files,
        options: Options,
        patience: Duration,
    ) -> Engine {
        let state = State::in_memory().with_store(self.store.clone()).with_journal(self.journal.clone());
        let builder = builder(world, files, &Arc::new(world.target()), patience);
        builder.state(state).options(options).open(&world.cx).await.unwrap()
    }
}

/// The one field that another client keeps from being written.
fn blocked(report: &Report) -> (&str, &str) {
    let [blocked] = &report.plan.blocked[..] else { panic!("{:?}", report.plan) };
    let BlockedBecause::ForeignFields { fields } = &blocked.why else { panic!("{blocked:?}") };
    let [field] = &fields[..] else { panic!("{fields:?}") };
    (&field.path, &field.by)
}

const IMAGE: &str = "/spec/template/spec/containers/name=web/image";

/// Where people met it: a person had confirmed what a controller set, and both lost it.
#[tokio::test]
async fn a_field_that_a_person_and_an_unknown_client_have_is_blocked_and_the_unknown_one_is_named() {
    let world = World::new("both-have").await;
    let mut app = app(&world, world.target()).await;
    set_image(&world, "some-bot", "nginx:bot").await;
    let confirmed = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:bot"}]}}}
    });
    world.admin.apply(&world.uri("deployments.apps", "web"), "kubectl", &confirmed).await;
    for _ in 0..2 {
        assert_eq!(blocked(&app.apply(&world.cx).await), (IMAGE, "some-bot"));
    }
    app.files.declare([("web", deployment("web", 3, "nginx:2"))]);
    let report = app.apply(&world.cx).await;
    let [field] = foreign(&report) else { panic!("{:?}", report.plan) };
    assert_eq!((&*field.by, field.is_blocked()), ("some-bot", true));
    assert_eq!(replicas_and_image(&world).await, (json!(3), json!("nginx:bot")));
    // The controller lets go: what is left is an edit by hand.
    let record = web(&world).await["metadata"]["managedFields"].clone();
    let without = record.as_array().unwrap().iter().filter(|entry| entry["manager"] != "some-bot");
    let patch = json!({"metadata": {"managedFields": without.collect::<Vec<_>>()}});
    world.admin.merge(&world.uri("deployments.apps", "web"), &patch).await;
    assert_eq!(app.apply(&world.cx).await.applied(), 1);
    assert_eq!(replicas_and_image(&world).await, (json!(3), json!("nginx:2")));
}

#[tokio::test]
async fn a_field_of_an_unknown_client_is_blocked_in_every_later_process() {
    let world = World::new("unknown-later").await;
    let (kept, files) = (Kept::default(), Files::default());
    files.declare([("web", deployment("web", 2, "nginx:1"))]);
    kept.process(&world, &files, Options::default()).await.reconcile(&world.cx).await.unwrap();
    set_image(&world, "some-bot", "nginx:bot").await;
    for _ in 0..2 {
        let mut process = kept.process(&world, &files, Options::default()).await;
        assert_eq!(blocked(&process.reconcile(&world.cx).await.unwrap()), (IMAGE, "some-bot"));
    }
    files.declare([("web", deployment("web", 3, "nginx:2"))]);
    let mut process = kept.process(&world, &files, Options::default()).await;
    let report = process.reconcile(&world.cx).await.unwrap();
    assert!(foreign(&report)[0].is_blocked(), "{:?}", report.plan);
    assert_eq!(replicas_and_image(&world).await, (json!(3), json!("nginx:bot")));
    let mut process = kept.process(&world, &files, Options::default()).await;
    assert_eq!(
        blocked(&process.reconcile(&world.cx).await.unwrap()),
        (IMAGE, "some-bot"),
        "nothing is forgotten"
    );
}

/// Where people met it: a clean-up script took annotations off, and the objects were "not made by us", or lost what controllers had set.
#[tokio::test]
async fn an_object_that_lost_its_owner_label_gets_it_back_and_nothing_else_is_taken() {
    let world = World::new("label-lost").await;
    let (kept, files) = (Kept::default(), Files::default());
    files.declare([("web", deployment("web", 2, "nginx:1"))]);
    kept.process(&world, &files, Options::default()).await.reconcile(&world.cx).await.unwrap();
    set_image(&world, "some-bot", "nginx:bot").await;
    let uri = world.uri("deployments.apps", "web");
    let labels = json!({"metadata": {"labels": {"team": "blue"}}});
    world.admin.merge(&format!("{uri}?fieldManager=kubectl-label"), &labels).await;
    let without = json!({"metadata": {"annotations": {"gitops/owner": null}}});
    world.admin.merge(&format!("{uri}?fieldManager=kubectl-annotate"), &without).await;
    let mut process = kept.process(&world, &files, Options::default()).await;
    let report = process.reconcile(&world.cx).await.unwrap();
    let [step] = &report.plan.steps[..] else { panic!("{:?}", report.plan) };
    assert_eq!((&step.reason, step.cause), (&Reason::LabelLost, Cause::Drift));
    let live = web(&world).await;
    assert!(live["metadata"]["annotations"]["gitops/owner"].is_string(), "{report:?}");
    assert_eq!(live["metadata"]["labels"]["team"], "blue", "nobody declares it");
    assert_eq!(replicas_and_image(&world).await, (json!(2), json!("nginx:bot")));
    let mut process = kept.process(&world, &files, Options::default()).await;
    assert_eq!(blocked(&process.reconcile(&world.cx).await.unwrap()), (IMAGE, "some-bot"));
}

/// Where people met it: the autoscaler was taken out, and its number stayed for ever while everything was "as declared".
#[tokio::test]
async fn what_was_left_to_an_autoscaler_is_written_once_that_is_gone() {
    for anew in [false, true] {
        let world = World::new("autoscaler-goes").await;
        let (kept, files) = (Kept::default(), Files::default());
        files.declare([("web", deployment("web", 2, "nginx:1"))]);
        let mut process = kept.process(&world, &files, Options::default()).await;
        process.reconcile(&world.cx).await.unwrap();
        let root = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers", world.namespace);
        world.admin.post(&root, &autoscaler()).await;
        scale(&world, "kube-controller-manager", 4).await;
        files.declare([("web", deployment("web", 3, "nginx:1"))]);
        assert!(
            is_quiet(&process.reconcile(&world.cx).await.unwrap())
                || is_quiet(&process.reconcile(&world.cx).await.unwrap())
        );
        assert_eq!(replicas_and_image(&world).await.0, json!(4), "it is left");
        world.admin.delete(&format!("{root}/busy")).await;
        if anew {
            drop(process);
            process = kept.process(&world, &files, Options::default()).await;
        }
        process.reconcile(&world.cx).await.unwrap();
        assert_eq!(replicas_and_image(&world).await.0, json!(3), "in another process: {anew}");
        assert!(is_quiet(&process.reconcile(&world.cx).await.unwrap()));
    }
}
