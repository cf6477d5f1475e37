//! What people do by hand in an emergency, and what a later commit does then.

use std::sync::Arc;

use gitops_core::{Change, ErrorKind, Expect, Object, Target};
use gitops_k8s::Ignore;
use serde_json::{Value as Json, json};

use super::clients::is_quiet;
use crate::engine::{App, config_map};
use crate::support::{World, create, deployment, owner_label, update};

async fn web(world: &World) -> Json {
    world.admin.get(&world.uri("deployments.apps", "web")).await.unwrap()
}

fn image(web: &Json) -> &Json {
    &web["spec"]["template"]["spec"]["containers"][0]["image"]
}

/// Met with `kubectl rollout undo`, which takes the annotations of the former version along, ours among them: no later apply, commit
/// or rollback could write the object.
#[tokio::test]
async fn what_a_person_rolls_back_with_our_annotations_is_restored_and_delivered_on() {
    let world = World::new("undone").await;
    let mut app = App::new(&world, world.target()).await;
    app.files.declare([("web", deployment("web", 1, "nginx:1"))]);
    app.apply(&world.cx).await;
    let first = web(&world).await["metadata"]["annotations"]["gitops/operation"].clone();
    app.files.declare([("web", deployment("web", 1, "nginx:2"))]);
    app.apply(&world.cx).await;
    for manager in ["kubectl", "kubectl-rollout", "k9s"] {
        let uri = format!("{}?fieldManager={manager}", world.uri("deployments.apps", "web"));
        let undo = json!({
            "metadata": {"annotations": {"gitops/operation": first}},
            "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}}
        });
        world.admin.send("PATCH", &uri, "application/strategic-merge-patch+json", &undo).await;
        let report = app.apply(&world.cx).await;
        assert_eq!(
            (report.applied(), image(&web(&world).await)),
            (1, &json!("nginx:2")),
            "{manager}: {report:?}"
        );
        assert!(is_quiet(&app.apply(&world.cx).await), "{manager}");
    }
    app.files.declare([("web", deployment("web", 1, "nginx:3"))]);
    app.apply(&world.cx).await;
    assert_eq!(image(&web(&world).await), &json!("nginx:3"));
}

/// The same of a tool that nobody knows and that wrote nothing of what is declared: a backup that was put back in place.
#[tokio::test]
async fn our_annotation_that_an_unknown_client_wrote_holds_no_commit_up() {
    let world = World::new("put-back-mark").await;
    let mut app = App::new(&world, world.target()).await;
    let two = |value: &str| {
        let mut body = config_map("a", value);
        body["data"]["y"] = json!(value);
        body
    };
    app.files.declare([("a", two("1"))]);
    app.apply(&world.cx).await;
    let uri = format!("{}?fieldManager=velero-server", world.uri("configmaps", "a"));
    for value in ["2", "3"] {
        world.admin.merge(&uri, &json!({"metadata": {"annotations": {"gitops/operation": value}}})).await;
        app.files.declare([("a", two(value))]);
        let report = app.apply(&world.cx).await;
        assert_eq!(report.applied(), 1, "{report:?}");
        assert_eq!(world.admin.get(&world.uri("configmaps", "a")).await.unwrap()["data"]["x"], value);
        assert!(is_quiet(&app.apply(&world.cx).await));
    }
    // A field that it did write is its own still.
    let theirs = json!({"metadata": {"annotations": {"gitops/operation": "9"}}, "data": {"x": "theirs"}});
    world.admin.merge(&uri, &theirs).await;
    app.files.declare([("a", two("4"))]);
    app.apply(&world.cx).await;
    let now = world.admin.get(&world.uri("configmaps", "a")).await.unwrap();
    assert_eq!(now["data"], json!({"x": "theirs", "y": "4"}));
}

