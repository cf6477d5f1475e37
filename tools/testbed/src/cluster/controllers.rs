//! The controllers of Kubernetes, and kwok, which plays the kubelets by the stages of `tools/testbed/stages`.

use std::fs;
use std::path::{Path, PathBuf};

use super::servers::program;

/// How the controllers ask: as fast as the tests make objects.
const RATE: [&str; 2] = ["--kube-api-qps=500", "--kube-api-burst=1000"];

/// All but the one of autoscalers: without a metrics server it says of each that it failed.
const CONTROLLERS: &str = "--controllers=*,-horizontal-pod-autoscaler-controller";

/// The node that all pods run on.
pub(crate) const NODE: &str = r#"{"apiVersion": "v1", "kind": "Node", "metadata": {
    "name": "node", "annotations": {"kwok.x-k8s.io/node": "fake"}, "labels": {
    "kubernetes.io/hostname": "node", "kubernetes.io/os": "linux", "beta.kubernetes.io/os": "linux"}}}"#;

/// The shell's words that start them all.
///
/// # Panics
/// One of the programs is not there.
pub(crate) fn commands(folder: &Path) -> String {
    let kubeconfig = format!("--kubeconfig={}", folder.join("admin.kubeconfig").display());
    let common = ["--leader-elect=false", "--secure-port=0", "--bind-address=127.0.0.1"];
    let file = |flag: &str, name: &str| format!("{flag}={}", folder.join(name).display());
    let accounts =
        [file("--service-account-private-key-file", "accounts.key"), file("--root-ca-file", "apiserver.crt")];
    let mut manager = vec![kubeconfig.clone()];
    manager.extend(common.into_iter().chain(RATE).chain([CONTROLLERS]).map(str::to_owned).chain(accounts));
    let mut scheduler = vec![kubeconfig.clone()];
    scheduler.extend(common.into_iter().chain(RATE).map(str::to_owned));
    let mut kubelets =
        vec![kubeconfig, "--manage-all-nodes=true".to_owned(), "--node-lease-duration-seconds=40".to_owned()];
    kubelets.extend(stages().iter().map(|stage| format!("--config={}", stage.display())));
    [
        line(folder, "KUBE_CONTROLLER_MANAGER", "kube-controller-manager", &manager),
        line(folder, "KUBE_SCHEDULER", "kube-scheduler", &scheduler),
        line(folder, "KWOK", "kwok", &kubelets),
    ]
    .concat()
}

/// One program in the background, with a log of its own; its number joins those that the shell ends.
fn line(folder: &Path, variable: &str, name: &str, arguments: &[String]) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let words: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
    let binary = quoted(&program(variable, name).display().to_string());
    let log = quoted(&folder.join(format!("{name}.log")).display().to_string());
    format!("HOME=\"$FOLDER\" {binary} {} >{log} 2>&1 </dev/null & others=\"$others $!\"\n", words.join(" "))
}

fn stages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stages");
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut stages: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml")).collect();
    stages.sort();
    stages
}
