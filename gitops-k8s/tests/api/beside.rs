//! What a write changes beside the declaration: what the webhooks of a cluster set.

use gitops_core::{Object, Target};
use gitops_k8s::{Ignore, Kubernetes};
use serde_json::json;
use testbed::{Answer, Webhook};

use crate::support::{World, create, update};

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// Has a webhook change what is written in a world's namespace, and waits until it does.
async fn hooked(world: &World, answer: Answer) -> Webhook {
    let webhook = Webhook::start(answer).await;
    world.admin.post(WEBHOOKS, &webhook.mutating(&world.namespace, &world.namespace)).await;
    let maps = world.uri("configmaps", "");
    let metadata = json!({"name": "probe", "labels": {"a": "1"}, "annotations": {"a": "1"}});
    let probe = json!({"metadata": metadata, "data": {"a": "1"}});
    let uri = format!("{}?dryRun=All", maps.trim_end_matches('/'));
    loop {
        let (_, answer) = world.admin.send("POST", &uri, "application/json", &probe).await;
        if answer["metadata"]["labels"]["team"].is_string() {
            return webhook;
        }
    }
}

/// What a plan shows of an object as it would be declared.
async fn shown(world: &World, target: &Kubernetes, object: &Object) -> Vec<String> {
    let live = world.observe(target, &object.key).await;
    let preview = target.dry_run().unwrap().preview(&world.cx, &object.key, Some(object), live.as_ref());
    preview.await.unwrap().diff.fields().iter().map(ToString::to_string).collect()
}

/// Met with a policy that gives every object its team: what it set was a part of no plan, and so of no approval.
#[tokio::test]
async fn what_a_webhook_sets_beside_the_declaration_is_shown_where_the_object_changes() {
    let world = World::new("beside").await;
    let target = world.target();
    let [first, second] = ["1", "2"].map(|value| world.config_map("a", json!({ "x": value })));
    target.apply(&world.cx, &create(&first, "1")).await.unwrap();
    let uri = world.uri("configmaps", "a");
    world.admin.merge(&uri, &json!({"metadata": {"labels": {"theirs": "1"}}})).await;
    let path = "/metadata/labels/team";
    let webhook = hooked(&world, Answer::Set(path, "red")).await;
    assert!(shown(&world, &target, &first).await.is_empty(), "what does not change is not written");
    let change = r#"data/x "1" → "2""#;
    let with = |team: &str| vec![change.to_owned(), format!("metadata/labels/team {team} added")];
    assert_eq!(shown(&world, &target, &second).await, with(r#""red""#));
    // What another client does to a field of its own is no part of it; its write goes through the webhook, too.
    webhook.answer(Answer::Set("/metadata/labels/theirs", "2"));
    world.admin.merge(&uri, &json!({"metadata": {"labels": {"more": "1"}}})).await;
    webhook.answer(Answer::Set(path, "red"));
    assert_eq!(shown(&world, &target, &second).await, with(r#""red""#));
    webhook.answer(Answer::Set(path, "blue"));
    assert_eq!(shown(&world, &target, &second).await, with(r#""blue""#));
    let rule = Ignore::of("", "ConfigMap").pointer(path).unwrap();
    let ignoring = world.builder().ignore([rule]).build().unwrap();
    assert_eq!(shown(&world, &ignoring, &second).await, [change], "a rule leaves it to others");
    // What is another value at each write moves no plan.
    webhook.answer(Answer::Stamp(path));
    for _ in 0..2 {
        assert_eq!(shown(&world, &target, &second).await, with(r#""(another value at each write)""#));
    }
    let mut times = Vec::new();
    for time in ["2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"] {
        webhook.answer(Answer::Set("/metadata/annotations/at", time));
        times.push(shown(&world, &target, &second).await);
    }
    assert_eq!(times[0], [change, r#"metadata/annotations/at "(another value at each write)" added"#]);
    assert_eq!(times[0], times[1]);

    webhook.answer(Answer::Set(path, "red"));
    let live = world.observe(&target, &second.key).await.unwrap();
    target.apply(&world.cx, &update(&second, &live, "2")).await.unwrap();
    assert!(shown(&world, &target, &second).await.is_empty());
    assert_eq!(shown(&world, &target, &first).await, [r#"data/x "2" → "1""#], "it has it already");
    world.admin.delete(&format!("{WEBHOOKS}/{}", world.namespace)).await;
}

#[tokio::test]
async fn what_a_webhook_sets_in_a_secret_is_not_shown() {
    let world = World::new("beside-secret").await;
    let target = world.target();
    let secret = |value: &str| {
        world.object(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque", "data": {"x": value}
        }))
    };
    target.apply(&world.cx, &create(&secret("MQ=="), "1")).await.unwrap();
    let webhook = hooked(&world, Answer::Set("/metadata/labels/team", "red")).await;
    webhook.answer(Answer::Set("/data/more", "c2VjcmV0"));
    let changed = shown(&world, &target, &secret("Mg==")).await;
    assert_eq!(changed, ["data/more (sensitive, changed)", "data/x (sensitive, changed)"]);
    world.admin.delete(&format!("{WEBHOOKS}/{}", world.namespace)).await;
}
