use std::sync::{Arc, Mutex};

use gitops_core::{Applied, Change, ErrorKind, Presence, Target, Value};
use serde_json::{Value as Json, json};

use crate::support::{World, create, define, definition, delete, deployment, replace, update};

#[tokio::test]
async fn what_was_made_is_observed_as_it_was_declared() {
    let world = World::new("round-trip").await;
    let target = world.target();
    let body = deployment("web", 2, "nginx:1");
    let object = world.object(body);
    let applied = target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    assert_eq!(Applied::from(&live), applied);
    assert!(live.is_owned_by("shop/1"));
    assert_eq!(live.op.as_deref(), Some("1"));
    let declared = json!({"namespace": world.namespace, "name": "web"});
    assert_eq!(
        live.body.get("metadata"),
        Some(&Value::from_json(declared)),
        "the owner label is no part of the body"
    );
    assert_eq!(
        live.body.get("spec"),
        object.body.get("spec"),
        "what the server added is no part of the body"
    );
}

#[tokio::test]
async fn a_creation_leaves_what_is_there() {
    let world = World::new("occupied").await;
    let target = world.target();
    let object = world.config_map("a", json!({"whose": "ours"}));
    let theirs = json!({"metadata": {"name": "a"}, "data": {"whose": "theirs"}});
    let made = world.admin.post(world.uri("configmaps", "").trim_end_matches('/'), &theirs).await;
    let error = target.apply(&world.cx, &create(&object, "1")).await.unwrap_err();
    assert!(error.is_conflict() && !error.is_unknown(), "{error}");
    let after = world.admin.get(&world.uri("configmaps", "a")).await.unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn a_repeated_operation_has_one_effect() {
    let world = World::new("repeat").await;
    let target = world.target();
    let object = world.config_map("a", json!({"n": "1"}));
    let made = create(&object, "1");
    let first = target.apply(&world.cx, &made).await.unwrap();
    assert_eq!(target.apply(&world.cx, &made).await.unwrap(), first);
    let live = world.observe(&target, &object.key).await.unwrap();
    let changed = update(&world.config_map("a", json!({"n": "2"})), &live, "2");
    let second = target.apply(&world.cx, &changed).await.unwrap();
    assert_ne!(second, first, "an effective write has another version");
    // Another process, which was told nothing of what this one did.
    assert_eq!(world.target().apply(&world.cx, &changed).await.unwrap(), second);
    let live = world.observe(&target, &object.key).await.unwrap();
    assert_eq!(target.apply(&world.cx, &delete(&live, "3")).await.unwrap(), Applied::Absent);
    assert_eq!(target.apply(&world.cx, &delete(&live, "3")).await.unwrap(), Applied::Absent);
}

#[tokio::test]
async fn a_field_that_is_no_longer_declared_goes_and_others_fields_stay() {
    let world = World::new("fields").await;
    let target = world.target();
    target.apply(&world.cx, &create(&world.config_map("a", json!({"x": "1", "y": "1"})), "1")).await.unwrap();
    let uri = world.uri("configmaps", "a");
    world.admin.merge(&uri, &json!({"data": {"theirs": "1"}})).await;
    let live = world.observe(&target, &world.key("ConfigMap", "a")).await.unwrap();
    let object = world.config_map("a", json!({"x": "2"}));
    target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
    let after = world.admin.get(&uri).await.unwrap();
    assert_eq!(after["data"], json!({"x": "2", "theirs": "1"}));
}

#[tokio::test]
async fn changes_of_others_fields_do_not_stand_in_the_way() {
    let world = World::controlled("status").await;
    let target = world.target();
    let created =
        target.apply(&world.cx, &create(&world.object(deployment("web", 1, "nginx:1")), "1")).await.unwrap();
    let key = world.key("Deployment.apps", "web");
    let uri = world.uri("deployments.apps", "web");
    while world.admin.get(&uri).await.unwrap()["status"]["readyReplicas"] != 1 {}
    let live = world.observe(&target, &key).await.unwrap();
    let (_, made) = created.state().unwrap();
    assert_eq!(&live.version, made, "a status is no change of what we own");
    let object = world.object(deployment("web", 1, "nginx:2"));
    target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
}

#[tokio::test]
async fn an_update_of_what_somebody_changed_is_a_conflict() {
    let world = World::new("stale").await;
    let target = world.target();
    target.apply(&world.cx, &create(&world.config_map("a", json!({"x": "1"})), "1")).await.unwrap();
    let live = world.observe(&target, &world.key("ConfigMap", "a")).await.unwrap();
    let uri = world.uri("configmaps", "a");
    world.admin.merge(&uri, &json!({"data": {"x": "theirs"}})).await;
    let object = world.config_map("a", json!({"x": "2"}));
    let error = target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap_err();
    assert!(error.is_conflict() && !error.is_unknown(), "{error}");
    let error = target.apply(&world.cx, &delete(&live, "3")).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(world.admin.get(&uri).await.unwrap()["data"]["x"], "theirs");
}

#[tokio::test]
async fn a_namesake_is_neither_changed_nor_deleted() {
    let world = World::new("namesake").await;
    let target = world.target();
    let object = world.config_map("a", json!({"x": "1"}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    let uri = world.uri("configmaps", "a");
    world.admin.delete(&uri).await;
    let update = update(&object, &live, "2");
    let error = target.apply(&world.cx, &update).await.unwrap_err();
    assert!(error.is_conflict(), "an update makes nothing: {error}");
    assert!(world.admin.get(&uri).await.is_none());
    // The namesake carries a copy of everything, as from a backup.
    let copy = live_copy(&world);
    world.admin.post(world.uri("configmaps", "").trim_end_matches('/'), &copy).await;
    assert!(target.apply(&world.cx, &update).await.unwrap_err().is_conflict());
    assert_eq!(target.apply(&world.cx, &delete(&live, "3")).await.unwrap(), Applied::Absent);
    assert!(world.admin.get(&uri).await.is_some(), "the namesake is still there");
    let seen = world.observe(&target, &object.key).await.unwrap();
    assert!(!seen.is_owned_by("shop/1"), "a copied owner label is no owner label");
}

fn live_copy(world: &World) -> serde_json::Value {
    json!({
        "metadata": {
            "name": "a", "namespace": world.namespace,
            "labels": {"gitops/owner": "whatever"},
            "annotations": {"gitops/owner": "shop/1", "gitops/operation": "1"}
        },
        "data": {"x": "1"}
    })
}

#[tokio::test]
async fn a_finalizer_keeps_an_object_on_its_way_out() {
    let world = World::new("finalizer").await;
    let target = world.target();
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "finalizers": ["example.org/hold"]}
    });
    let object = world.object(body);
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    let gone = delete(&live, "2");
    assert_eq!(target.apply(&world.cx, &gone).await.unwrap(), Applied::Deleting);
    assert_eq!(world.observe(&target, &object.key).await.unwrap().presence, Presence::Deleting);
    assert_eq!(target.apply(&world.cx, &gone).await.unwrap(), Applied::Deleting);
    let uri = world.uri("configmaps", "a");
    world.admin.merge(&uri, &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(target.apply(&world.cx, &gone).await.unwrap(), Applied::Absent);
}

#[tokio::test]
async fn a_replacement_waits_for_the_old_one_to_go() {
    let world = World::new("replace").await;
    let target = world.builder().replace(true).build().unwrap();
    let body = |immutable: &str| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "immutable": true,
            "metadata": {"name": "a", "finalizers": ["example.org/hold"]}, "data": {"x": immutable}
        })
    };
    let object = world.object(body("1"));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    let anew = replace(&world.object(body("2")), &live, "2");
    let release = async {
        let uri = world.uri("configmaps", "a");
        loop {
            let now = world.admin.get(&uri).await.unwrap();
            if !now["metadata"]["deletionTimestamp"].is_null() {
                return world.admin.merge(&uri, &json!({"metadata": {"finalizers": null}})).await;
            }
        }
    };
    let (applied, _) = tokio::join!(target.apply(&world.cx, &anew), release);
    let after = world.observe(&target, &object.key).await.unwrap();
    assert_eq!(applied.unwrap(), Applied::from(&after));
    assert_ne!(after.uid, live.uid);
    assert_eq!(
        target.apply(&world.cx, &anew).await.unwrap(),
        Applied::from(&after),
        "repeated, it has no effect"
    );
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let world = World::new("large").await;
    let object = world.config_map("a", json!({"x": "a".repeat(1 << 20)}));
    let error = world.target().apply(&world.cx, &create(&object, "1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("limit: 1048576"), "{error}");
    assert_eq!(world.writes(), 0);
}

#[tokio::test]
async fn what_the_server_does_not_know_is_refused_with_a_way_out() {
    let world = World::new("unknown").await;
    let target = world.target();
    let body = json!({"apiVersion": "nowhere.example/v1", "kind": "Thing", "metadata": {"name": "a"}});
    let error = target.apply(&world.cx, &create(&world.object(body), "1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.help_text().unwrap().contains("CustomResourceDefinition"), "{error}");
    let unchecked = json!({"argocd.argoproj.io/sync-options": "Validate=false"});
    for annotations in [json!({}), unchecked] {
        let metadata = json!({"name": "a", "annotations": annotations});
        let misspelt = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "dta": {}});
        let error = target.apply(&world.cx, &create(&world.object(misspelt), "1")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("dta"), "{error}");
    }
}

/// The server is not asked to look for such fields, and refuses them all the same.
#[tokio::test]
async fn a_field_that_a_custom_kind_does_not_have_is_refused() {
    let world = World::new("misspelt").await;
    let group = format!("{}.example", world.namespace);
    let mut definition = definition(&group, false);
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = json!({
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}
    });
    define(&world, definition).await;
    let thing = |spec: Json| {
        let (version, metadata) = (format!("{group}/v1"), json!({"name": "a"}));
        world.object(json!({"apiVersion": version, "kind": "Thing", "metadata": metadata, "spec": spec}))
    };
    let target = world.target();
    let misspelt = thing(json!({"size": 1, "sise": 2}));
    let error = target.apply(&world.cx, &create(&misspelt, "1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("sise"), "{error}");
    target.apply(&world.cx, &create(&thing(json!({"size": 1})), "2")).await.unwrap();
}

#[tokio::test]
async fn a_refusal_does_not_quote_a_secret() {
    let world = World::new("quoted").await;
    let target = world.target();
    let body = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
        "data": {"hunter2 is no key": "aHVudGVyMg=="}
    });
    let error = target.apply(&world.cx, &create(&world.object(body), "1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(!format!("{error:#}{error:?}").contains("aHVudGVyMg"), "{error:#}");
}

#[tokio::test]
async fn what_the_server_warns_of_is_told_once_with_the_place() {
    let world = World::new("warned").await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let target =
        world.builder().warnings(move |warning| listener.lock().unwrap().push(warning)).build().unwrap();
    let mut body = deployment("web", 1, "nginx:1");
    body["spec"]["template"]["spec"]["nodeSelector"] = json!({"beta.kubernetes.io/os": "linux"});
    let object = world.object(body.clone());
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    body["spec"]["replicas"] = json!(2);
    let (object, live) = (world.object(body), world.observe(&target, &object.key).await.unwrap());
    target.dry_run().unwrap().preview(&world.cx, &object.key, Some(&object), Some(&live)).await.unwrap();
    target.apply(&world.cx, &update(&object, &live, "2")).await.unwrap();
    let told = told.lock().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "{told:?}");
    let place = object.provenance.to_string();
    let begins = format!(
        "warning[GO0419]: {place}: the API server warns: spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated"
    );
    assert!(told[0].starts_with(&begins), "{told:?}");
}

/// Of some kinds the server answers a deletion with the object that it was.
#[tokio::test]
async fn what_is_gone_is_gone_whatever_the_server_answers() {
    let world = World::new("answered").await;
    let target = world.target();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}
    });
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}});
    for body in [service, account] {
        let object = world.object(body);
        target.apply(&world.cx, &create(&object, "1")).await.unwrap();
        let live = world.observe(&target, &object.key).await.unwrap();
        let deleted = target.apply(&world.cx, &delete(&live, "2")).await.unwrap();
        assert_eq!(deleted, Applied::Absent, "{}", object.key);
        assert!(world.observe(&target, &object.key).await.is_none());
    }
}

