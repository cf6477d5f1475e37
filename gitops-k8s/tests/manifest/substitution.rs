use gitops_core::{OutputRef, SecretKey};
use gitops_k8s::{KubernetesRender, Substitute};

use crate::support::render;

fn renderer() -> KubernetesRender {
    let address = OutputRef { key: "tf:Root/-/network".parse().unwrap(), output: "address".into() };
    let substitute =
        Substitute::new().value("N", "3").value("EMPTY", "").value("NAME", "web").output("ADDRESS", address);
    KubernetesRender::new("k").namespace("shop").secret_key(SecretKey::new([7; 32])).step(substitute)
}

fn bodies(text: &str) -> String {
    match render(renderer(), &[("a.yaml", text)]) {
        Ok(desired) => {
            let lines = desired.objects().iter().map(|(_, object)| object.body.to_string());
            lines.collect::<Vec<_>>().join("\n")
        }
        Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

fn object(rest: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${{NAME}}\n{rest}\n")
}

#[test]
fn a_text_without_quotes_is_read_anew_and_one_in_quotes_stays_text() {
    let text = object(
        "data:\n  plain: ${N}\n  quoted: \"${N}\"\n  block: |\n    ${N}\n  truth: ${NO:=no}\n  key-${NAME}: a ${NAME} b\n  odd: $N $1",
    );
    insta::assert_snapshot!(bodies(&text), @r#"{"apiVersion":"v1","data":{"block":"3\n","key-web":"a web b","odd":"$N $1","plain":3,"quoted":"3","truth":false},"kind":"ConfigMap","metadata":{"name":"web","namespace":"shop"}}"#);
}

#[test]
fn defaults_stand_for_what_is_missing_or_empty() {
    let text = object(
        "data: {a: '${X:-d}', b: '${X:=d}', c: '${X-d}', d: '${EMPTY:-d}', e: '${EMPTY-d}', f: '${N:-d}', g: '$${N} $$'}",
    );
    insta::assert_snapshot!(bodies(&text), @r#"{"apiVersion":"v1","data":{"a":"d","b":"d","c":"d","d":"d","e":"","f":"3","g":"${N} $$"},"kind":"ConfigMap","metadata":{"name":"web","namespace":"shop"}}"#);
}

#[test]
fn an_output_makes_a_hole_that_is_filled_later() {
    let text = object("data:\n  url: http://${ADDRESS}:80${N}/\n  alone: ${ADDRESS}");
    let desired = render(renderer(), &[("a.yaml", &text)]).unwrap();
    let (_, object) = desired.objects().iter().next().unwrap();
    let outputs: Vec<String> = object.body.outputs().iter().map(ToString::to_string).collect();
    assert_eq!(outputs, ["tf:Root/-/network#address"]);
    insta::assert_snapshot!(object.body, @r#"{"apiVersion":"v1","data":{"alone":"${tf:Root/-/network#address}","url":"http://${tf:Root/-/network#address}:803/"},"kind":"ConfigMap","metadata":{"name":"web","namespace":"shop"}}"#);
}

#[test]
fn an_object_may_ask_to_be_left_as_it_stands() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {a: '${X}'}\n";
    insta::assert_snapshot!(bodies(text), @r#"{"apiVersion":"v1","data":{"a":"${X}"},"kind":"ConfigMap","metadata":{"labels":{"kustomize.toolkit.fluxcd.io/substitute":"disabled"},"name":"a","namespace":"shop"}}"#);
}

#[test]
fn what_can_not_be_filled_in_is_refused_with_its_place() {
    let text =
        object("data:\n  a: ${X}\n  b: ${N\n  c: ${N/3/4}\n  d: ${ }\n  ${ADDRESS}: x\n  ${N}: x\n  '3': y");
    insta::assert_snapshot!(bodies(&text), @r"
    error[GO0414]: a.yaml: 10:3: an output in a key (use it in a value)
    error[GO0414]: a.yaml: 6:6: the variable `X` has no value (give it one, or write a default as `${X:=default}`, or `$${X}` if the text is meant)
    error[GO0414]: a.yaml: 7:6: `${` without `}` (close it, or write `$${` if the text is meant)
    error[GO0414]: a.yaml: 8:6: the operator `/3` of a variable is not carried out (write the result, or `$${` if the text is meant)
    error[GO0414]: a.yaml: 9:6: `${…}` without the name of a variable (write `$${` if the text is meant)
    error[GO0403]: a.yaml: 12:3: the key `3` is there twice once variables are filled in (rename one of them)
    ");
    let name = object("data: {}").replace("NAME", "ADDRESS");
    insta::assert_snapshot!(bodies(&name), @"error[GO0405]: a.yaml: 4:9: `metadata.name` is an output that is not known yet, and must be text (put it in quotes)");
}

#[test]
fn without_the_step_a_text_stays_as_it_is() {
    let found = render(
        crate::support::renderer(),
        &[("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '${X}'}\n")],
    );
    assert_eq!(found.unwrap().objects().len(), 1);
}
