//! Programs of others that do the same; `cargo xtask bench cluster` builds them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gitops_benches::timed;

/// How long a peer took by its own clock, from reading the file to the last answer.
///
/// # Panics
/// If it is not there, fails, or handled another number of objects.
pub fn run(name: &str, arguments: &[&str], objects: usize) -> Duration {
    let variable = format!("GITOPS_{}", name.to_uppercase().replace('-', "_"));
    let program = std::env::var_os(variable)
        .unwrap_or_else(|| panic!("the peer {name} is missing: run `cargo xtask bench cluster`"));
    let output = Command::new(program).args(arguments).output().expect("the peer starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {said}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a peer prints one object");
    assert_eq!(told["objects"], objects, "{name} handled another number of objects");
    Duration::from_secs_f64(told["seconds"].as_f64().expect("a peer tells its time"))
}

/// How long `kubectl` takes to apply a file by server-side apply, from its start to its end.
pub fn kubectl(kubeconfig: &Path, file: &Path) -> Duration {
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig).args(["apply", "--server-side", "--filename"]).arg(file);
    let (output, time) = timed(|| command.output().expect("kubectl is installed"));
    assert!(output.status.success(), "kubectl: {}", String::from_utf8_lossy(&output.stderr));
    time
}
