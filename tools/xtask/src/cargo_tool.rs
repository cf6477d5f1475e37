//! Programs that come as crates.

use std::fs;
use std::path::PathBuf;

use crate::failure::{At, Result};
use crate::stage::stage;
use crate::{cache, process, workspace};

/// A program of this version, installed into the cache with these features. Without optimisation it builds in a third of the
/// time.
pub fn installed(name: &str, version: &str, features: &[&str]) -> Result<PathBuf> {
    let folder = cache::folder(name, version, |part| {
        let mut install = workspace::cargo();
        install.args(["install", name, "--quiet", "--debug", "--locked", "--no-track"]).args(features);
        install.args(["--version", version, "--root"]).arg(part).env("CARGO_PROFILE_DEV_DEBUG", "0");
        install.arg("--target-dir").arg(part.join("target"));
        stage(&format!("build {name} (some minutes, once)"), || process::run(&mut install))?;
        let objects = part.join("target");
        fs::remove_dir_all(&objects).at(&objects)
    })?;
    Ok(folder.join("bin").join(name))
}
