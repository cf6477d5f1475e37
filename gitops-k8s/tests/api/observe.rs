use gitops_core::{Key, Presence, Scope, Target};
use serde_json::json;

use crate::support::{World, create};

#[tokio::test]
async fn many_objects_of_a_kind_cost_one_list() {
    let world = World::new("many").await;
    let target = world.target();
    let names: Vec<String> = (0..20).map(|n| format!("a{n}")).collect();
    for name in &names {
        target.apply(&world.cx, &create(&world.config_map(name, json!({"n": name})), name)).await.unwrap();
    }
    let before = world.requests().len();
    let keys = names.iter().map(|name| world.key("ConfigMap", name));
    let scope: Scope = keys.chain([world.key("ConfigMap", "absent")]).collect();
    let found = target.observe(&world.cx, &scope).await.unwrap();
    assert_eq!(found.len(), 20);
    assert!(found.windows(2).all(|pair| pair[0].key < pair[1].key), "in the order of their keys");
    assert_eq!(world.requests().len() - before, 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_neither_absent_nor_in_the_way() {
    let world = World::new("unreadable").await;
    let target = world.target();
    let object = world.config_map("a", json!({}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let nowhere = Key::new("k", gitops_core::GroupKind::new("", "ConfigMap"), "", "a");
    let scope: Scope = [object.key.clone(), nowhere.clone()].into_iter().collect();
    let found = target.observe(&world.cx, &scope).await.unwrap();
    let reason = |key: &Key| match &found.iter().find(|live| live.key == *key).unwrap().presence {
        Presence::Unreadable(refusal) => refusal.reason.clone(),
        _ => String::new(),
    };
    assert_eq!(reason(&object.key), "");
    assert!(reason(&nowhere).contains("lives in a namespace"), "{}", reason(&nowhere));
}

#[tokio::test]
async fn a_group_whose_server_is_away_hides_only_itself() {
    let world = World::new("dead-group").await;
    let target = world.target();
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1.away.example"},
        "spec": {
            "group": "away.example", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 1,
            "service": {"namespace": world.namespace, "name": "away"}
        }
    });
    let services = "/apis/apiregistration.k8s.io/v1/apiservices";
    world.admin.post(services, &service).await;
    let object = world.config_map("a", json!({}));
    target.apply(&world.cx, &create(&object, "1")).await.unwrap();
    let away = world.key("Thing.away.example", "a");
    let never = world.key("Thing.never.example", "a");
    let scope: Scope = [object.key.clone(), away.clone(), never].into_iter().collect();
    let found = target.observe(&world.cx, &scope).await.unwrap();
    world.admin.delete(&format!("{services}/v1.away.example")).await;
    assert_eq!(found.len(), 2, "a kind that nothing defines has no objects: {found:?}");
    assert_eq!((&found[0].key, &found[0].presence), (&object.key, &Presence::Present));
    assert!(matches!(&found[1].presence, Presence::Unreadable(_)) && found[1].key == away);
}
