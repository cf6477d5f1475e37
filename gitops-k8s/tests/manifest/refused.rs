use crate::support::{faults, render, renderer};

fn object(body: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{body}\n")
}

#[test]
fn what_an_object_must_have_is_missed_by_name() {
    let text =
        "kind: ConfigMap\nmetadata: {labels: {a: b}}\n---\napiVersion: v1\nmetadata: {name: 5}\n---\n- a\n";
    insta::assert_snapshot!(faults(text), @r"
    error[GO0405]: a.yaml: 1:1: `apiVersion` is missing (every object has one)
    error[GO0405]: a.yaml: 1:1: `metadata.name` is missing (every object has one)
    error[GO0405]: a.yaml: 4:1: `kind` is missing (every object has one)
    error[GO0405]: a.yaml: 5:18: `metadata.name` is a number, and must be text (put it in quotes)
    error[GO0405]: a.yaml: 7:1: a list is no Kubernetes object
    ");
}

#[test]
fn names_that_the_server_refuses_are_refused_with_the_rule() {
    let text = "---
{apiVersion: v1, kind: ConfigMap, metadata: {name: Web_1}}
---
{apiVersion: v1/x/y, kind: Config-Map, metadata: {name: a, namespace: a.b}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: a.b}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a/b}}
";
    insta::assert_snapshot!(faults(text), @r"
    error[GO0406]: a.yaml: 2:52: `Web_1` can't be a name: lower-case letters, digits, `-` and `.`, at most 253
    error[GO0406]: a.yaml: 4:14: `v1/x/y` is no API version: write `v1` or `group/v1`
    error[GO0406]: a.yaml: 4:28: `Config-Map` is no kind: kinds have letters and digits only
    error[GO0406]: a.yaml: 4:71: `a.b` can't be the name of a namespace: lower-case letters, digits and `-`, at most 63
    error[GO0406]: a.yaml: 6:52: `a.b` can't be the name of a namespace: lower-case letters, digits and `-`, at most 63
    error[GO0406]: a.yaml: 8:80: `a/b` can't be a name: lower-case letters, digits, `-` and `.`, at most 253
    ");
}

#[test]
fn a_namespace_stands_wherever_one_must() {
    let bare = gitops_k8s::KubernetesRender::new("k");
    let found = render(bare, &[("a.yaml", &object(""))]).unwrap_err();
    insta::assert_snapshot!(found[0], @"error[GO0406]: a.yaml: 1:1: a ConfigMap lives in a namespace, and none is named (add `metadata.namespace`, or give the renderer a namespace)");
}

#[test]
fn a_name_that_is_made_up_later_is_refused() {
    let text = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  generateName: a-\n";
    insta::assert_snapshot!(faults(text), @"error[GO0407]: a.yaml: 4:17: `generateName` would make another object on every reconciliation (give the object a `metadata.name`)");
}

#[test]
fn labels_and_annotations_are_text() {
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {on: yes}\n  annotations: [a]\n";
    insta::assert_snapshot!(faults(text), @r"
    error[GO0405]: a.yaml: 5:16: `true` in `metadata.labels` is a truth value, and must be text (put it in quotes)
    error[GO0405]: a.yaml: 6:16: `metadata.annotations` is a list, and must be a mapping
    ");
}

#[test]
fn a_key_that_is_written_twice_names_both_places() {
    insta::assert_snapshot!(faults(&object("data:\n  a: 1\n  b: 2\n  a: 3")), @"error[GO0403]: a.yaml: 7:3: the key `a` is written twice (it is at 5:3 too: remove one, for `kubectl` would silently take the last)");
    insta::assert_snapshot!(faults("{\"a\": 1,\n \"a\": 2}"), @"error[GO0403]: a.yaml: 2:2: the key `a` is written twice (it is at 1:2 too: remove one, for `kubectl` would silently take the last)");
}

#[test]
fn an_object_that_is_declared_twice_names_both_places() {
    insta::assert_snapshot!(faults(&format!("{}---\n{}", object(""), object(""))), @"error[GO0301]: a.yaml:6: k:ConfigMap/shop/a is declared twice (the other declaration is at a.yaml:1: remove one of them)");
}

#[test]
fn objects_and_annotations_that_no_server_takes_are_refused() {
    let large = |bytes: usize| "x".repeat(bytes);
    insta::assert_snapshot!(faults(&object(&format!("data: {{a: {0}, b: {0}}}", large(800_000)))), @"error[GO0408]: a.yaml: 1:1: the object has 1600088 bytes; an API server stores at most 1572864 (split it)");
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: {{a: {}}}\n",
        large(300_000)
    );
    insta::assert_snapshot!(faults(&text), @"error[GO0408]: a.yaml: 5:16: the annotations have 300001 bytes; an API server takes at most 262144 (move the content into a ConfigMap)");
}

#[test]
fn a_file_without_objects_is_refused_and_says_how_to_leave_it_out() {
    let found = render(renderer(), &[("chart/values.yaml", "replicas: 3\n")]).unwrap_err();
    insta::assert_snapshot!(found[0], @"error[GO0405]: chart/values.yaml: 1:1: `values.yaml` holds no Kubernetes object (leave it out by the source's rules, or have files without objects skipped)");
}

#[test]
fn every_document_of_every_file_says_what_is_wrong_with_it() {
    insta::assert_snapshot!(faults("a: [\n---\nb: \"\n---\nc: {}\n"), @r"
    error[GO0401]: a.yaml: 1:4: unclosed bracket '['
    error[GO0401]: a.yaml: 3:4: unclosed quote
    ");
}

#[test]
fn limits_are_named() {
    let deep = "[".repeat(100) + &"]".repeat(100);
    insta::assert_snapshot!(faults(&object(&format!("data: {deep}"))), @"error[GO0402]: a.yaml: 4:106: more than 100 levels of nesting (split the file, or raise this limit where the renderer is set up)");
    insta::assert_snapshot!(faults(&"---\na: b\n".repeat(10_001)).lines().next().unwrap_or_default(), @"error[GO0402]: a.yaml: 20000:1: more than 10000 documents (split the file, or raise this limit where the renderer is set up)");
    let bomb = (1..9).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
        let alias = format!("*a{}", n - 1);
        format!("{text}a{n}: &a{n} [{}]\n", vec![alias; 9].join(", "))
    });
    insta::assert_snapshot!(faults(&object(&bomb)), @"error[GO0402]: a.yaml: 9:40: more than 100000 values copied by aliases (split the file, or raise this limit where the renderer is set up)");
    insta::assert_snapshot!(faults(&object(&format!("? {}\n: b", "k".repeat(1025)))), @"error[GO0402]: a.yaml: 4:3: more than 1024 bytes in a key (split the file, or raise this limit where the renderer is set up)");
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let files = [("a.yaml", "a: b\n\u{85}")];
    insta::assert_snapshot!(render(renderer(), &files).unwrap_err()[0], @"error[GO0401]: a.yaml: 2:1: the character U+0085 can't stand in YAML (write it as an escape inside double quotes)");
    let snapshot = gitops_core::Snapshot::from_files(
        "repo",
        gitops_core::Revision::new("1", ""),
        [("a.yaml", vec![b'a', b'\n', 0xff])],
    );
    let error = gitops_core::Renderer::new(std::sync::Arc::new(renderer()))
        .render(&gitops_core::Cx::system(), &snapshot.unwrap())
        .unwrap_err();
    insta::assert_snapshot!(error.diagnostics()[0], @"error[GO0401]: a.yaml: line 2 holds bytes that are not UTF-8 (save the file as UTF-8)");
}
