//! Which objects rules are for, and what is compared of what is written as a whole.

use gitops_core::{GroupKind, Provenance};
use serde_json::json;

use super::*;

fn entry(manager: &str, fields: &Json) -> Json {
    json!({"manager": manager, "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": fields})
}

fn seen(entries: &[Json], spec: &Json) -> Seen {
    Seen::new(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "managedFields": entries}, "spec": spec,
    }))
}

fn key() -> Key {
    Key::new("k", GroupKind::new("apps", "Deployment"), "shop", "web")
}

fn web() -> Ignore {
    Ignore::of("apps", "Deployment").namespace("shop").name("web")
}

#[test]
fn a_rule_is_for_the_objects_that_all_of_its_names_fit() {
    let any = || Ignore::of("*", "*");
    let of_others = [
        Ignore::of("batch", "Deployment"),
        Ignore::of("apps", "Job"),
        any().namespace("other"),
        any().name("other"),
    ];
    let object = seen(&[], &json!({}));
    for rule in [web(), any(), any().namespace("sh*").name("w?b")] {
        let rules = Rules::new(vec![rule.manager("m")]);
        assert!(rules.concern(&key()) && !rules.digest(&object.json).is_empty(), "{rules:?}");
    }
    for rule in of_others {
        let rules = Rules::new(vec![rule.manager("m")]);
        assert!(!rules.concern(&key()) && rules.digest(&object.json).is_empty(), "{rules:?}");
    }
    assert!(!Rules::default().concern(&key()));
    let core = Seen::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
    let of_core = |namespace| Rules::new(vec![Ignore::of("", "ConfigMap").namespace(namespace)]);
    assert!(!of_core("").digest(&core.json).is_empty(), "what lives in no namespace has an empty one");
    assert!(of_core("shop").digest(&core.json).is_empty());
}

