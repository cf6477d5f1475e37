use gitops_core::GroupKind;
use gitops_k8s::{NonManifests, Scope, Scopes};

use crate::support::{keys, objects, render, renderer};

#[test]
fn every_document_and_every_item_of_a_list_is_an_object() {
    let text = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: a}}
- apiVersion: v1
  kind: ConfigMapList
  items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}]
---
# nothing here
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: c, namespace: other}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
";
    insta::assert_snapshot!(keys(text), @r"
    k:ConfigMap/shop/b
    k:Namespace/-/shop
    k:Service/shop/a
    k:Deployment.apps/other/c
    ");
}

#[test]
fn json_values_one_after_the_other_are_objects() {
    let object =
        |name: &str| format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}}}}"#);
    let desired = render(renderer(), &[("a.json", &(object("a") + "\n" + &object("b")))]).unwrap();
    assert_eq!(desired.objects().len(), 2);
}

#[test]
fn what_the_server_sets_and_what_is_null_is_left_out_and_the_namespace_written_in() {
    let text = "
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  creationTimestamp: null
  uid: x
  resourceVersion: \"1\"
  managedFields: []
  annotations: {kubectl.kubernetes.io/last-applied-configuration: x, mine: x}
data: {a: b, c: null}
status: {x: y}
";
    let body = objects(text)[0].body.to_string();
    insta::assert_snapshot!(body, @r#"{"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"annotations":{"mine":"x"},"name":"a","namespace":"shop"}}"#);
}

#[test]
fn a_declaration_knows_its_file_and_line() {
    let objects = objects("# a\n---\n\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    assert_eq!(objects[0].provenance.to_string(), "a.yaml:4");
}

#[test]
fn scopes_that_were_added_decide_for_kinds_that_are_not_built_in() {
    let kind = GroupKind::new("x.io", "Widget");
    let file = [("a.yaml", "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: a}\n")];
    let key = |render| render_keys(render, &file);
    assert_eq!(key(renderer()), "k:Widget.x.io/-/a");
    let scopes = Scopes::default().with(kind, Scope::Namespaced);
    assert_eq!(key(renderer().scopes(scopes)), "k:Widget.x.io/shop/a");
}

#[test]
fn a_file_without_objects_is_skipped_where_that_is_asked_for() {
    let files = [
        ("values.yaml", "replicas: 3\n"),
        ("grafana.yaml", "apiVersion: 1\ndatasources: []\n"),
        ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
    ];
    let desired = render(renderer().non_manifests(NonManifests::Skip), &files).unwrap();
    assert_eq!(desired.objects().len(), 1);
}

fn render_keys(with: gitops_k8s::KubernetesRender, files: &[(&str, &str)]) -> String {
    let desired = render(with, files).unwrap();
    desired.objects().iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>().join("\n")
}

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.example.org }
spec: { group: example.org, scope: Namespaced, names: { kind: Thing, plural: things } }
";

#[test]
fn a_definition_in_the_tree_says_where_the_objects_of_its_kind_live() {
    let thing = "apiVersion: example.org/v1\nkind: Thing\nmetadata: { name: a }\n";
    let keys = |definition: &str| -> Vec<String> {
        let files =
            [("a.yaml", thing), ("crd.yaml", definition), ("z.yaml", &thing.replace("name: a", "name: z"))];
        let declared = render(renderer(), &files).unwrap();
        declared
            .objects()
            .keys()
            .filter(|key| key.kind().kind() == "Thing")
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(keys(DEFINITION), ["k:Thing.example.org/shop/a", "k:Thing.example.org/shop/z"]);
    let of_cluster = DEFINITION.replace("Namespaced", "Cluster");
    assert_eq!(keys(&of_cluster), ["k:Thing.example.org/-/a", "k:Thing.example.org/-/z"]);
    let bare = gitops_k8s::KubernetesRender::new("k");
    let found = render(bare, &[("a.yaml", thing), ("crd.yaml", DEFINITION)]).unwrap_err();
    insta::assert_snapshot!(found[0], @"error[GO0406]: a.yaml: 1:1: a Thing.example.org lives in a namespace, and none is named (add `metadata.namespace`, or give the renderer a namespace)");
}

/// Met with charts that write a namespace from a value which is not given.
#[test]
fn a_namespace_that_is_null_is_none() {
    assert_eq!(
        keys("---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: null}}"),
        "k:ConfigMap/shop/a"
    );
}

/// Met with the roles of most operators: the controller that fills the rules in was "another client", for ever.
#[test]
fn a_role_that_is_put_together_of_others_declares_no_empty_rules() {
    let role = |rules: &str, aggregation: &str| {
        let text = format!(
            "---\n{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: a}}{aggregation}, rules: {rules}}}"
        );
        objects(&text)[0].body.get("rules").is_some()
    };
    let aggregation = ", aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}";
    assert!(!role("[]", aggregation));
    assert!(role("[]", ""), "it has no rules, and nobody fills them in");
    assert!(
        role("[{apiGroups: [\"\"], resources: [pods], verbs: [get]}]", aggregation),
        "who declares some is told"
    );
}
