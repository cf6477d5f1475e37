use std::sync::Arc;

use gitops_core::{Cx, Renderer, Revision, Snapshot};
use gitops_k8s::{Kustomize, Substitute};

use crate::programs::program;
use crate::support::{keys, objects, render, renderer};

/// Met in a large public collection of manifests: 246 files hold a definition and objects of its kind.
#[test]
fn a_definition_and_an_object_of_its_kind_stand_in_one_file() {
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: widgets.example.org }\nspec: { group: example.org, scope: Namespaced, names: { kind: Widget } }\n";
    let object = "apiVersion: example.org/v1\nkind: Widget\nmetadata: { name: a }\n";
    for text in [format!("{definition}---\n{object}"), format!("{object}---\n{definition}")] {
        assert!(keys(&text).contains("k:Widget.example.org/shop/a"), "{text}");
    }
    let other = definition.replace("Namespaced", "Cluster");
    let files =
        [("a.yaml", object), ("b.yaml", &*format!("{object}---\n{other}").replace("name: a", "name: b"))];
    let desired = render(renderer(), &files).unwrap();
    let found: Vec<String> = desired.objects().keys().map(ToString::to_string).collect();
    assert!(found.contains(&"k:Widget.example.org/-/a".to_owned()), "{found:?}");
    assert_eq!(objects("").len(), 0);
}

/// Met with manifests that a chart's author copied: a namespace on a kind that lives in none was refused.
#[test]
fn a_namespace_that_has_no_meaning_is_left_out_with_a_warning() {
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: pools.example.org }\nspec: { group: example.org, scope: Cluster, names: { kind: Pool } }\n---\n";
    let text = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: a\n  namespace: x\n---\napiVersion: example.org/v1\nkind: Pool\nmetadata: { name: b, namespace: x }\n";
    let files = [("a.yaml", definition), ("b.yaml", text)];
    let rendered =
        Renderer::new(Arc::new(renderer())).render(&Cx::system(), &crate::support::snapshot(&files)).unwrap();
    let bodies =
        rendered.desired.objects().iter().map(|(_, object)| format!("{} {}", object.key, object.body));
    let told = rendered.warnings.iter().map(ToString::to_string);
    let found: Vec<String> =
        bodies.chain(told).filter(|line| !line.contains("CustomResourceDefinition")).collect();
    insta::assert_snapshot!(found.join("\n"), @r#"
    k:Pool.example.org/-/b {"apiVersion":"example.org/v1","kind":"Pool","metadata":{"name":"b"}}
    k:ClusterRole.rbac.authorization.k8s.io/-/a {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"a"}}
    warning[GO0406]: b.yaml: 5:14: a ClusterRole.rbac.authorization.k8s.io lives in no namespace: `x` is left out (remove `metadata.namespace`)
    warning[GO0406]: b.yaml: 9:33: a Pool.example.org lives in no namespace: `x` is left out (remove `metadata.namespace`)
    "#);
}

/// Met with files that a shell of another system wrote.
#[test]
fn a_file_in_utf_16_is_read() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: \u{fc}\u{1f600} }\n";
    let units: Vec<u16> = std::iter::once(0xfeff).chain(text.encode_utf16()).collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let read = |bytes: Vec<u8>| {
        let snapshot = Snapshot::from_files("s", Revision::new("1", ""), [("a.yaml", bytes)]).unwrap();
        Renderer::new(Arc::new(renderer())).render(&Cx::system(), &snapshot)
    };
    let body = objects(text)[0].body.clone();
    for bytes in [little.clone(), big] {
        let desired = read(bytes).unwrap().desired;
        assert!(desired.objects().iter().all(|(_, object)| object.body == body));
    }
    let cut = read(little[..little.len() - 1].to_vec()).unwrap_err();
    insta::assert_snapshot!(cut.diagnostics()[0], @"error[GO0401]: a.yaml: the file begins as UTF-16 and is none (save the file as UTF-8)");
}

/// Met with folders that another tool delivers too.
#[test]
fn a_file_that_asks_to_be_left_out_is() {
    let text = "# values of a chart +argocd:skip-file-rendering\n{{ if }}\n";
    assert_eq!(keys(text), "");
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: +argocd:skip-file-rendering }\n";
    assert_eq!(keys(text), "k:ConfigMap/shop/a");
}

/// Met with kustomizations: `kustomize` leaves out the quotes, and the number that is filled in is one.
#[test]
fn a_variable_in_quotes_stays_text() {
    let kustomize = Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap();
    let substitute = Substitute::new().value("LEN", "5").value("q", "\"").value("n", "7");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  len: \"${LEN}\"\n  single: '${LEN}'\n  filled: ${q}${n}${q}\n  odd: ${q}${n}\n  number: ${LEN}\n";
    let files = [("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", map)];
    let bodies = |render: Arc<dyn gitops_core::Render>, files: &[(&str, &str)]| {
        let rendered = Renderer::new(render).render(&Cx::system(), &crate::support::snapshot(files)).unwrap();
        let found: Vec<String> =
            rendered.desired.objects().iter().map(|(_, object)| object.body.to_string()).collect();
        found.join("\n")
    };
    let made = bodies(Arc::new(renderer().step(substitute.clone()).kustomized("", kustomize)), &files);
    insta::assert_snapshot!(made, @r#"{"apiVersion":"v1","data":{"filled":"7","len":"5","number":5,"odd":"\"7","single":"5"},"kind":"ConfigMap","metadata":{"name":"a","namespace":"shop"}}"#);
    assert_eq!(bodies(Arc::new(renderer().step(substitute)), &files[1..]), made);
}