/// Somebody made it anew meanwhile, equal to what we declare: it is not what we replaced.
#[tokio::test]
async fn a_namesake_is_not_taken_for_the_replacement_that_we_made() {
    let world = World::new("not-replaced").await;
    let target = world.builder().replace(true).build().unwrap();
    let object = world.config_map("a", json!({"x": "1"}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    let uri = world.uri("configmaps", "a");
    world.admin.delete(&uri).await;
    target.apply(&world.cx, &create(&object, "2")).await.unwrap();
    let namesake = world.admin.get(&uri).await.unwrap();
    let error = target.apply(&world.cx, &replace(&object, &live, "3")).await.unwrap_err();
    assert!(error.is_conflict() && !error.is_unknown(), "{error}");
    assert_eq!(world.admin.get(&uri).await.unwrap()["metadata"], namesake["metadata"]);
}

/// The port is taken by nobody but the object that makes room for its replacement.
#[tokio::test]
async fn a_service_that_keeps_its_port_can_be_replaced() {
    let world = World::new("port").await;
    let target = world.builder().replace(true).build().unwrap();
    let service = |color: &str| {
        world.object(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "labels": {"color": color}},
            "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30077}]}
        }))
    };
    let object = service("blue");
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    target.apply(&world.cx, &replace(&service("green"), &live, "2")).await.unwrap();
    let after = world.admin.get(&world.uri("services", "a")).await.unwrap();
    assert_eq!(after["metadata"]["labels"]["color"], json!("green"));
    assert_ne!(after["metadata"]["uid"], json!(live.uid.as_str()));
    // A port of a node is there once for the whole cluster.
    world.admin.delete(&world.uri("services", "a")).await;
}

