use gitops_core::{Action, ComponentChange, Components, FieldChange, Risk, Secret, SecretKey, Value};
use serde_json::json;

use super::*;

fn step(kind: &str, action: &str) -> Step {
    let step = json!({
        "key": format!("prod:{kind}/shop/web"), "action": action, "cause": "this_change",
        "reason": { "code": "differs", "fields": 1 }, "expect": null, "preview": null, "desired": "0".repeat(64),
        "after": [], "risk": [],
        "provenance": { "source": "./site.git", "revision": "4a1b2c3", "path": "web.yaml", "line": 21 },
    });
    serde_json::from_value(step).unwrap()
}

fn change(path: &str, before: Option<Value>, after: Option<Value>) -> FieldChange {
    FieldChange::new(path.to_owned(), before, after)
}

fn shown(step: &Step, body: Option<Value>) -> String {
    let compared = Compared { step, is_left: false, beside: None, held: None, body, diff: step.diff.clone() };
    anstream::adapter::strip_str(&object(&compared, 3)).to_string()
}

#[test]
fn secrets_are_masked_and_fields_that_only_change_hands_are_named() {
    let key = SecretKey::new([7; 32]);
    let secret = |text: &str| Value::Secret(Secret::new(text, &key));
    let mut step = step("Secret", "update");
    step.diff = [
        change("/data/password", Some(secret("canary-1")), Some(secret("canary-2"))),
        change("/type", Some("Opaque".into()), Some("Opaque".into())),
    ]
    .into_iter()
    .collect();
    let data = Value::map([("password", secret("canary-2")), ("token", secret("canary-3"))]);
    let body = Value::map([("data", data), ("kind", "Secret".into()), ("type", "Opaque".into())]);
    insta::assert_snapshot!(shown(&step, Some(body)), @r#"
    --- live/prod:Secret/shop/web
    +++ declared/prod:Secret/shop/web	web.yaml:21
    # type "Opaque": ownership reclaimed
    @@ -1,5 +1,5 @@ data
     data:
    -  password: (sensitive)
    +  password: (sensitive, changed)
       token: (sensitive)
     kind: Secret
     type: Opaque
    "#);
}

#[test]
fn a_root_is_shown_by_its_resources_and_outputs() {
    let instance = |kind: &str, id: &str| {
        Value::map([("ami", Value::from("a-1")), ("id", id.into()), ("instance_type", kind.into())])
    };
    let mut step = step("Root", "update");
    assert_eq!(step.action, Action::Update);
    step.components = Components::new(
        2,
        vec![
            ComponentChange::new("aws_instance.web", "aws_instance", "replace")
                .losing(Some(Risk::Replace))
                .between(Some(instance("small", "i-1")), Some(instance("large", "(known after apply)"))),
        ],
    );
    step.diff = [
        change("/output/address", Some("10.0.0.1".into()), Some("(known after apply)".into())),
        change(
            "/replace/aws_instance.web",
            None,
            Some("because instance_type can't be changed in place".into()),
        ),
        change("/replace/aws_instance.web/instance_type", Some("small".into()), Some("large".into())),
    ]
    .into_iter()
    .collect();
    insta::assert_snapshot!(shown(&step, None), @r"
    --- live/prod:Root/shop/web aws_instance.web
    +++ declared/prod:Root/shop/web aws_instance.web	web.yaml:21
    # replace: because instance_type can't be changed in place
    @@ -1,3 +1,3 @@
     ami: a-1
    -id: i-1
    -instance_type: small
    +id: (known after apply)
    +instance_type: large
    --- live/prod:Root/shop/web
    +++ declared/prod:Root/shop/web	web.yaml:21
    @@ -1,2 +1,2 @@ output
     output:
    -  address: 10.0.0.1
    +  address: (known after apply)
    ");
}
