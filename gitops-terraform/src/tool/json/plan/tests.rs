use super::super::parse;
use super::*;
use proptest::prelude::*;

fn read(changes: &str) -> Result<Plan> {
    let document = format!(r#"{{"format_version":"1.2","resource_changes":[{changes}]}}"#);
    Plan::read(&parse(document.as_bytes())?, &SecretKey::new([1; 32]), b"key")
}

fn change(address: &str, actions: &str, rest: &str) -> String {
    format!(r#"{{"address":"{address}","type":"t","change":{{"actions":{actions}{rest}}}}}"#)
}

#[test]
fn a_move_and_an_import_are_changes_though_nothing_is_done() {
    let moved = r#"{"address":"t.b","previous_address":"t.a","change":{"actions":["no-op"]}}"#;
    let imported = change("t.c", r#"["no-op"]"#, r#","importing":{"id":"x"}"#);
    let still = change("t.d", r#"["no-op"]"#, "");
    let plan = read(&[moved, &imported, &still].join(",")).unwrap();
    let found: Vec<_> = plan.changes.iter().map(|change| change.address.as_str()).collect();
    assert_eq!(found, ["t.b", "t.c"]);
}

#[test]
fn actions_that_are_not_understood_count_as_dangerous() {
    for actions in [r#"["create","forget"]"#, r#"["new-thing"]"#, "[]", r#"["delete","create"]"#] {
        let plan = read(&change("t.a", actions, "")).unwrap();
        assert!(plan.changes[0].action.is_dangerous(), "{actions}");
    }
}

#[test]
fn the_digest_is_of_the_effect() {
    let digest = |changes: &str| read(changes).unwrap().effect;
    let create = change("t.a", r#"["create"]"#, r#","after":{"x":1}"#);
    let still = change("t.b", r#"["no-op"]"#, r#","before":{"y":1}"#);
    assert_eq!(digest(&create), digest(&[create.as_str(), &still].join(",")));
    assert_ne!(digest(&create), digest(&change("t.a", r#"["create"]"#, r#","after":{"x":2}"#)));
    assert_ne!(digest(&create), digest(""));
}

#[test]
fn a_plan_that_does_nothing_is_known_without_a_look_at_it() {
    let key = SecretKey::new([1; 32]);
    let nothing = Plan::nothing(&key, b"key").unwrap();
    let still = change("t.b", r#"["no-op"]"#, r#","before":{"y":1}"#);
    let text =
        format!(r#"{{"format_version":"1.2","complete":true,"errored":false,"resource_changes":[{still}]}}"#);
    assert_eq!(Plan::read(&parse(text.as_bytes()).unwrap(), &key, b"key").unwrap(), nothing);
    let partial = text.replace("\"complete\":true", "\"complete\":false");
    let partial = Plan::read(&parse(partial.as_bytes()).unwrap(), &key, b"key").unwrap();
    assert_ne!(partial.effect, nothing.effect);
}

#[test]
fn what_is_marked_is_hidden_and_learnt() {
    let rest = r#","before":{"p":"old-secret","q":"open"},"before_sensitive":{"p":true},"after":{"p":"new-secret"},
        "after_sensitive":{"p":true},"after_unknown":{"id":true},"replace_paths":[["p"],["q",0]]"#;
    let text = change("t.a", r#"["delete","create"]"#, rest);
    let plan = read(&text).unwrap();
    assert!(!format!("{plan:?}").contains("secret\""), "{plan:?}");
    assert_eq!(plan.changes[0].forced_by, ["p", "q.0"]);
    let document = format!(r#"{{"format_version":"1.2","resource_changes":[{text}]}}"#);
    let mut redact = Redact::default();
    redact.of_plan(&parse(document.as_bytes()).unwrap()).unwrap();
    assert_eq!(redact.text("old-secret, new-secret, open"), "(sensitive), (sensitive), open");
}

#[test]
fn a_newer_format_is_refused_and_new_fields_are_not() {
    let document = parse(br#"{"format_version":"2.0"}"#).unwrap();
    assert!(Plan::read(&document, &SecretKey::new([1; 32]), b"").is_err());
    assert!(read(&change("t.a", r#"["create"]"#, r#","new_field":{}"#)).is_ok());
}

proptest! {
    #[test]
    fn no_document_panics(text in "[{}\\[\\]:,\"a-z0-9]{0,60}") {
        for field in ["resource_changes", "output_changes", "resource_drift"] {
            let document = format!(r#"{{"format_version":"1.2","{field}":{text}}}"#);
            if let Ok(document) = parse(document.as_bytes()) {
                let _ = Plan::read(&document, &SecretKey::new([1; 32]), b"");
                let _ = Redact::default().of_plan(&document);
            }
        }
    }
}
