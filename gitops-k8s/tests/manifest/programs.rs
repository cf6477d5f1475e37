//! `kustomize` and `helm`, the real ones.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gitops_core::{Cx, ErrorKind, Render, Renderer};
use gitops_k8s::{Helm, Kustomize, RenderCache};

use crate::support::{render, renderer, snapshot};

/// A program that `cargo xtask test` makes.
pub fn program(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable);
    path.unwrap_or_else(|| panic!("{variable} names no program: run `cargo xtask test`, which sets it"))
        .into()
}

/// A program of this machine.
fn on_path(name: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`{name}` 1.32 or newer must be installed"))
}

const BASE: &str = "resources: [web.yaml]\nconfigMapGenerator: [{name: settings, files: [app.conf], options: {disableNameSuffixHash: true}}]\n";
const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n";
const OVERLAY: &str = "resources: [../base]\nnamespace: prod\npatches: [{path: more.yaml}]\n";
const PATCH: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n";

const FILES: [(&str, &str); 6] = [
    ("base/kustomization.yaml", BASE),
    ("base/web.yaml", WEB),
    ("base/app.conf", "debug = no\n"),
    ("overlay/kustomization.yaml", OVERLAY),
    ("overlay/more.yaml", PATCH),
    ("other/README.md", "x"),
];

pub fn overlay(kustomize: Kustomize) -> impl Render + 'static {
    renderer().kustomized("overlay", kustomize)
}

