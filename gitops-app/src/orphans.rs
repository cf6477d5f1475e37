//! Applications that left the configuration and still own objects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gitops_core::{Cx, Key, Result, StateDir};
use serde::Serialize;

use crate::config::{Applications, Config};
use crate::known::{self, Known};

/// An application that is no longer in the configuration and still owns objects. Nothing is done about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Orphaned {
    /// Its name.
    pub application: String,
    /// The file that it was in.
    pub file: PathBuf,
    /// Where its state is.
    pub state: PathBuf,
    /// What it owns.
    pub objects: Vec<Key>,
}

/// The applications that were applied from these files, are in none of them now, and still own objects. One whose file was
/// removed counts too; one whose file is there and was not read does not.
///
/// It is found by records that every apply leaves beside the file, in `.gitops/~applications`.
///
/// # Errors
/// A state that is damaged, or may not be read.
pub async fn orphaned(cx: &Cx, applications: &Applications) -> Result<Vec<Orphaned>> {
    let bases: BTreeSet<&Path> =
        applications.files.iter().map(|file| file.parent().unwrap_or(Path::new(""))).collect();
    let is_there = |name: &str| applications.all.iter().any(|config| config.name == name);
    let mut found = Vec::new();
    for base in bases {
        for known in known::all(base).into_iter().filter(|known| !is_there(&known.name)) {
            let file = base.join(&known.file);
            if applications.files.contains(&file) || !file.exists() {
                found.extend(owner(cx, base, file, known).await?);
            }
        }
    }
    Ok(found)
}

/// The application with what it owns; nothing if that is nothing, or its state is another application's now.
async fn owner(cx: &Cx, base: &Path, file: PathBuf, known: Known) -> Result<Option<Orphaned>> {
    let state = base.join(&known.state);
    let Ok(peek) = StateDir::peek(&state) else { return Ok(None) };
    let Some(inventory) = peek.inventory(cx).await? else { return Ok(None) };
    let objects: Vec<Key> = inventory.entries().keys().cloned().collect();
    let is_its = inventory.application() == known.name && !objects.is_empty();
    Ok(is_its.then_some(Orphaned { application: known.name, file, state, objects }))
}

/// The roots of applications that left the file of another one, or whose file is gone, by name, each with its owner: what declares
/// them from the same source now is the same application under a new name, or has to take them over by hand.
///
/// A state that can't be read names none.
pub(crate) async fn roots_that_were_left(cx: &Cx, config: &Config, source: &str) -> BTreeMap<String, String> {
    let base = config.base();
    let names = crate::config::names_in(&config.file);
    let is_left = |known: &Known| {
        let file = base.join(&known.file);
        let is_same = config.file.file_name() == known.file.file_name();
        known.name != config.name
            && ((is_same && names.as_ref().is_some_and(|names| !names.contains(&known.name)))
                || !file.exists())
    };
    let mut found = BTreeMap::new();
    for known in known::all(base).into_iter().filter(is_left) {
        let state = base.join(&known.state);
        if state == config.state {
            continue;
        }
        let Ok(peek) = StateDir::peek(&state) else { continue };
        let Ok(Some(inventory)) = peek.inventory(cx).await else { continue };
        let is_of_source = inventory.binding().is_some_and(|binding| binding.source == source);
        if inventory.application() != known.name || !is_of_source {
            continue;
        }
        let roots = inventory.entries().keys().filter(|key| key.kind().kind() == "Root");
        found.extend(roots.map(|key| (key.name().to_owned(), inventory.owner().to_string())));
    }
    found
}
