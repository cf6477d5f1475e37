//! A crate outside of the workspace builds as its users' crates do: no feature or variable of this workspace helps it.

use std::fs;
use std::process::Command;

use crate::failure::{At, Failure, Result};
use crate::{packages, process, workspace};

/// By this variable a build could choose the version that the crate has to choose.
const VERSION: &str = "K8S_OPENAPI_ENABLED_VERSION";

/// Fails unless the crate resolves to one version of Kubernetes, by default and by its own choice, and builds.
pub fn run() -> Result<()> {
    packages::run()?;
    lock_as_the_workspace()?;
    let default = versions(&[])?;
    one_version("by default", &default)?;
    let chosen = versions(&["--no-default-features", "--features", "oldest"])?;
    one_version("by the program's own choice", &chosen)?;
    if default == chosen {
        return Err(Failure::new(format!("the program's own choice of a version is not heard: {default:?}")));
    }
    let folder = workspace::target()?.join("outside");
    process::run(cargo().args(["check", "--quiet", "--offline", "--target-dir"]).arg(folder))
}

/// Takes the workspace's versions of dependencies, which were fetched with it.
fn lock_as_the_workspace() -> Result<()> {
    let (from, to) = (workspace::root().join("Cargo.lock"), folder().join("Cargo.lock"));
    fs::copy(&from, &to).at(&to).map(drop)
}

/// The versions of Kubernetes that `k8s-openapi` would be built for.
fn versions(features: &[&str]) -> Result<Vec<String>> {
    let mut tree = cargo();
    tree.args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p} {f}"]);
    let tree = process::output(tree.args(features))?;
    let line = tree.lines().find(|line| line.starts_with("k8s-openapi "));
    let line = line.ok_or_else(|| Failure::new("the crate outside does not depend on k8s-openapi"))?;
    Ok(line.split([' ', ',']).filter(|word| word.starts_with("v1_")).map(str::to_owned).collect())
}

fn one_version(how: &str, versions: &[String]) -> Result<()> {
    match versions {
        [_] => Ok(()),
        _ => Err(Failure::new(format!("{how}, k8s-openapi gets {versions:?} instead of one version"))
            .help("gitops-k8s chooses a version by its default feature, and none without it")),
    }
}

fn cargo() -> Command {
    let mut cargo = workspace::cargo();
    cargo.current_dir(folder()).env_remove(VERSION);
    cargo
}

fn folder() -> std::path::PathBuf {
    workspace::root().join("tools/outside")
}
