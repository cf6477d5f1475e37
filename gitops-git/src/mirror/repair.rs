//! What a process that was killed in the middle leaves behind, and what is done about it. All of this runs under the
//! mirror's lock, so whatever looks as if somebody were at work is left over.

use std::fs;
use std::path::{Path, PathBuf};

use gitops_core::Result;
use gix::ObjectId;

use crate::objects::{DAMAGED, Objects};

/// Whether a reader found something in it that could not be read.
pub(super) fn is_marked(folder: &Path) -> bool {
    folder.join(DAMAGED).exists()
}

/// Takes away leftovers. Says whether the mirror can be used; one that can't is made anew.
pub(super) fn tidy(folder: &Path) -> Result<bool> {
    if !folder.exists() {
        return Ok(false);
    }
    for file in leftovers(folder) {
        remove(&file)?;
    }
    let Ok(objects) = Objects::open(folder) else { return Ok(false) };
    for file in dangling(folder, &objects) {
        remove(&file)?;
    }
    Ok(true)
}

/// Takes away folders in which somebody began to make a mirror.
pub(super) fn sweep(mirrors: &Path, prefix: &str) -> Result<()> {
    let is_ours =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
    entries(mirrors).filter(is_ours).try_for_each(|folder| Ok(fs::remove_dir_all(folder)?))
}

/// Locks and temporary files; git and gix write everything else under another name and rename it.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let is_lock = |path: &Path| path.extension().is_some_and(|extension| extension == "lock");
    let mut found: Vec<_> = files(folder).into_iter().filter(|path| is_lock(path)).collect();
    found.extend(files_below(&folder.join("refs")).into_iter().filter(|path| is_lock(path)));
    found.extend(files_below(&folder.join("objects")).into_iter().filter(|path| is_temporary(path)));
    found
}

fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_pack_without_index =
        path.extension().is_some_and(|extension| extension == "pack" || extension == "rev")
            && !path.with_extension("idx").exists();
    let is_keep = path.extension().is_some_and(|extension| extension == "keep");
    is_keep || name.starts_with("tmp_") || name.starts_with(".tmp-") || is_pack_without_index
}

/// References that are no id, or the id of nothing: a machine that lost power may leave such.
fn dangling(folder: &Path, objects: &Objects) -> Vec<PathBuf> {
    let is_good = |path: &PathBuf| {
        let id = fs::read(path).ok().and_then(|text| ObjectId::from_hex(text.trim_ascii()).ok());
        id.is_some_and(|id| objects.with(|repository| repository.find_header(id).is_ok()))
    };
    files_below(&folder.join("refs")).into_iter().filter(|path| !is_good(path)).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = files(folder);
    for sub in entries(folder).filter(|path| path.is_dir() && !path.is_symlink()) {
        found.extend(files_below(&sub));
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    entries(folder).filter(|path| !path.is_dir()).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
