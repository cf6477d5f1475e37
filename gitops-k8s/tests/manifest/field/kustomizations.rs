use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;

use gitops_core::{Cx, Render, Renderer};
use gitops_k8s::Kustomize;

use crate::programs::{executable, program};
use crate::support::{renderer, snapshot};

/// A program that must not be run.
fn unused() -> (tempfile::TempDir, Kustomize) {
    faked("echo it was run >&2; exit 1")
}

fn faked(script: &str) -> (tempfile::TempDir, Kustomize) {
    let (folder, path) =
        executable("kustomize", &format!("if [ \"$1\" = version ]; then echo v5.5.0; exit; fi\n{script}\n"));
    let kustomize = Kustomize::at(&Cx::system(), &path).unwrap();
    (folder, kustomize)
}

fn outcome(render: impl Render + 'static, files: &[(&str, &str)]) -> String {
    match Renderer::new(Arc::new(render)).render(&Cx::system(), &snapshot(files)) {
        Ok(rendered) => {
            let objects = rendered.desired.objects().iter();
            let lines =
                objects.map(|(_, object)| format!("{} {} {}", object.key, object.provenance, object.body));
            lines.chain(rendered.warnings.iter().map(ToString::to_string)).collect::<Vec<_>>().join("\n")
        }
        Err(error) => error.diagnostics().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

/// Met in a security review: each of these reached an address while a plan was made.
#[test]
fn whatever_a_kustomization_would_fetch_is_refused_before_anything_runs() {
    let (_folder, kustomize) = unused();
    let address = "http://127.0.0.1:9/x.yaml";
    let kustomizations = [
        format!("Resources: ['{address}']\n"),
        format!("RESOURCES: ['{address}']\n"),
        format!("re\u{17f}ources: ['{address}']\n"),
        format!("resources: ['{address}?y=real/f.yaml']\n"),
        "resources: ['http://real/f.yaml']\n".to_owned(),
        "resources: ['github.com/real/f']\n".to_owned(),
        "resources: ['git::file:///tmp/x']\n".to_owned(),
        "resources: ['git@host/x']\n".to_owned(),
        format!("configMapGenerator: [{{ name: a, files: ['k={address}'] }}]\n"),
        format!("ConfigMapGenerator: [{{ name: a, ENVS: ['{address}'] }}]\n"),
        format!("openAPI: {{ path: '{address}' }}\n"),
        format!("crds: ['{address}']\n"),
        format!("patches: [{{ Path: '{address}' }}]\n"),
        "generators: [plugin.yaml]\n".to_owned(),
        "transformers: [list.yaml]\n".to_owned(),
        "validators: [folder]\n".to_owned(),
        "generators: [made]\n".to_owned(),
        "generators: [charts.yaml]\n".to_owned(),
        format!(
            "generators: [\"apiVersion: builtin\\nkind: ConfigMapGenerator\\nfiles: ['{address}']\\n\"]\n"
        ),
        "helmcharts: [{ name: web }]\n".to_owned(),
    ];
    for text in kustomizations {
        let plugin = format!(
            "apiVersion: builtin\nkind: SecretGenerator\nmetadata: {{ name: a }}\nenvs: ['{address}']\n"
        );
        let list = format!("kind: List\nitems: [{{ kind: PatchTransformer, path: '{address}' }}]\n");
        let charts = "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: { name: a }\n";
        let files = [
            ("kustomization.yaml", &*text),
            ("http:/real/f.yaml", "x: y\n"),
            ("http:/127.0.0.1:9/x.yaml", "x: y\n"),
            ("real/f.yaml", "x: y\n"),
            ("github.com/real/f", "x: y\n"),
            ("plugin.yaml", &plugin),
            ("list.yaml", &list),
            ("charts.yaml", charts),
            ("folder/kustomization.yaml", "resources: [plugin.yaml]\n"),
            ("folder/plugin.yaml", &plugin),
            ("made/kustomization.yaml", "resources: [f.yaml]\npatches: [{ path: p.yaml }]\n"),
            ("made/f.yaml", "x: y\n"),
        ];
        let found = outcome(renderer().kustomized("", kustomize.clone()), &files);
        assert!(found.starts_with("error[GO0413]"), "{text}: {found}");
    }
}

#[test]
fn generators_and_transformers_of_the_repository_are_rendered() {
    let kustomize = Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap();
    let generator = "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: { name: a }\nfiles: [k=data.txt]\noptions: { disableNameSuffixHash: true }\n";
    let files = [
        ("kustomization.yaml", "generators: [generators]\n"),
        ("generators/kustomization.yaml", "resources: [a.yaml]\n"),
        ("generators/a.yaml", generator),
        ("data.txt", "see http://example.com"),
    ];
    insta::assert_snapshot!(outcome(renderer().kustomized("", kustomize), &files), @r#"k:ConfigMap/shop/a generators/a.yaml {"apiVersion":"v1","data":{"k":"see http://example.com"},"kind":"ConfigMap","metadata":{"name":"a","namespace":"shop"}}"#);
}

/// Met in a security review: a program in a jail whose network was the machine's.
#[test]
fn a_program_has_no_network_not_even_the_loopback() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!(
        "if /bin/bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}' 2>/dev/null; then n=open; else n=closed; fi\n\
         echo '{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"'$n'\"}}}}'"
    );
    let (_folder, kustomize) = faked(&script);
    let found = outcome(renderer().kustomized("", kustomize), &[("kustomization.yaml", "resources: []\n")]);
    let is_closed = found.contains("k:ConfigMap/shop/closed");
    assert_eq!(is_closed, !found.contains("warning[GO0421]"), "closed, or said loudly: {found}");
    assert!(!is_closed || listener.accept().is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
}

/// Met with overlays: a fault was in a line "as rendered".
#[test]
fn an_object_of_a_kustomization_is_at_the_file_that_declares_it() {
    let kustomize = Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap();
    let mut files = vec![
        ("overlay/kustomization.yaml", "resources: [../base]\nnamePrefix: x-\n"),
        (
            "base/kustomization.yaml",
            "resources: [web.yaml]\nconfigMapGenerator: [{ name: g, literals: [a=b] }]\n",
        ),
        ("base/web.yaml", "# web\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n"),
    ];
    insta::assert_snapshot!(outcome(renderer().kustomized("overlay", kustomize.clone()), &files), @r#"
    k:ConfigMap/shop/x-g-4h2mbtbbt6 base/kustomization.yaml {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"x-g-4h2mbtbbt6","namespace":"shop"}}
    k:ConfigMap/shop/x-web base/web.yaml:2 {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x-web","namespace":"shop"}}
    "#);
    files[2].1 = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  annotations:\n    argocd.argoproj.io/sync-wave: first\n";
    insta::assert_snapshot!(outcome(renderer().kustomized("overlay", kustomize.clone()), &files), @"error[GO0409]: base/web.yaml: 6:5: `first` is no whole number, which `argocd.argoproj.io/sync-wave` wants (write a number such as `\"-1\"`, in quotes)");
    let annotated =
        ("overlay/kustomization.yaml", "resources: [../base]\nbuildMetadata: [originAnnotations]\n");
    files[0] = annotated;
    files[2].1 = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n";
    let found = outcome(renderer().kustomized("overlay", kustomize), &files);
    assert!(found.contains("config.kubernetes.io/origin"), "what is asked for stays: {found}");
}
