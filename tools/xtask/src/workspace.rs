//! Where the workspace is and what Cargo knows of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::process;

/// The workspace's root folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the package is two folders below the root").to_path_buf()
}

/// A `cargo` that works in the root folder.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The answer of `cargo metadata` for the whole dependency graph.
pub fn metadata() -> Result<Value> {
    let text = process::output(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    serde_json::from_str(&text).map_err(|error| Failure::new(format!("`cargo metadata`: {error}")))
}

/// The folder of what Cargo builds.
pub fn target() -> Result<PathBuf> {
    let metadata = metadata()?;
    Ok(metadata["target_directory"].as_str().expect("`cargo metadata` always names it").into())
}

/// The paths of all tracked files, relative to the root.
pub fn tracked_files() -> Result<Vec<String>> {
    let text = process::output(Command::new("git").args(["ls-files", "-z"]).current_dir(root()))?;
    Ok(text.split_terminator('\0').map(str::to_owned).collect())
}