pub fn lines(render: impl Render + 'static, files: &[(&str, &str)]) -> String {
    match Renderer::new(Arc::new(render)).render(&Cx::system(), &snapshot(files)) {
        Ok(rendered) => {
            let objects = rendered
                .desired
                .objects()
                .iter()
                .map(|(_, object)| format!("{} {}", object.key, object.body));
            objects.collect::<Vec<_>>().join("\n")
        }
        Err(error) => error.diagnostics().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn a_kustomization_and_what_it_is_built_on_are_rendered_by_either_program() {
    let found = lines(overlay(Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap()), &FILES);
    insta::assert_snapshot!(found, @r#"
    k:ConfigMap/prod/settings {"apiVersion":"v1","data":{"app.conf":"debug = no\n"},"kind":"ConfigMap","metadata":{"name":"settings","namespace":"prod"}}
    k:Deployment.apps/prod/web {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"prod"},"spec":{"replicas":3}}
    "#);
    assert_eq!(found, lines(overlay(Kustomize::at(&Cx::system(), &on_path("kubectl")).unwrap()), &FILES));
}

#[test]
fn it_is_rendered_again_only_if_one_of_its_files_changed() {
    let mut renderer =
        Renderer::new(Arc::new(overlay(Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap())));
    let mut files = FILES;
    assert_eq!(renderer.render(&Cx::system(), &snapshot(&files)).unwrap().parts, 1);
    files[5].1 = "y";
    assert_eq!(renderer.render(&Cx::system(), &snapshot(&files)).unwrap().parts, 0, "a file elsewhere");
    files[2].1 = "debug = yes\n";
    assert_eq!(renderer.render(&Cx::system(), &snapshot(&files)).unwrap().parts, 1, "a file of the base");
}

#[test]
fn what_is_not_in_the_repository_is_refused_before_anything_runs() {
    let refused = |text: &str| {
        let files = [("overlay/kustomization.yaml", text)];
        lines(overlay(Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap()), &files)
    };
    let found = [
        refused("resources: ['https://user:pass@example.com/base?ref=v1']\n"),
        refused("resources: [github.com/example/base]\n"),
        refused("components: [../../outside]\n"),
        refused("patches: [{path: /etc/passwd}]\n"),
        refused("helmCharts: [{name: web, repo: 'https://example.com'}]\n"),
    ];
    insta::assert_snapshot!(found.join("\n"), @r"
    error[GO0413]: overlay/kustomization.yaml: `https://…@example.com/base?ref=v1` is no file or folder of the repository (copy it into the repository: what is fetched when it is rendered differs from day to day)
    error[GO0413]: overlay/kustomization.yaml: `github.com/example/base` is no file or folder of the repository (copy it into the repository: what is fetched when it is rendered differs from day to day)
    error[GO0413]: overlay/kustomization.yaml: `../../outside` is no file or folder of the repository (copy it into the repository: what is fetched when it is rendered differs from day to day)
    error[GO0413]: overlay/kustomization.yaml: `/etc/passwd` is no file or folder of the repository (copy it into the repository: what is fetched when it is rendered differs from day to day)
    error[GO0413]: overlay/kustomization.yaml: `helmCharts` fetches charts (copy it into the repository: what is fetched when it is rendered differs from day to day)
    ");
}

#[test]
fn a_program_that_fails_says_why_and_nothing_of_this_machine() {
    let files = [("overlay/kustomization.yaml", "resources: [a.yaml]\n"), ("overlay/a.yaml", "kind: [\n")];
    let found = lines(overlay(Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap()), &files);
    assert!(found.starts_with("error[GO0411]: overlay/kustomization.yaml: `kustomize` failed"), "{found}");
    assert!(!found.contains("gitops-render-"), "{found}");
}

/// Two applications that share a limit: as long as the program of one is at work, that of the other is not started.
#[test]
fn both_programs_wait_for_a_turn_of_those_that_all_applications_share() {
    let cx = Cx::system().with_programs(1).within(Duration::from_secs(120));
    let kustomized = overlay(Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap());
    let chart =
        [("ch/Chart.yaml", "apiVersion: v2\nname: ch\nversion: 0.1.0\n"), ("ch/templates/w.yaml", WEB)];
    let helmed = renderer().helmed("ch", Helm::at(&Cx::system(), &program("GITOPS_HELM"), "rel").unwrap());
    let (kustomized, helmed): (Arc<dyn Render>, Arc<dyn Render>) = (Arc::new(kustomized), Arc::new(helmed));
    for (render, files, name) in [(kustomized, &FILES[..], "kustomize"), (helmed, &chart[..], "helm")] {
        let render = |cx: &Cx| Renderer::new(render.clone()).render(cx, &snapshot(files));
        let other = cx.child().program_turn_blocking().unwrap();
        // It renders in a fraction of that.
        let error = render(&cx.within(Duration::from_secs(2))).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{name}: {error:?}");
        drop(other);
        assert!(render(&cx).is_ok(), "{name} runs once it is its turn");
    }
}

/// Met with a literal whose name was forgotten, and with patches of a fault of form: the programs quote what they can't use.
#[test]
fn what_a_kustomization_makes_secrets_of_is_in_no_error() {
    let told = |text: &str, more: &[(&str, &str)]| {
        let files = [&[("overlay/kustomization.yaml", text)], more].concat();
        lines(overlay(Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap()), &files)
    };
    let made = "secretGenerator: [{name: sec, literals: [pw=hunter2]}]\n";
    let patched = |patch: &str| {
        told(&format!("{made}patches: [{{target: {{kind: Secret}}, patch: {patch:?}}}]\n"), &[])
    };
    let secret =
        "apiVersion: v1\nkind: secret\nmetadata: {name: s}\nstringData: {a: hunter2, b: [hunter2]}\n";
    for found in [
        told("secretGenerator: [{name: sec, literals: [hunter2]}]\n", &[]),
        told("secretGenerator: [{name: sec, literals: hunter2}]\n", &[]),
        patched("[{op: add, path: /stringData/a, value: hunter2}]"),
        patched("- {op: replace, path: /data/none, value: hunter2}"),
        patched("apiVersion: v1\nkind: Secret\nmetadata: {name: [sec]}\nstringData: hunter2\n"),
        told("resources: [s.yaml]\n", &[("overlay/s.yaml", secret)]),
        told(
            &format!("{made}patchesStrategicMerge: ['{{kind: Secret, stringData: {{a: hunter2}}}}']\n"),
            &[],
        ),
        told(
            &format!(
                "{made}patchesJson6902: [{{target: {{kind: Secret, name: x, version: v1}}, patch: '[{{op: add, path: /stringData/a, value: hunter2}}'}}]\n"
            ),
            &[],
        ),
    ] {
        assert!(found.contains("error[GO04"), "{found}");
        assert!(!found.contains("hunter2"), "{found}");
    }
}

/// Met with a password that breaks a rule of the chart's schema: `helm` quotes it.
#[test]
fn what_a_chart_is_rendered_with_is_in_no_error() {
    let told = |values: &str, template: &str, schema: &str| {
        let helm = Helm::at(&Cx::system(), &program("GITOPS_HELM"), "rel").unwrap().values("v.yaml");
        let files = [
            ("ch/Chart.yaml", "apiVersion: v2\nname: ch\nversion: 0.1.0\n"),
            ("ch/templates/s.yaml", template),
            ("ch/values.schema.json", schema),
            ("v.yaml", values),
        ];
        lines(renderer().helmed("ch", helm), &files)
    };
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {pw: {{ .Values.pw }}}\n";
    let schema = r#"{"type":"object","properties":{"pw":{"type":"string","pattern":"^[A-Z]+$"}}}"#;
    for found in [
        told("pw: hunter2\n", secret, schema),
        told("pw: hunter2\n", "{{ mustToDate \"2006\" .Values.pw }}", "{}"),
        told("pw: hunter2\n", "{{ range .Values.pw }}{{ end }}", "{}"),
        told("pw: hunter2\n", "{{ fail (printf \"a %s b\" .Values.pw) }}", "{}"),
        told("pw: 'hunter2: [x'\n", "a: {{ .Values.pw }}\n", "{}"),
        told("hunter2\n", secret, "{}"),
        told("pw: {hunter2\n", secret, "{}"),
    ] {
        assert!(found.contains("error[GO04"), "{found}");
        assert!(!found.contains("hunter2"), "{found}");
    }
}

/// A program of our own in a folder of its own.
pub fn executable(name: &str, script: &str) -> (tempfile::TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    (folder, path)
}

/// A program of our own, run as if it were `kustomize`.
fn fake(script: &str) -> (tempfile::TempDir, Kustomize) {
    let (folder, path) =
        executable("kustomize", &format!("if [ \"$1\" = version ]; then echo v5.5.0; exit; fi\n{script}\n"));
    let kustomize = Kustomize::at(&Cx::system(), &path).unwrap();
    (folder, kustomize)
}

#[test]
fn the_environment_is_clean_and_the_network_out_of_reach() {
    let (_folder, kustomize) = fake(
        "export -p | while read -r _ line; do echo \"# $line\"; done; echo 'apiVersion: v1'; echo 'kind: ConfigMap'; echo 'metadata: {name: a}'; echo 'data:'; export -p | while read -r _ line; do echo \"  ${line%%=*}: x\"; done",
    );
    let found = lines(overlay(kustomize), &FILES);
    insta::assert_snapshot!(found, @r#"k:ConfigMap/shop/a {"apiVersion":"v1","data":{"GIT_ALLOW_PROTOCOL":"x","HOME":"x","HTTPS_PROXY":"x","HTTP_PROXY":"x","KUBECONFIG":"x","LC_ALL":"x","PATH":"x","PWD":"x","TMPDIR":"x","XDG_CACHE_HOME":"x","XDG_CONFIG_HOME":"x","XDG_DATA_HOME":"x","http_proxy":"x","https_proxy":"x"},"kind":"ConfigMap","metadata":{"name":"a","namespace":"shop"}}"#);
}

#[test]
fn a_program_that_prints_without_end_is_stopped_with_all_that_it_started() {
    let (_folder, kustomize) = fake(
        "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done & wait",
    );
    let found = lines(overlay(kustomize), &FILES);
    insta::assert_snapshot!(found, @"error[GO0411]: overlay/kustomization.yaml: `kustomize` printed more than 33554432 bytes (render less at once)");
}

#[test]
fn a_program_that_never_ends_is_stopped_with_all_that_it_started() {
    // The child holds the pipes: without its end, this would not come to an end.
    let (_folder, kustomize) = fake("/bin/sleep 3600 & wait");
    let found = lines(overlay(kustomize.within(Duration::from_secs(1))), &FILES);
    insta::assert_snapshot!(found, @"error[GO0411]: overlay/kustomization.yaml: `kustomize` took longer than 1 seconds (render less at once)");
}

/// People met it as a template tool that waits for a server and could not be interrupted.
#[test]
fn a_program_is_killed_with_all_that_it_started_when_somebody_asks_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    fifo(&pipe);
    let (_folder, kustomize) =
        fake(&format!("exec 3>{}; echo begun >&3; /bin/sleep 3600 & wait", pipe.display()));
    let (cx, render) = (Cx::system(), overlay(kustomize));
    let asks = cx.clone();
    let ended = std::thread::scope(|scope| {
        let rendering =
            scope.spawn(move || Renderer::new(Arc::new(render)).render(&cx, &snapshot(&FILES)).unwrap_err());
        let mut pipe = std::io::BufReader::new(std::fs::File::open(&pipe).unwrap());
        let mut begun = String::new();
        std::io::BufRead::read_line(&mut pipe, &mut begun).unwrap();
        asks.cancel();
        let mut rest = String::new();
        // Ends when nobody holds the pipe any more: neither the program nor what it started.
        std::io::Read::read_to_string(&mut pipe, &mut rest).unwrap();
        assert_eq!((begun.as_str(), rest.as_str()), ("begun\n", ""));
        rendering.join().unwrap()
    });
    assert_eq!(ended.kind(), ErrorKind::Cancelled);
}

/// A named pipe.
fn fifo(path: &std::path::Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_program_that_is_too_old_or_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Kustomize::at(&Cx::system(), &folder.path().join("kustomize")).unwrap_err();
    assert!(missing.to_string().contains("can't be used"), "{missing}");
    let old = folder.path().join("helm");
    std::fs::write(&old, "#!/bin/sh\necho v2.17.0+g1\n").unwrap();
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let error = Helm::at(&Cx::system(), &old, "web").unwrap_err();
    assert!(error.to_string().contains("is not of version 3.10 or newer"), "{error}");
}

#[test]
fn a_chart_is_rendered_with_its_values_and_without_its_tests() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-{{ .Values.name }}}\ndata: {namespace: {{ .Release.Namespace }}}\n";
    let test = "apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n";
    let files = [
        ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("chart/values.yaml", "name: small\n"),
        ("chart/templates/map.yaml", map),
        ("chart/templates/test.yaml", test),
        ("prod/values.yaml", "name: large\n"),
    ];
    let helm = Helm::at(&Cx::system(), &program("GITOPS_HELM"), "shop").unwrap();
    let found = lines(renderer().helmed("chart", helm.clone()), &files);
    insta::assert_snapshot!(found, @r#"k:ConfigMap/shop/shop-small {"apiVersion":"v1","data":{"namespace":"shop"},"kind":"ConfigMap","metadata":{"name":"shop-small","namespace":"shop"}}"#);
    let found = lines(renderer().helmed("chart", helm.clone().values("prod/values.yaml")), &files);
    insta::assert_snapshot!(found, @r#"k:ConfigMap/shop/shop-large {"apiVersion":"v1","data":{"namespace":"shop"},"kind":"ConfigMap","metadata":{"name":"shop-large","namespace":"shop"}}"#);
    let found = lines(renderer().helmed("chart", helm.values("../values.yaml")), &files);
    insta::assert_snapshot!(found, @"error[GO0413]: chart/Chart.yaml: there is no file of values `../values.yaml` (copy it into the repository: what is fetched when it is rendered differs from day to day)");
}

#[test]
fn a_kustomization_among_manifests_is_refused_and_says_what_to_do() {
    let found = render(renderer(), &[("overlay/kustomization.yaml", OVERLAY)]).unwrap_err();
    insta::assert_snapshot!(found[0], @"error[GO0405]: overlay/kustomization.yaml: 1:1: a kustomization, which is no manifest itself (give its folder to the renderer of kustomizations, or leave the file out by the source's rules)");
}

/// The warnings about a folder that a program renders.
fn warnings(render: impl Render + 'static, files: &[(&str, &str)]) -> String {
    let rendered = Renderer::new(Arc::new(render)).render(&Cx::system(), &snapshot(files)).unwrap();
    rendered.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_program_warns_of_is_told_without_the_values_that_it_prints() {
    let kustomize = Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap();
    let files = [
        ("overlay/kustomization.yaml", "resources: [web.yaml]\ncommonLabels: { app: web }\n"),
        ("overlay/web.yaml", WEB),
    ];
    insta::assert_snapshot!(warnings(overlay(kustomize), &files), @"warning[GO0418]: overlay/kustomization.yaml: `kustomize` warns: Warning: 'commonLabels' is deprecated. Please use 'labels' instead. Run 'kustomize edit fix' to update your Kustomization automatically.");
    let helm = Helm::at(&Cx::system(), &program("GITOPS_HELM"), "web").unwrap().values("prod.yaml");
    let files = [
        ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\ndeprecated: true\n"),
        ("chart/values.yaml", "login: { password: pa55 }\n"),
        ("prod.yaml", "login: s3cret\n"),
        ("chart/templates/none.yaml", "{{ if .Values.enabled }}\na: b\n{{ end }}\n"),
    ];
    let told = warnings(renderer().helmed("chart", helm), &files);
    assert!(!told.contains("s3cret") && !told.contains("pa55"), "{told}");
    insta::assert_snapshot!(told, @r"
    warning[GO0418]: chart/Chart.yaml: `helm` warns: this chart is deprecated
    warning[GO0416]: chart/Chart.yaml: what is rendered from it holds no object (remove it if that is meant: what it declared before is no longer declared)
    ");
}

#[test]
fn what_was_rendered_is_not_rendered_again_by_the_next_process_unless_something_of_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (counted, runs) = (folder.path().join("kustomize"), folder.path().join("runs"));
    let real = program("GITOPS_KUSTOMIZE");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = build ] && echo run >> {}\nexec {} \"$@\"\n",
        runs.display(),
        real.display()
    );
    std::fs::write(&counted, script).unwrap();
    std::fs::set_permissions(&counted, std::fs::Permissions::from_mode(0o700)).unwrap();
    let cache = folder.path().join("renders");
    // Each has a renderer of its own, as each process does.
    let render = |files: &[(&str, &str)], namespace: &str| {
        let kustomize = Kustomize::at(&Cx::system(), &counted).unwrap().cached(RenderCache::new(&cache));
        let render = renderer().namespace(namespace).kustomized("overlay", kustomize);
        let found = lines(render, files);
        (found, std::fs::read_to_string(&runs).unwrap_or_default().lines().count())
    };
    let (first, _) = render(&FILES, "default");
    assert_eq!(render(&FILES, "default"), (first.clone(), 1));
    let mut other = FILES;
    other[5].1 = "what the overlay does not read";
    assert_eq!(render(&other, "default"), (first.clone(), 1));
    other[2].1 = "debug = yes\n";
    let (changed, runs_then) = render(&other, "default");
    assert!(changed.contains("debug = yes") && runs_then == 2, "{changed}");
    assert_eq!(render(&FILES, "default"), (first.clone(), 2), "back again");
    std::fs::remove_dir_all(&cache).unwrap();
    assert_eq!(render(&FILES, "default"), (first, 3));
    // What failed is no answer: it is tried again.
    other[1].1 = "kind: [";
    assert_eq!((render(&other, "default").1, render(&other, "default").1), (4, 5));
}
