//! The engine in seeded worlds, optimised.

use crate::failure::Result;
use crate::{process, workspace};

/// Runs the simulator with these options.
pub fn run(options: &[String]) -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["run", "--release", "--quiet", "--package", "gitops-core", "--features", "simulate"]);
    process::run(cargo.args(["--example", "simulate", "--"]).args(options))
}
