//! Which file each application was of, so that one that leaves its file is missed.

use std::path::{Path, PathBuf};

use gitops_core::Result;
use gitops_core::process::fs;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::config::apart::STATES;

/// The folder beside the states: no application can have this name.
const KNOWN: &str = "~applications";

/// How large a record may be, in bytes.
const LIMIT: u64 = 64 << 10;

/// An application that was applied.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// The name of its file.
    pub file: PathBuf,
    /// Its state; a relative path starts from the folder of the file.
    pub state: PathBuf,
}

/// Records of which file an application is, and where its state is.
///
/// # Errors
/// `Storage` or `Forbidden` if the states' folder can't be written; not if the application's state is elsewhere, for then
/// nothing else is written there.
pub fn remember(config: &Config) -> Result<()> {
    let folder = config.base().join(STATES).join(KNOWN);
    let path = folder.join(format!("{}.json", config.name));
    let state = match config.state.strip_prefix(config.base()) {
        Ok(relative) => relative.to_owned(),
        Err(_) => std::path::absolute(&config.state)?,
    };
    let file = config.file.file_name().map(PathBuf::from).unwrap_or_default();
    let bytes = serde_json::to_vec(&Known { name: config.name.clone(), file, state })?;
    if fs::read(&path, LIMIT).is_ok_and(|found| found.as_deref() == Some(&bytes)) {
        return Ok(());
    }
    let written = fs::create_private_dir(&folder).and_then(|()| fs::atomic_write(&path, &bytes, fs::PRIVATE));
    match written {
        Err(error) if config.has_default_state => Err(fs::failed("record the application", &path, error)),
        _ => Ok(()),
    }
}

/// All that were recorded beside a file, by name. A record that can't be read is left out: it is written anew by the next
/// apply.
pub fn all(base: &Path) -> Vec<Known> {
    let Ok(entries) = std::fs::read_dir(base.join(STATES).join(KNOWN)) else { return Vec::new() };
    let read = |path: PathBuf| serde_json::from_slice(&fs::read(&path, LIMIT).ok()??).ok();
    let mut all: Vec<Known> = entries.flatten().filter_map(|entry| read(entry.path())).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}