/// The answer to a creation was lost, and somebody set a field otherwise since: a repetition does not call that its own.
#[tokio::test]
async fn a_repeated_creation_whose_field_somebody_set_since_is_unknown() {
    let mut told = Vec::new();
    for client in ["a person", "an applier"] {
        let world = World::new("set-since").await;
        let target = world.target();
        let object = world.config_map("a", json!({"x": "1"}));
        target.apply(&world.cx, &create(&object, "1")).await.unwrap();
        let (uri, theirs) = (world.uri("configmaps", "a"), json!({"data": {"x": "2"}}));
        if client == "a person" {
            world.admin.merge(&uri, &theirs).await;
        } else {
            let mut body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
            body["data"] = theirs["data"].clone();
            world.admin.apply(&uri, "robot", &body).await;
        }
        let error = target.apply(&world.cx, &create(&object, "1")).await.unwrap_err();
        assert!(error.is_conflict() && error.is_unknown(), "{client}: {error}");
        told.push(error.to_string().replace(&world.namespace, "NAMESPACE"));
        assert_eq!(world.admin.get(&uri).await.unwrap()["data"], theirs["data"], "{client}");
    }
    assert_eq!(told[0], told[1], "who it was makes no difference");
}

/// Between the plan and the write somebody else set the field that the change is about.
#[tokio::test]
async fn no_field_is_taken_from_anybody_that_the_plan_did_not_show() {
    let world = World::new("not-shown").await;
    let target = world.target();
    let object = world.config_map("a", json!({"x": "1"}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let live = world.observe(&target, &object.key).await.unwrap();
    let object = world.config_map("a", json!({"x": "1", "y": "ours"}));
    let native = target.dry_run().unwrap();
    let shown = native.preview(&world.cx, &object.key, Some(&object), Some(&live)).await.unwrap();
    let mut change = update(&object, &live, "2");
    if let Change::Update { preview, .. } = &mut change {
        *preview = Some(shown.digest);
    }
    let uri = world.uri("configmaps", "a");
    let theirs = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"y": "theirs"}
    });
    world.admin.apply(&uri, "robot", &theirs).await;
    let error = target.apply(&world.cx, &change).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert!(error.help_text().is_some_and(|help| help.starts_with("plan again")), "{error:?}");
    assert_eq!(world.admin.get(&uri).await.unwrap()["data"], json!({"x": "1", "y": "theirs"}));
}
