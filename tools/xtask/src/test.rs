//! Everything that the tests need, then every test.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Result;
use crate::programs::Program;
use crate::stage::stage;
use crate::{descriptions, kill, postgres, process, programs, servers, side_by_side, sshd, workspace};

/// The servers that today's tests talk to.
const SERVERS: [&str; 15] = [
    "gitea",
    "act-runner",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "tofu",
    "tofu-middle",
    "tofu-oldest",
    "provider-time",
    "provider-counting",
    "kustomize",
    "helm",
    "actionlint",
];

/// Runs the tests whose name contains `only`; or all of them, and a bounded number of kills.
pub fn run(only: Option<&str>) -> Result<()> {
    let environment = prepare()?;
    let pattern: Vec<_> = only.into_iter().collect();
    let programs = stage("build the tests", || built(&environment))?;
    let again = "run one again with `cargo xtask test --only NAME`";
    let outputs = workspace::target()?.join("tests");
    stage("tests", || side_by_side::run(programs, only, &outputs).map_err(|failure| failure.help(again)))?;
    stage("examples in the documentation", || {
        process::run(cargo_test(&environment).arg("--doc").args(&pattern))
    })?;
    match only {
        None => kill::run(&kill::Options::default()),
        Some(_) => Ok(()),
    }
}

/// The programs of all tests, each told where the servers are.
fn built(environment: &[(String, PathBuf)]) -> Result<Vec<Program>> {
    let mut cargo = cargo_test(environment);
    cargo.args(["--all-targets", "--no-run", "--message-format", "json-render-diagnostics"]);
    let mut programs = programs::built(&process::printed(&mut cargo)?);
    for program in &mut programs {
        program.environment.extend_from_slice(environment);
        program.environment.push(("INSTA_UPDATE".into(), "no".into()));
    }
    Ok(programs)
}

fn prepare() -> Result<Vec<(String, PathBuf)>> {
    let mut environment = Vec::new();
    for name in SERVERS {
        environment.extend(stage(&format!("server {name}"), || servers::environment(name))?);
    }
    environment.extend(stage("descriptions of formats", descriptions::environment)?);
    environment.push(("GITOPS_SSHD".into(), stage("server sshd", sshd::path)?));
    let folder = stage("server postgres", postgres::folder)?;
    environment.extend(folder.map(|folder| ("GITOPS_POSTGRES".into(), folder.into())));
    Ok(environment)
}

fn cargo_test(environment: &[(String, PathBuf)]) -> Command {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--workspace", "--all-features", "--no-fail-fast"]).env("INSTA_UPDATE", "no");
    cargo.envs(environment.iter().map(|(name, path)| (name, path)));
    cargo
}
