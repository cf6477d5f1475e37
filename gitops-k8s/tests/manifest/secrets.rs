use gitops_core::{SecretKey, Value};
use gitops_k8s::KubernetesRender;

use crate::support::{faults, objects, render};

const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: a}
data: {both: aHVudGVyMQ==, plain: aHVudGVyMg==}
stringData: {both: hunter3}
";

#[test]
fn the_values_of_a_secret_are_hidden_and_text_is_folded_into_data() {
    let body = &objects(SECRET)[0].body;
    insta::assert_snapshot!(body, @r#"{"apiVersion":"v1","data":{"both":"(sensitive)","plain":"(sensitive)"},"kind":"Secret","metadata":{"name":"a","namespace":"shop"}}"#);
    let Some(Value::Secret(both)) = body.get("data").and_then(|data| data.get("both")) else {
        panic!("the value is not hidden")
    };
    assert_eq!(both.expose(), "aHVudGVyMw==", "stringData wins, in base64");
}

#[test]
fn a_secret_is_another_object_once_a_value_changed() {
    let digest = |text: &str| objects(text)[0].body.digest();
    assert_ne!(digest(SECRET), digest(&SECRET.replace("hunter3", "hunter4")));
    assert_eq!(digest(SECRET), digest(SECRET));
}

#[test]
fn no_fault_in_a_file_with_a_secret_shows_a_line_or_a_value() {
    for text in [
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\ndata: {password: hunter2!}\n",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\ndata: {password: !!int hunter2}\n",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData: {password: 1hunter2 , x: [hunter2]}\n",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData:\n  password: \"hunter2\n",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\ndata: {password: hunter2, password: hunter2}\n",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData: hunter2\n",
    ] {
        let found = render(crate::support::renderer(), &[("a.yaml", text)]).unwrap_err();
        assert!(!format!("{found:?}").contains("hunter2"), "{text}: {found:?}");
    }
}

#[test]
fn a_secret_without_a_key_to_compare_it_and_an_encrypted_one_are_refused() {
    let without = render(KubernetesRender::new("k").namespace("shop"), &[("a.yaml", SECRET)]).unwrap_err();
    insta::assert_snapshot!(without[0], @"error[GO0405]: a.yaml: 2:1: a Secret, and the renderer has no key to compare secrets under (give the renderer the application's secret key)");
    let encrypted = format!("{SECRET}sops: {{mac: x}}\n");
    insta::assert_snapshot!(faults(&encrypted), @"error[GO0405]: a.yaml: 7:1: the Secret is still encrypted (decrypt it before it is rendered)");
}

#[test]
fn two_applications_can_not_compare_their_secrets() {
    let digest = |key: u8| {
        let with = KubernetesRender::new("k").namespace("shop").secret_key(SecretKey::new([key; 32]));
        let desired = render(with, &[("a.yaml", SECRET)]).unwrap();
        desired.objects().iter().map(|(_, object)| object.body.digest()).next()
    };
    assert_ne!(digest(1), digest(2));
}