#[test]
fn a_rule_without_a_field_that_is_declared_has_no_effect() {
    let provenance = Provenance::new("s", "r", "web.yaml", 1);
    let body = Value::from_json(json!({"spec": {"replicas": 2, "ports": [{"name": "http", "port": 80}]}}));
    let object = Object::new(key(), body, provenance);
    let concerns = |rule: Ignore| rule.concerns(&object);
    let path = |path: &str| web().path(path).unwrap();
    assert!(concerns(web().pointer("/spec/replicas").unwrap()) && concerns(web().manager("any")));
    assert!(!concerns(web()) && !concerns(web().pointer("/spec/paused").unwrap()));
    assert!(!concerns(web().name("other").manager("any")));
    assert!(concerns(path(".spec.ports[].port")) && !concerns(path(".spec.ports[].nodePort")));
    assert!(concerns(path(r#".spec.ports[] | select(.name == "http") | .port"#)));
    assert!(!concerns(path(r#".spec.ports[] | select(.name == "admin") | .port"#)));
    assert!(!concerns(path(".spec.replicas[].a")), "it is no list");
    let both = path(".spec.paused").pointer("/spec/replicas").unwrap();
    assert!(concerns(both), "one of two is enough");
}

#[test]
fn other_rules_are_another_state_of_the_object() {
    let digest = |rule: Ignore| Rules::new(vec![rule]).digest(&seen(&[], &json!({})).json);
    let all = [
        digest(web().pointer("/spec/replicas").unwrap()),
        digest(web().pointer("/spec/paused").unwrap()),
        digest(web().manager("m")),
        digest(web().manager("n")),
    ];
    let different: std::collections::BTreeSet<&String> = all.iter().collect();
    assert!(different.len() == 4 && all.iter().all(|digest| digest.starts_with('-')), "{all:?}");
    assert_eq!(all[2], digest(web().manager("m")));
}

#[test]
fn fields_of_the_managers_that_a_rule_names_are_left_and_those_of_others_are_not() {
    let theirs = entry("scaler", &json!({"f:spec": {"f:replicas": {}}}));
    let others = entry("person", &json!({"f:spec": {"f:paused": {}}}));
    let live = seen(&[theirs, others], &json!({"replicas": 7, "paused": true}));
    let written = |rule: Ignore| {
        let mut declared = json!({"spec": {"replicas": 2, "paused": false}});
        Rules::new(vec![rule]).leave(&key(), &mut declared, &live, FieldSet::default());
        declared["spec"].clone()
    };
    assert_eq!(written(web().manager("scaler")), json!({"paused": false}));
    assert_eq!(written(web().manager("nobody")), json!({"replicas": 2, "paused": false}));
    assert_eq!(written(web().manager("person").manager("scaler")), Json::Null, "nothing is left to declare");
    assert_eq!(written(web().pointer("/spec/paused").unwrap()), json!({"replicas": 2}));
    assert_eq!(written(web().name("other").manager("scaler")), json!({"replicas": 2, "paused": false}));
}

/// Our part of what is written as a whole and has a part that the path leaves, and the keys that can't be left.
fn shared(path: &str, fields: &[Json], spec: &Json) -> (Option<Json>, Vec<String>) {
    let entries: Vec<Json> = fields.iter().map(|fields| entry("m", fields)).collect();
    let seen = seen(&entries, spec);
    let shared = Rules::new(vec![web().path(path).unwrap()]).shared(&seen);
    (shared.ours(&seen.json), shared.keys)
}

#[test]
fn of_a_mapping_of_one_owner_all_but_what_is_left_is_compared_whoever_owns_it() {
    let spec = json!({"selector": {"app": "a", "version": "2"}, "replicas": 3});
    let whole = json!({"f:spec": {"f:selector": {}, "f:replicas": {}}});
    let part = json!({"f:spec": {"f:selector": {"f:version": {}}}});
    let ours = |path: &str, fields: &[Json]| shared(path, fields, &spec).0;
    let right = Some(json!({"spec": {"selector": {"app": "a"}}}));
    let one = [whole.clone()];
    assert_eq!(ours(".spec.selector.version", &one), right);
    assert_eq!(ours(".spec.selector.version", &[whole.clone(), whole.clone()]), right);
    assert_eq!(ours(".spec.selector.version", &[whole.clone(), part]), None, "its parts have owners");
    assert_eq!(ours(".spec.replicas", &one), None, "it is left as a whole");
    assert_eq!(ours(".spec.selector.version", &[]), None, "nobody says that it is a whole");
    assert_eq!(ours(".spec.absent.version", &[whole]), None);
}

#[test]
fn of_a_list_of_one_owner_all_but_what_is_left_of_its_items_is_compared() {
    let spec = json!({"rules": [{"key": "a", "for": 1}, {"key": "b", "for": 2}]});
    let whole = [json!({"f:spec": {"f:rules": {}}})];
    let ours = |path: &str| shared(path, &whole, &spec).0.unwrap()["spec"]["rules"].clone();
    assert_eq!(
        ours(r#".spec.rules[] | select(.key == "a") | .for"#),
        json!([{"key": "a"}, {"key": "b", "for": 2}])
    );
    assert_eq!(ours(".spec.rules[].for"), json!([{"key": "a"}, {"key": "b"}]));
    assert_eq!(ours(r#".spec.rules[] | select(.key == "b")"#), json!([{"key": "a", "for": 1}]));
    assert_eq!(ours(".spec.rules[]"), json!([]));
}

#[test]
fn what_is_whole_within_an_item_is_compared_in_the_items_that_are_meant() {
    let item = |name: &str| json!({"name": name, "labels": {"x": "1", "y": "1"}});
    let spec = json!({"list": [item("web"), item("db")]});
    let of = |name: &str| format!("k:{}", json!({"name": name}));
    let set = json!({"f:name": {}, "f:labels": {}});
    let fields = [json!({"f:spec": {"f:list": {of("web"): set, of("db"): set, of("gone"): set}}})];
    let ours = |path: &str| shared(path, &fields, &spec);
    let labels = |found: Option<Json>| found.unwrap()["spec"]["list"].clone();
    let left = json!({"labels": {"y": "1"}});
    assert_eq!(labels(ours(".spec.list[].labels.x").0), json!([left, left]));
    assert_eq!(labels(ours(r#".spec.list[] | select(.name == "db") | .labels.x"#).0), json!([left]));
    assert_eq!(ours(r#".spec.list[] | select(.name == "none") | .labels.x"#), (None, vec![]));
    assert_eq!(ours(".spec.list[].name"), (None, vec!["name".to_owned()]), "it says which item it is");
    assert_eq!(ours(".spec.list[].labels"), (None, vec![]), "it is left as a whole");
}

/// What is written of a declaration where a path or a manager is left; `ours` is what we own of what is there.
fn written(rule: Ignore, declared: &Json, live: &Json, ours: &Json, theirs: &Json) -> Json {
    let live = seen(&[entry("us", ours), entry("them", theirs)], live);
    let mut declared = json!({"spec": declared});
    Rules::new(vec![rule]).leave(&key(), &mut declared, &live, FieldSet::parse(ours));
    declared["spec"].clone()
}

#[test]
fn a_field_that_is_left_and_no_longer_declared_keeps_its_value_while_it_is_ours() {
    let (declared, live) = (json!({"paused": true}), json!({"paused": true, "replicas": 3}));
    let of =
        |ours: &Json| written(web().pointer("/spec/replicas").unwrap(), &declared, &live, ours, &json!({}));
    assert_eq!(of(&json!({"f:spec": {"f:paused": {}, "f:replicas": {}}})), live);
    assert_eq!(of(&json!({"f:spec": {"f:paused": {}}})), declared);
}

#[test]
fn an_item_is_declared_with_its_keys_whoever_owns_them() {
    let port = |port: u32, node: u32| json!({"port": port, "nodePort": node});
    let of = |port: u32| format!("k:{}", json!({"port": port}));
    let (declared, live) =
        (json!({"ports": [port(80, 1), port(81, 1)]}), json!({"ports": [port(80, 7), port(81, 8)]}));
    let ours = json!({"f:spec": {"f:ports": {of(80): {"f:nodePort": {}}, of(81): {"f:nodePort": {}}}}});
    let left = written(web().path(".spec.ports[].port").unwrap(), &declared, &live, &ours, &json!({}));
    assert_eq!(left, declared, "else nobody knows which item it is");
    let none = json!({});
    let theirs = json!({"f:spec": {"f:ports": {of(80): {"f:nodePort": {}}}}});
    let by_manager = written(web().manager("them"), &declared, &live, &none, &theirs);
    assert_eq!(by_manager, json!({"ports": [{"port": 80}, port(81, 1)]}));
    let whole = json!({"f:spec": {"f:ports": {of(80): {}}}});
    let without = written(web().manager("them"), &declared, &live, &none, &whole);
    assert_eq!(without, json!({"ports": [port(81, 1)]}));
    let mut same = json!({"spec": declared});
    Rules::leave_fields(&mut same, &seen(&[], &live), FieldSet::default(), &FieldSet::parse(&theirs));
    assert_eq!(same["spec"], by_manager, "as a decision about one object does");
}

#[test]
fn a_list_of_which_nothing_remains_is_not_declared_unless_it_is_ours() {
    let (declared, live) = (json!({"list": ["a"], "paused": true}), json!({"list": ["a"], "paused": true}));
    let theirs = json!({"f:spec": {"f:list": {"v:\"a\"": {}}}});
    let of = |ours: &Json| written(web().path(".spec.list[]").unwrap(), &declared, &live, ours, &theirs);
    assert_eq!(of(&json!({})), json!({"paused": true}));
    assert_eq!(of(&json!({"f:spec": {"f:list": {"v:\"b\"": {}}}})), json!({"list": [], "paused": true}));
}

#[test]
fn a_list_within_what_is_written_as_a_whole_keeps_the_items_of_others() {
    let live = json!({"selector": {"list": [{"k": "a"}]}});
    let whole = json!({"f:spec": {"f:selector": {}}});
    let declared = json!({"selector": {}});
    assert_eq!(written(web().path(".spec.selector.list[]").unwrap(), &declared, &live, &whole, &whole), live);
}

#[test]
fn a_declared_item_that_is_not_there_is_not_added_whether_it_says_its_protocol_or_not() {
    let ports =
        json!({"ports": [{"port": 1}, {"port": 2, "protocol": "UDP"}, {"port": 3, "protocol": "TCP"}]});
    let of = json!({"port": 9, "protocol": "TCP"});
    let records = json!({"f:spec": {"f:ports": {format!("k:{of}"): {}}}});
    let rule = web().path(r#".spec.ports[] | select(.protocol == "TCP")"#).unwrap();
    let left = written(rule, &ports, &json!({"ports": [of]}), &records, &json!({}));
    assert_eq!(left, json!({"ports": [{"port": 2, "protocol": "UDP"}]}));
}

#[test]
fn a_path_may_name_what_only_looks_like_the_name_of_an_object_and_has_its_limit() {
    for fine in [".spec.name", ".spec.namespace", ".metadata.labels"] {
        assert!(Path::parse(fine).is_ok(), "{fine}");
    }
    assert!(Path::parse(".spec.list[] | select(.a == {})").is_err(), "a condition is on a single value");
    let pointer = |bytes: usize| Path::pointer(&format!("/{}", "a".repeat(bytes - 1)));
    assert!(pointer(1024).is_ok());
    assert_eq!(pointer(1025).unwrap_err().kind(), gitops_core::ErrorKind::Limit);
}