/// Met during the move to an autoscaler: the number was taken out of Git, as we advise, and five pods became one.
#[tokio::test]
async fn replicas_that_leave_git_stay_as_they_are() {
    let world = World::new("replicas-leave").await;
    let mut app = App::new(&world, world.target()).await;
    let mut without = deployment("web", 5, "nginx:1");
    app.files.declare([("web", without.clone())]);
    app.apply(&world.cx).await;
    without["spec"].as_object_mut().unwrap().remove("replicas");
    app.files.declare([("web", without.clone())]);
    for _ in 0..2 {
        let report = app.apply(&world.cx).await;
        assert!(is_quiet(&report), "{:?}", report.plan);
    }
    without["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:2");
    app.files.declare([("web", without)]);
    app.apply(&world.cx).await;
    let now = web(&world).await;
    assert_eq!((&now["spec"]["replicas"], image(&now)), (&json!(5), &json!("nginx:2")));
    // Whoever sets it then has it.
    let scale =
        format!("{}/scale?fieldManager=kube-controller-manager", world.uri("deployments.apps", "web"));
    world.admin.merge(&scale, &json!({"spec": {"replicas": 7}})).await;
    let report = app.apply(&world.cx).await;
    assert!(is_quiet(&report), "{:?}", report.plan);
    assert_eq!(web(&world).await["spec"]["replicas"], json!(7));
}

/// The same of a field that a rule leaves to others: it keeps the value that it has, whatever is declared.
#[tokio::test]
async fn a_field_that_a_rule_leaves_stays_when_it_leaves_git() {
    let world = World::new("rule-leaves").await;
    let rule = Ignore::of("", "ConfigMap").pointer("/data/x").unwrap();
    let target = world.builder().ignore([rule]).build().unwrap();
    let all = world.config_map("a", json!({"x": "1", "y": "1"}));
    target.apply(&world.cx, &create(&all, "1")).await.unwrap();
    for data in [json!({"y": "2"}), json!(null)] {
        let fewer = world.config_map("a", data.clone());
        let live = world.observe(&target, &fewer.key).await.unwrap();
        let preview = target
            .dry_run()
            .unwrap()
            .preview(&world.cx, &fewer.key, Some(&fewer), Some(&live))
            .await
            .unwrap();
        let paths: Vec<&str> = preview.diff.fields().iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["/data/y"]);
        target.apply(&world.cx, &update(&fewer, &live, &data.to_string())).await.unwrap();
        let now = world.admin.get(&world.uri("configmaps", "a")).await.unwrap();
        assert_eq!(now["data"]["x"], "1", "{now:#}");
    }
}

/// Met where an autoscaler came with the commit that took the number out of Git: it scaled at once, and the write of the new image was
/// refused for the number that it should have left.
#[tokio::test]
async fn an_autoscaler_that_sets_the_number_that_leaves_git_is_in_no_write_s_way() {
    let world = World::new("replicas-race").await;
    let target = world.target();
    let object = |replicas: Option<u32>, image: &str| {
        let mut json = deployment("web", 2, image);
        json["spec"]["replicas"] = json!(replicas);
        world.object(json)
    };
    let scaled_by = async |manager: &str, replicas: u32, next: &Arc<Object>, op: &str| {
        let live = world.observe(&target, &next.key).await.unwrap();
        let dry_run = target.dry_run().unwrap();
        let preview = dry_run.preview(&world.cx, &next.key, Some(next), Some(&live)).await.unwrap();
        let scale = format!("{}/scale?fieldManager={manager}", world.uri("deployments.apps", "web"));
        world.admin.merge(&scale, &json!({"spec": {"replicas": replicas}})).await;
        let (object, expect, owner_label) = (next.clone(), Expect::from(&live), owner_label(op));
        let preview = Some(preview.digest);
        let change = Change::Update { object, expect, owner_label, preview };
        target.apply(&world.cx, &change).await
    };
    target.apply(&world.cx, &create(&object(Some(2), "nginx:1"), "1")).await.unwrap();
    // Nobody but an autoscaler has this way.
    let refused = scaled_by("kubectl", 6, &object(None, "nginx:2"), "2").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    let live = world.observe(&target, &object(None, "").key).await.unwrap();
    target.apply(&world.cx, &update(&object(Some(2), "nginx:1"), &live, "3")).await.unwrap();
    scaled_by("kube-controller-manager", 4, &object(None, "nginx:2"), "4").await.unwrap();
    let now = web(&world).await;
    assert_eq!((&now["spec"]["replicas"], image(&now)), (&json!(4), &json!("nginx:2")));
}
