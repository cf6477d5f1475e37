//! A forge to try requests on: the one of the tests.

use crate::failure::Result;
use crate::stage::stage;
use crate::{process, servers, workspace};

/// Builds Gitea and the `gitops` command, and starts the forge; returns when it ends.
pub fn run() -> Result<()> {
    let environment = stage("server gitea", || servers::environment("gitea"))?;
    stage("the command", || process::run(workspace::cargo().args(["build", "--quiet", "-p", "gitops"])))?;
    let mut forge = workspace::cargo();
    forge.args(["run", "--quiet", "-p", "testbed", "--features", "gitea", "--example", "forge"]);
    forge.envs(environment.iter().map(|(name, path)| (name, path)));
    process::run(&mut forge)
}
