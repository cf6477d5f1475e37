//! Finished things under one cache folder: made once, in a temporary folder, then renamed into place.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::failure::{At, Failure, Result};

/// The folder `NAME-KEY` of the cache. If it is not there, `make` fills it, under a lock, so that
/// two runs never make it twice and nobody sees half of it.
pub fn folder(name: &str, key: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let root = root()?;
    let done = root.join(format!("{name}-{key}"));
    if done.is_dir() {
        return Ok(done);
    }
    let _lock = lock(&root, name)?;
    if !done.is_dir() {
        publish(&root.join(format!("{name}-{key}.part")), &done, make)?;
    }
    Ok(done)
}

/// A key from everything that the cached thing depends on.
pub fn key(inputs: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for input in inputs {
        hasher.update(&input.len().to_le_bytes()).update(input);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

fn root() -> Result<PathBuf> {
    let under = |variable, rest: &str| set(variable).map(|folder| folder.join(rest));
    under("GITOPS_CACHE", "")
        .or_else(|| under("XDG_CACHE_HOME", "gitops-dev"))
        .or_else(|| under("HOME", ".cache/gitops-dev"))
        .ok_or_else(|| Failure::new("no cache folder").help("set GITOPS_CACHE to a folder"))
}

fn set(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Waits for the lock of `name`; it is held until the returned file is dropped.
fn lock(root: &Path, name: &str) -> Result<File> {
    fs::create_dir_all(root).at(root)?;
    let path = root.join(format!("{name}.lock"));
    let file = File::create(&path).at(&path)?;
    file.lock().at(&path)?;
    Ok(file)
}

fn publish(part: &Path, done: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if part.exists() {
        fs::remove_dir_all(part).at(part)?;
    }
    fs::create_dir_all(part).at(part)?;
    make(part)?;
    fs::rename(part, done).at(done)
}
