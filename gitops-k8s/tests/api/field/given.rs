//! Fields that move between clients: given up, taken, dropped, and left for a while.

use gitops_core::{DriftPolicy, Engine, Options, Report, Target};
use serde_json::{Value as Json, json};

use super::clients::Kept;
use crate::support::{Files, World, create, deployment, update};

async fn data(world: &World) -> Json {
    world.admin.get(&world.uri("configmaps", "a")).await.unwrap()["data"].clone()
}

async fn replicas(world: &World) -> Json {
    world.admin.get(&world.uri("deployments.apps", "web")).await.unwrap()["spec"]["replicas"].clone()
}

/// Met where two tools declared one key: the plan called what Git gave up "ownership reclaimed", and nothing said that it stays.
#[tokio::test]
async fn what_git_gives_up_and_another_client_sets_too_is_told_to_stay() {
    let world = World::new("given-up").await;
    let target = world.target();
    let object = world.config_map("a", json!({"x": "1", "y": "2"}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let theirs =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"y": "2"}});
    world.admin.apply(&world.uri("configmaps", "a"), "other", &theirs).await;
    let live = world.observe(&target, &object.key).await.unwrap();
    let said = r#"data/y "2" given up, and stays: other sets it too"#;
    for (x, expected) in [("1", vec![said]), ("3", vec![r#"data/x "1" → "3""#, said])] {
        let fewer = world.config_map("a", json!({"x": x}));
        let preview = target
            .dry_run()
            .unwrap()
            .preview(&world.cx, &fewer.key, Some(&fewer), Some(&live))
            .await
            .unwrap();
        let shown: Vec<String> = preview.diff.fields().iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected);
    }
    let fewer = world.config_map("a", json!({"x": "1"}));
    target.apply(&world.cx, &update(&fewer, &live, "2")).await.unwrap();
    assert_eq!(data(&world).await, json!({"x": "1", "y": "2"}));
    let live = world.observe(&target, &object.key).await.unwrap();
    let after = target.dry_run().unwrap().preview(&world.cx, &fewer.key, Some(&fewer), Some(&live)).await;
    assert!(after.unwrap().diff.is_empty(), "it is told once");
}

/// Met with a label that somebody changed: drift showed the declared value as the live one.
#[tokio::test]
async fn an_owner_label_that_somebody_changed_is_shown_with_the_value_that_it_has() {
    let world = World::new("relabelled").await;
    let target = world.target();
    let object = world.config_map("a", json!({"x": "1"}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    world
        .admin
        .merge(&world.uri("configmaps", "a"), &json!({"metadata": {"labels": {"gitops/owner": "zzz"}}}))
        .await;
    let live = world.observe(&target, &object.key).await.unwrap();
    let preview =
        target.dry_run().unwrap().preview(&world.cx, &object.key, Some(&object), Some(&live)).await.unwrap();
    let [field] = preview.diff.fields() else { panic!("{:?}", preview.diff) };
    assert_eq!(
        (&*field.path, field.before.as_ref().and_then(|value| value.as_text())),
        ("/metadata/labels/gitops~1owner", Some("zzz"))
    );
    assert_ne!(field.before, field.after);
}

async fn reconciled(kept: &Kept, world: &World, files: &Files, options: &Options) -> (Engine, Report) {
    let mut engine = kept.process(world, files, options.clone()).await;
    let report = engine.reconcile(&world.cx).await.unwrap();
    (engine, report)
}

/// Met with an applier that took a key and dropped it: the key was gone, and drift said that nothing was changed.
#[tokio::test]
async fn a_field_that_another_applier_took_and_dropped_is_told_as_what_the_last_write_left() {
    let world = World::new("dropped").await;
    let (kept, files, options) = (Kept::default(), Files::default(), Options::default());
    let declare = |x: &str, y: &str| {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": x, "y": y}});
        files.declare([("a", body)]);
    };
    let theirs = async |data: Json| {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
        let uri = format!("{}?fieldManager=argocd-controller&force=true", world.uri("configmaps", "a"));
        world.admin.send("PATCH", &uri, "application/apply-patch+yaml", &body).await;
    };
    declare("1", "1");
    reconciled(&kept, &world, &files, &options).await;
    theirs(json!({"x": "theirs"})).await;
    declare("1", "2");
    let (_, report) = reconciled(&kept, &world, &files, &options).await;
    assert!(!report.plan.steps[0].is_whole(), "{:?}", report.plan);
    theirs(json!({"z": "1"})).await;
    assert_eq!(data(&world).await, json!({"y": "2", "z": "1"}));
    let mut engine = kept.process(&world, &files, options.clone()).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let [step] = &plan.steps[..] else { panic!("{plan:?}") };
    assert!(step.left_otherwise, "{step:?}");
    assert_eq!(step.diff.fields()[0].path, "/data/x");
    drop(engine);
    reconciled(&kept, &world, &files, &options).await;
    assert_eq!(data(&world).await["x"], "1");
    assert!(kept.process(&world, &files, options).await.plan(&world.cx).await.unwrap().is_empty());
}

/// Met where drift is only reported: a number that a commit changed while an autoscaler held it was reported for ever, and
/// never written. What no commit changed is drift, and is not.
#[tokio::test]
async fn a_number_that_a_commit_changed_while_it_was_left_is_written_where_drift_is_only_reported() {
    let world = World::new("left-report").await;
    let (kept, files) = (Kept::default(), Files::default());
    let options = Options::default().drift(DriftPolicy::Report);
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "busy"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 9
        }
    });
    let root = format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers", world.namespace);
    let scale =
        format!("{}/scale?fieldManager=kube-controller-manager", world.uri("deployments.apps", "web"));
    files.declare([("web", deployment("web", 2, "nginx:1"))]);
    reconciled(&kept, &world, &files, &options).await;
    world.admin.post(&root, &scaler).await;
    world.admin.merge(&scale, &json!({"spec": {"replicas": 7}})).await;
    reconciled(&kept, &world, &files, &options).await;

    // A commit of something else: the number is what it was when it was written.
    files.declare([("web", deployment("web", 2, "nginx:2"))]);
    reconciled(&kept, &world, &files, &options).await;
    world.admin.delete(&format!("{root}/busy")).await;
    for _ in 0..2 {
        let (_, report) = reconciled(&kept, &world, &files, &options).await;
        assert_eq!((report.plan.steps.len(), report.plan.drift.len()), (0, 1), "{:?}", report.plan);
        assert_eq!(replicas(&world).await, json!(7));
    }

    // A commit of the number, and then back and forth: the last one counts.
    world.admin.post(&root, &scaler).await;
    for number in [3, 2, 4] {
        files.declare([("web", deployment("web", number, "nginx:2"))]);
        let (_, report) = reconciled(&kept, &world, &files, &options).await;
        assert!(report.plan.is_empty() && report.plan.drift.is_empty(), "{:?}", report.plan);
    }
    world.admin.delete(&format!("{root}/busy")).await;
    reconciled(&kept, &world, &files, &options).await;
    assert_eq!(replicas(&world).await, json!(4));
    let (_, report) = reconciled(&kept, &world, &files, &options).await;
    assert!(report.plan.is_empty() && report.plan.drift.is_empty(), "{:?}", report.plan);
}
