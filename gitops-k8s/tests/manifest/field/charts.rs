use std::sync::Arc;

use gitops_core::{Cx, Object, Render, Renderer};
use gitops_k8s::Helm;

use crate::programs::{executable, program};
use crate::support::{objects, renderer, snapshot};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

fn faults(render: impl Render + 'static, files: &[(&str, &str)]) -> String {
    let error = Renderer::new(Arc::new(render)).render(&Cx::system(), &snapshot(files)).unwrap_err();
    error.diagnostics().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn places(render: impl Render + 'static, files: &[(&str, &str)]) -> String {
    let rendered = Renderer::new(Arc::new(render)).render(&Cx::system(), &snapshot(files)).unwrap();
    let place = |object: &Arc<Object>| format!("{} at {}", object.key, object.provenance);
    rendered.desired.objects().iter().map(|(_, object)| place(object)).collect::<Vec<_>>().join("\n")
}

/// A program that prints this whatever it is asked to render.
fn printing(text: &str) -> (tempfile::TempDir, Helm) {
    let script = format!("if [ \"$1\" = version ]; then echo v3.18.0; exit; fi\ncat <<'END'\n{text}END\n");
    let (folder, path) = executable("helm", &script.replace("cat", "/bin/cat"));
    let helm = Helm::at(&Cx::system(), &path, "web").unwrap();
    (folder, helm)
}

/// The stages of a file's objects, by name.
fn stages(text: &str) -> Vec<(String, i64)> {
    objects(text).iter().map(|object| (object.key.name().to_owned(), object.stage.unwrap())).collect()
}

/// Met in one of the most used charts: the account of its hooks is a hook of all their phases.
#[test]
fn a_hook_of_several_phases_is_made_in_the_first_and_kept() {
    let object = |kind: &str, name: &str, mark: &str| {
        format!(
            "apiVersion: v1\nkind: {kind}\nmetadata: {{ name: {name}, annotations: {{ {mark} }} }}\n---\n"
        )
    };
    let text = [
        object(
            "ServiceAccount",
            "a-account",
            "helm.sh/hook: 'pre-install,pre-upgrade,post-install,post-upgrade'",
        ),
        object("ConfigMap", "b-before", "helm.sh/hook: 'pre-install,pre-upgrade'"),
        object("ConfigMap", "c-ordinary", "a: b"),
        object("ConfigMap", "d-after", "helm.sh/hook: 'post-install,post-upgrade'"),
        object("ConfigMap", "e-of-argo", "argocd.argoproj.io/hook: 'PostSync,PreSync'"),
    ];
    let stages = stages(&text.concat());
    let of = |name: &str| stages.iter().find(|(found, _)| found.starts_with(name)).unwrap().1;
    assert_eq!((of("a"), of("e")), (of("b"), of("b")));
    assert!(of("b") < of("c") && of("c") < of("d"), "{stages:?}");
}

/// Met with a slip in a path: "No changes", and all that was there would have been pruned.
#[test]
fn a_chart_that_is_not_there_is_an_error_with_the_nearest_name() {
    let (_folder, helm) = printing("");
    let files = [("charts/cache/Chart.yaml", CHART), ("charts/web/values.yaml", "a: b\n")];
    let found = [
        faults(renderer().helmed("charts/cahce", helm.clone()), &files),
        faults(renderer().helmed("chart", helm.clone()), &files),
        faults(renderer().helmed("charts/web", helm), &files),
    ];
    insta::assert_snapshot!(found.join("\n"), @r"
    error[GO0306]: charts/cahce: there is no folder `charts/cahce` in the source, and it is to be rendered (did you mean `charts/cache`?)
    error[GO0306]: chart: there is no folder `chart` in the source, and it is to be rendered (did you mean `charts`?)
    error[GO0306]: charts/web: `charts/web` is no chart: it holds no `Chart.yaml` (correct the path, or take it out of the configuration: there is `charts/web/values.yaml`)
    ");
}

/// Met with rendered charts: a fault was "in line 522 as rendered".
#[test]
fn a_fault_and_an_object_are_at_their_template() {
    let printed = "\
---
# Source: web/templates/map.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: web-map
data: {}
---
# Source: web/charts/sub/templates/two.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: web-two
  labels:
    a: 1
";
    let map = "{{- if .Values.on }}\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-map\ndata: {}\n{{- end }}\n";
    let files = [
        ("chart/Chart.yaml", CHART),
        ("chart/templates/map.yaml", map),
        ("chart/charts/sub/templates/two.yaml", "# two\nkind: ConfigMap\n  labels:\n      a: 1\n"),
    ];
    let (_folder, helm) = printing(printed);
    insta::assert_snapshot!(faults(renderer().helmed("chart", helm), &files), @"error[GO0405]: chart/charts/sub/templates/two.yaml: 4:10: `a` in `metadata.labels` is a number, and must be text (put it in quotes)");
    let (_folder, helm) = printing(&printed.replace("a: 1", "a: b"));
    insta::assert_snapshot!(places(renderer().helmed("chart", helm), &files), @r"
    k:ConfigMap/shop/web-map at chart/templates/map.yaml:2
    k:ConfigMap/shop/web-two at chart/charts/sub/templates/two.yaml:2
    ");
}

/// Met with charts whose dependencies are not vendored, and with values that their schema does not take.
#[test]
fn a_chart_that_fails_does_so_in_helms_own_words() {
    let helm = Helm::at(&Cx::system(), &program("GITOPS_HELM"), "web").unwrap();
    let depends = format!(
        "{CHART}dependencies: [{{ name: common, version: 1.0.0, repository: 'https://example.com' }}]\n"
    );
    let found = faults(renderer().helmed("chart", helm.clone()), &[("chart/Chart.yaml", &depends)]);
    assert!(found.contains("missing in charts/ directory: common"), "{found}");
    let schema = r#"{"properties": {"replicas": {"type": "integer"}}}"#;
    let files = [
        ("chart/Chart.yaml", CHART),
        ("chart/values.schema.json", schema),
        ("chart/values.yaml", "replicas: many\n"),
        ("chart/templates/a.yaml", ""),
    ];
    let found = faults(renderer().helmed("chart", helm), &files);
    assert!(
        found.contains("replicas") && found.contains("schema") && !found.contains("exit status"),
        "{found}"
    );
}
