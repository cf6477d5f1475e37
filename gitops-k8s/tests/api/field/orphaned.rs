use std::sync::Arc;
use std::time::Duration;

use gitops_core::{ApplyOptions, StepOutcome};
use serde_json::{Value as Json, json};

use crate::engine::{App, builder, config_map};
use crate::support::World;

const MARKS: [(&str, &str, &str); 6] = [
    ("annotations", "argocd.argoproj.io/sync-options", "Prune=false"),
    ("annotations", "argocd.argoproj.io/sync-options", "Mispelt=1, Prune=false"),
    ("annotations", "kustomize.toolkit.fluxcd.io/prune", "disabled"),
    ("labels", "kustomize.toolkit.fluxcd.io/prune", "Disabled"),
    ("annotations", "helm.sh/resource-policy", "keep"),
    ("annotations", "client.lifecycle.config.k8s.io/deletion", "detach"),
];

fn marked(section: &str, key: &str, value: Json) -> Json {
    json!({"metadata": {section: {key: value}}})
}

/// Where people met it: somebody labels the live object before its file goes, as other tools of delivery have it.
#[tokio::test]
async fn what_a_person_marks_to_stay_is_orphaned_when_it_leaves_the_source() {
    let world = World::new("marked").await;
    let mut app = App::new(&world, world.target()).await;
    let names: Vec<String> = (0..MARKS.len()).map(|n| format!("kept-{n}")).collect();
    let rest = ("rest", config_map("rest", "1"));
    let goes = ("goes", config_map("goes", "1"));
    let all = names.iter().map(|name| (name.as_str(), config_map(name, "1")));
    app.files.declare(all.chain([rest.clone(), goes]));
    app.apply(&world.cx).await;
    for (name, (section, key, value)) in names.iter().zip(MARKS) {
        world.admin.merge(&world.uri("configmaps", name), &marked(section, key, json!(value))).await;
    }
    app.files.declare([rest]);
    let kept: Vec<_> = names.iter().map(|name| world.key("ConfigMap", name)).collect();
    let report = app.apply(&world.cx).await;
    assert_eq!((report.applied(), report.plan.orphaned), (1, kept.clone()), "the unlabelled one goes");
    assert_eq!(app.apply(&world.cx).await.plan.orphaned, kept, "the next reconciliation says so too");
    for name in &names {
        assert!(world.admin.get(&world.uri("configmaps", name)).await.is_some(), "{name}");
    }
    let (section, key, _) = MARKS[0];
    world.admin.merge(&world.uri("configmaps", &names[0]), &marked(section, key, Json::Null)).await;
    let report = app.apply(&world.cx).await;
    assert_eq!(
        (report.applied(), report.plan.orphaned.len()),
        (1, MARKS.len() - 1),
        "a annotation that goes lets it go"
    );
}

/// Where people met it: the annotation came while the plan was being read.
#[tokio::test]
async fn a_mark_that_comes_after_the_plan_stops_the_delete() {
    let world = World::new("marked-late").await;
    let app = App::new(&world, world.target()).await;
    let rest = ("rest", config_map("rest", "1"));
    app.files.declare([("a", config_map("a", "1")), ("b", config_map("b", "1")), rest.clone()]);
    let target = Arc::new(world.target());
    let mut engine =
        builder(&world, &app.files, &target, Duration::from_millis(300)).open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    app.files.declare([("b", config_map("b", "1")), rest]);
    let plan = engine.plan(&world.cx).await.unwrap();
    let (section, key, value) = MARKS[0];
    let uri = world.uri("configmaps", "a");
    world.admin.merge(&uri, &marked(section, key, json!(value))).await;
    let error = engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap_err();
    assert!(error.is_stale() && world.admin.get(&uri).await.is_some(), "{error}");
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert!(report.results.iter().all(|result| result.outcome == StepOutcome::Done));
    assert_eq!(report.plan.orphaned, [world.key("ConfigMap", "a")]);
}
