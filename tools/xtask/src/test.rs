//! Everything that the tests need, then every test.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Result;
use crate::stage::stage;
use crate::{descriptions, kill, postgres, process, servers, sshd, workspace};

/// The servers that today's tests talk to.
const SERVERS: [&str; 14] = [
    "gitea",
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
    let run = |what: &[&str]| run_tests(cargo_test(&environment).args(what).args(&pattern));
    stage("tests", || run(&["--all-targets"]))?;
    stage("examples in the documentation", || run(&["--doc"]))?;
    match only {
        None => kill::run(&kill::Options::default()),
        Some(_) => Ok(()),
    }
}

fn run_tests(command: &mut Command) -> Result<()> {
    let again = "the failures are listed above; run one again with `cargo xtask test --only NAME`";
    process::run(command).map_err(|failure| failure.help(again))
}

fn prepare() -> Result<Vec<(String, PathBuf)>> {
    let mut environment = Vec::new();
    for name in SERVERS {
        environment.extend(stage(&format!("server {name}"), || servers::environment(name))?);
    }
    environment.extend(stage("descriptions of forges", descriptions::environment)?);
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
