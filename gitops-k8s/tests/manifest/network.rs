//! What a kustomization or a chart names elsewhere is never asked for, whatever field names it.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use gitops_core::Cx;
use gitops_k8s::{Helm, Kustomize};

use crate::programs::{lines, overlay, program};
use crate::support::renderer;

/// A place that nobody is to ask.
struct Elsewhere(TcpListener);

impl Elsewhere {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Whether nobody has asked yet.
    fn is_unasked(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let is_unasked = self.0.accept().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        self.0.set_nonblocking(false).unwrap();
        is_unasked
    }
}

/// Every field by which the program loads something, and each way to write an address that it takes for one.
#[test]
fn nothing_that_a_kustomization_names_elsewhere_is_asked_for() {
    let elsewhere = Elsewhere::new();
    let address = elsewhere.address();
    let url = format!("http://{address}/x.yaml");
    let mut texts: Vec<String> = [
        "resources",
        "bases",
        "components",
        "crds",
        "configurations",
        "generators",
        "transformers",
        "validators",
        "patchesStrategicMerge",
    ]
    .iter()
    .map(|field| format!("{field}: [\"{url}\"]\n"))
    .collect();
    for (list, field) in [("patches", "path"), ("patchesJson6902", "path"), ("replacements", "path")] {
        texts.push(format!(
            "{list}: [{{ {field}: \"{url}\", target: {{ kind: ConfigMap, version: v1, name: a }} }}]\n"
        ));
    }
    texts.push(format!("openapi: {{ path: \"{url}\" }}\n"));
    for generator in ["configMapGenerator", "secretGenerator"] {
        for field in [
            format!("files: [\"a={url}\"]"),
            format!("files: [\"{url}\"]"),
            format!("envs: [\"{url}\"]"),
            format!("env: \"{url}\""),
        ] {
            texts.push(format!("{generator}: [{{ name: a, {field} }}]\n"));
        }
    }
    for remote in [
        format!("http://{address}/base.git?ref=main"),
        format!("git::http://{address}/base"),
        format!("http://{address}/repo//base?ref=v1"),
        format!("HTTP://{address}/x.yaml"),
    ] {
        texts.push(format!("resources: [\"{remote}\"]\n"));
    }
    texts.push(format!("helmCharts: [{{ name: web, repo: \"http://{address}\", version: 1.0.0 }}]\n"));
    let plugin = "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: { name: a }\n";
    texts.push(format!(
        "generators:\n- |\n  {}  files: [\"a={url}\"]\n",
        plugin.replace('\n', "\n  ").trim_end_matches(' ')
    ));
    let chart = format!(
        "apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  metadata: {{ name: a }}\n  name: web\n  repo: \"http://{address}\"\n"
    );
    texts.push(format!("generators:\n- |\n  {chart}"));
    for text in &texts {
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n";
        let files = [("overlay/kustomization.yaml", text.as_str()), ("overlay/map.yaml", map)];
        let said =
            lines(overlay(Kustomize::at(&Cx::system(), &program("GITOPS_KUSTOMIZE")).unwrap()), &files);
        assert!(said.starts_with("error["), "{text}\n{said}");
        assert!(elsewhere.is_unasked(), "{text}");
    }
    // The same by the program alone is asked for, so that all that counts.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kustomization.yaml"), &texts[0]).unwrap();
    let mut alone = Command::new(program("GITOPS_KUSTOMIZE"))
        .args(["build", "."])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(elsewhere.0.accept().is_ok());
    alone.kill().unwrap();
    alone.wait().unwrap();
}

#[test]
fn nothing_that_a_chart_names_elsewhere_is_asked_for() {
    let elsewhere = Elsewhere::new();
    let address = elsewhere.address();
    let helmed = || renderer().helmed("ch", Helm::at(&Cx::system(), &program("GITOPS_HELM"), "rel").unwrap());
    let dependency = format!(
        "apiVersion: v2\nname: ch\nversion: 0.1.0\ndependencies: [{{ name: sub, version: 1.0.0, repository: \"http://{address}\" }}]\n"
    );
    let plain = "apiVersion: v2\nname: ch\nversion: 0.1.0\n";
    let template = |expression: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a }}\ndata: {{ x: {{{{ {expression} | quote }}}} }}\n"
        )
    };
    let (host, port) = (address.ip(), address.port());
    let resolves = template(&format!("getHostByName \"{host}:{port}\""));
    let looks = template("lookup \"v1\" \"Secret\" \"\" \"\"");
    let map = template("\"1\"");
    for (chart, template) in [(dependency.as_str(), &map), (plain, &resolves), (plain, &looks)] {
        let files = [("ch/Chart.yaml", chart), ("ch/templates/map.yaml", template.as_str())];
        lines(helmed(), &files);
        assert!(elsewhere.is_unasked(), "{chart}{template}");
    }
}
