use std::sync::Arc;
use std::time::Duration;

use gitops_core::capability::{Preview, Readiness};
use gitops_core::{Error, Key, Live, Object, Secret, SecretKey, Target, Value};
use gitops_k8s::{Conflicts, Kubernetes};
use serde_json::{Value as Json, json};

use crate::support::{World, create, definition, deployment, replace, update};

async fn preview(
    world: &World,
    target: &Kubernetes,
    object: &Object,
    live: Option<&Live>,
) -> Result<Preview, Error> {
    target.dry_run().unwrap().preview(&world.cx, &object.key, Some(object), live).await
}

fn shown(preview: &Preview) -> Vec<String> {
    preview.diff.fields().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn only_what_the_server_would_change_is_a_difference() {
    let world = World::new("quantity").await;
    let target = world.target();
    let with = |cpu: &str, image: &str| {
        let mut body = deployment("web", 1, image);
        body["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": cpu}});
        world.object(body)
    };
    target.apply(&world.cx, &create(&with("1000m", "nginx:1"), "1")).await.unwrap();
    let live = world.observe(&target, &world.key("Deployment.apps", "web")).await.unwrap();
    let same = preview(&world, &target, &with("1000m", "nginx:1"), Some(&live)).await.unwrap();
    assert!(same.diff.is_empty(), "{:?}", shown(&same));
    let spelt = preview(&world, &target, &with("1", "nginx:2"), Some(&live)).await.unwrap();
    assert_eq!(shown(&spelt), [r#"spec/template/spec/containers/name=web/image "nginx:1" → "nginx:2""#]);
    assert_eq!(world.writes(), 1);
}

#[tokio::test]
async fn a_creation_is_foretold_without_a_call() {
    let world = World::new("no-call").await;
    let object = world.config_map("a", json!({}));
    let made = preview(&world, &world.target(), &object, None).await.unwrap();
    assert!(made.diff.is_empty());
    assert!(world.requests().is_empty());
}

#[tokio::test]
async fn a_field_of_anothers_is_named_with_its_owner() {
    let world = World::new("fight").await;
    let target = world.target();
    target.apply(&world.cx, &create(&world.config_map("a", json!({"x": "1"})), "1")).await.unwrap();
    let theirs =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "2"}});
    world.admin.apply(&world.uri("configmaps", "a"), "rival", &theirs).await;
    let live = world.observe(&target, &world.key("ConfigMap", "a")).await.unwrap();
    let object = world.config_map("a", json!({"x": "1"}));
    let blocked = preview(&world, &target, &object, Some(&live)).await.unwrap();
    let [field] = &blocked.foreign[..] else { panic!("{blocked:?}") };
    assert_eq!((&*field.path, &*field.by, field.is_blocked()), ("/data/x", "rival", true));
    assert!(blocked.diff.is_empty());
    let taking = world.builder().conflicts(Conflicts::Take).build().unwrap();
    let taken = preview(&world, &taking, &object, Some(&live)).await.unwrap();
    assert_eq!(shown(&taken), [r#"data/x "2" → "1""#]);
    taking.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
}

#[tokio::test]
async fn a_field_that_was_taken_and_put_back_is_taken_back() {
    let world = World::new("put-back").await;
    let target = world.target();
    let object = world.config_map("a", json!({"x": "1"}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let before = world.observe(&target, &object.key).await.unwrap();
    for value in ["2", "1"] {
        world.admin.merge(&world.uri("configmaps", "a"), &json!({"data": {"x": value}})).await;
    }
    let live = world.observe(&target, &object.key).await.unwrap();
    assert_ne!(live.version, before.version, "the field is no longer ours");
    let back = preview(&world, &target, &object, Some(&live)).await.unwrap();
    assert_eq!(shown(&back), [r#"data/x "1": ownership reclaimed"#]);
    target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    assert!(preview(&world, &target, &object, Some(&live)).await.unwrap().diff.is_empty());
}

#[tokio::test]
async fn an_immutable_field_asks_for_a_replacement_where_that_is_allowed() {
    let world = World::new("immutable").await;
    let target = world.target();
    target.apply(&world.cx, &create(&world.object(deployment("web", 1, "nginx:1")), "1")).await.unwrap();
    let live = world.observe(&target, &world.key("Deployment.apps", "web")).await.unwrap();
    let mut body = deployment("web", 1, "nginx:1");
    body["spec"]["selector"]["matchLabels"] = json!({"app": "other"});
    body["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    let object = world.object(body);
    let error = preview(&world, &target, &object, Some(&live)).await.unwrap_err();
    assert!(error.to_string().contains("spec.selector"), "{error}");
    let replacing = world.builder().replace(true).build().unwrap();
    let previewed = preview(&world, &replacing, &object, Some(&live)).await.unwrap();
    assert!(previewed.replace.unwrap().contains("spec.selector"));
    let mut invalid = deployment("web", 1, "nginx:1");
    invalid["spec"]["replicas"] = json!(-1);
    let error = preview(&world, &replacing, &world.object(invalid), Some(&live)).await.unwrap_err();
    assert!(error.to_string().contains("replicas"), "a mistake is no reason to delete: {error}");
}

#[tokio::test]
async fn a_secret_is_compared_and_never_shown() {
    let world = World::new("masked").await;
    let target = world.target();
    let secret = |text: &str| {
        let object = world.object(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque"}),
        );
        let mut object = Object::clone(&object);
        let data = Value::map([("key", Value::Secret(Secret::new(text, &SecretKey::new([7; 32]))))]);
        let metadata = Value::map([("name", "s".into())]);
        object.body = Value::map([
            ("apiVersion", "v1".into()),
            ("kind", "Secret".into()),
            ("metadata", metadata),
            ("type", "Opaque".into()),
            ("data", data),
        ]);
        std::sync::Arc::new(object)
    };
    target.apply(&world.cx, &create(&secret("Zmlyc3Q="), "1")).await.unwrap();
    let live = world.observe(&target, &world.key("Secret", "s")).await.unwrap();
    assert_eq!(live.body.get("data"), secret("Zmlyc3Q=").body.get("data"));
    let changed = preview(&world, &target, &secret("c2Vjb25k"), Some(&live)).await.unwrap();
    assert_eq!(shown(&changed), ["data/key (sensitive, changed)"]);
    let all = format!("{live:?}{changed:?}{}", serde_json::to_string(&changed.diff).unwrap());
    assert!(!all.contains("Zmlyc3Q") && !all.contains("c2Vjb25k"), "{all}");
    let same = preview(&world, &target, &secret("Zmlyc3Q="), Some(&live)).await.unwrap();
    assert!(same.diff.is_empty());
}

/// The same value with a secret for each text that is `SECRET`.
fn with_secret(value: &Value, secret: &str) -> Value {
    match value {
        Value::Map(members) => {
            Value::map(members.iter().map(|(name, value)| (name, with_secret(value, secret))))
        }
        Value::Text(text) if &**text == "SECRET" => {
            Value::Secret(Secret::new(secret, &SecretKey::new([7; 32])))
        }
        value => value.clone(),
    }
}

/// Where the server does not say what it would make of an object, a plan shows what is declared: a sensitive output was in it.
#[tokio::test]
async fn a_secret_in_an_object_that_is_made_anew_is_never_shown() {
    let world = World::new("masked-anew").await;
    let target = world.builder().replace(true).build().unwrap();
    target.apply(&world.cx, &create(&world.object(deployment("web", 1, "nginx:1")), "1")).await.unwrap();
    let live = world.observe(&target, &world.key("Deployment.apps", "web")).await.unwrap();
    let mut body = deployment("web", 1, "nginx:1");
    body["metadata"]["annotations"] = json!({"password": "SECRET"});
    body["spec"]["selector"]["matchLabels"] = json!({"app": "other"});
    body["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    let mut object = Object::clone(&world.object(body));
    object.body = with_secret(&object.body, "hunter2secret");
    let object = std::sync::Arc::new(object);
    let previewed = preview(&world, &target, &object, Some(&live)).await.unwrap();
    assert!(previewed.replace.is_some(), "{previewed:?}");
    let all = format!("{previewed:?}{}", serde_json::to_string(&previewed.diff).unwrap());
    assert!(all.contains("/metadata/annotations") && !all.contains("hunter2secret"), "{all}");
}

#[tokio::test]
async fn a_change_that_would_do_something_else_than_was_shown_is_refused() {
    let world = World::new("digest").await;
    let target = world.target();
    let object = world.config_map("a", json!({"x": "1"}));
    let mut change = create(&object, "1");
    let other = world.config_map("a", json!({"x": "2"}));
    let previewed = preview(&world, &target, &other, None).await.unwrap();
    let gitops_core::Change::Create { preview: shown, .. } = &mut change else { unreachable!() };
    *shown = Some(previewed.digest);
    assert!(target.apply(&world.cx, &change).await.unwrap_err().is_conflict());
    assert_eq!(world.writes(), 0);
}

#[tokio::test]
async fn an_objects_own_policy_decides_how_it_is_written() {
    let world = World::new("policy").await;
    let target = world.target();
    let with = |annotation: (&str, &str), body: serde_json::Value| {
        let mut body = body;
        body["metadata"]["annotations"] = json!({annotation.0: annotation.1});
        world.object(body)
    };
    let once = |value: &str| {
        let body =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": value}});
        with(("kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent"), body)
    };
    target.apply(&world.cx, &create(&once("1"), "1")).await.unwrap();
    let live = world.observe(&target, &world.key("ConfigMap", "a")).await.unwrap();
    let left = preview(&world, &target, &once("2"), Some(&live)).await.unwrap();
    assert!(left.diff.is_empty(), "it is made once and left alone");

    let fixed = |value: &str| {
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "immutable": true, "data": {"x": value}
        });
        with(("kustomize.toolkit.fluxcd.io/force", "enabled"), body)
    };
    target.apply(&world.cx, &create(&fixed("1"), "2")).await.unwrap();
    let live = world.observe(&target, &world.key("ConfigMap", "b")).await.unwrap();
    let anew = preview(&world, &target, &fixed("2"), Some(&live)).await.unwrap();
    assert!(anew.replace.is_some(), "it says of itself that it may be made anew");
    target.apply(&world.cx, &replace(&fixed("2"), &live, "3")).await.unwrap();
    assert_eq!(world.admin.get(&world.uri("configmaps", "b")).await.unwrap()["data"]["x"], "2");
}

#[tokio::test]
async fn a_replacement_that_the_server_would_refuse_deletes_nothing() {
    let world = World::new("unproven").await;
    let target = world.builder().replace(true).build().unwrap();
    target.apply(&world.cx, &create(&world.object(deployment("web", 1, "nginx:1")), "1")).await.unwrap();
    let live = world.observe(&target, &world.key("Deployment.apps", "web")).await.unwrap();
    let mut body = deployment("web", 1, "nginx:1");
    body["spec"]["selector"]["matchLabels"] = json!({"app": "other"});
    let object = world.object(body);
    let error = preview(&world, &target, &object, Some(&live)).await.unwrap_err();
    assert!(error.with_help().contains("nothing was deleted"), "{error}");
    let error = target.apply(&world.cx, &replace(&object, &live, "2")).await.unwrap_err();
    assert!(!error.is_unknown(), "{error}");
    let after = world.observe(&target, &live.key).await.unwrap();
    assert_eq!((after.uid, after.version), (live.uid, live.version));
    assert_eq!(world.writes(), 1);
}

#[tokio::test]
async fn claims_that_hold_data_make_a_replacement_one_that_needs_an_approval() {
    let world = World::new("claims").await;
    let target = world.builder().replace(true).build().unwrap();
    let set = |name: &str, service: &str, claims: serde_json::Value| {
        let mut body = deployment(name, 1, "nginx:1");
        body["kind"] = json!("StatefulSet");
        body["spec"]["serviceName"] = json!(service);
        body["spec"]["volumeClaimTemplates"] = claims;
        world.object(body)
    };
    let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    for (name, claims, protected) in
        [("bare", json!([]), false), ("data", json!([{"metadata": {"name": "d"}, "spec": spec}]), true)]
    {
        let made = set(name, "a", claims.clone());
        target.apply(&world.cx, &create(&made, name)).await.unwrap();
        let live = world.observe(&target, &made.key).await.unwrap();
        let previewed = preview(&world, &target, &set(name, "b", claims), Some(&live)).await.unwrap();
        assert!(previewed.replace.is_some(), "{name}");
        assert_eq!(previewed.protected, protected, "{name}");
        let native = target.dry_run().unwrap();
        let removal = native.preview(&world.cx, &made.key, None, Some(&live)).await.unwrap();
        assert!(!removal.protected, "the claims stay");
    }
}

#[tokio::test]
async fn a_plan_says_of_a_definition_that_its_replacement_is_not_proven() {
    let world = World::new("unproven").await;
    let target = world.builder().replace(true).build().unwrap();
    let body = definition(&format!("{}.example", world.namespace), false);
    let object = |body: Json| {
        let mut object = Object::clone(&world.object(body));
        object.key = Key::new("k", object.key.kind().clone(), "", object.key.name());
        Arc::new(object)
    };
    let before = object(body.clone());
    let applied = target.apply(&world.cx, &create(&before, "1")).await.unwrap();
    let cx = world.cx.within(Duration::from_secs(60));
    let ready = target.health().unwrap().ready(&cx, &before.key, &applied).await.unwrap();
    assert_eq!(ready, Readiness::Ready, "its scope is fixed once it is established");
    let live = world.observe(&target, &before.key).await.unwrap();
    let mut changed = body;
    changed["spec"]["scope"] = json!("Cluster");
    let previewed = preview(&world, &target, &object(changed), Some(&live)).await.unwrap();
    let why = previewed.replace.unwrap();
    assert!(why.contains("spec.scope") && why.contains("not proven"), "{why}");
}
