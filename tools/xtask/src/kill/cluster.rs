//! Kills of the command while it applies and prunes on a real API server.

use crate::failure::Result;
use crate::stage::stage;
use crate::{process, servers, workspace};

/// Runs the command's own test of it, with so many kills.
pub fn run(kills: u32, seed: u64) -> Result<()> {
    let mut cargo = workspace::cargo();
    for name in ["etcd", "kube-apiserver"] {
        cargo.envs(stage(name, || servers::environment(name))?);
    }
    cargo.env("GITOPS_KILLS", kills.to_string()).env("GITOPS_SEED", seed.to_string());
    cargo.args([
        "test",
        "--package",
        "gitops",
        "--all-features",
        "--test",
        "targets",
        "kills::",
        "--",
        "--nocapture",
    ]);
    stage(&format!("{kills} kills, seed {seed}"), || process::run(&mut cargo))
}
