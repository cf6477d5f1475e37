//! What is in the place of a file: a file where a folder belongs, or a folder where the file belongs.

use std::path::Path;

use rustix::fs::FileType;

use super::folder::Folder;
use super::path::{Place, file_kind, file_of_side};
use crate::value::{Key, Live, Result};

/// So many files in the place of one are named; more are not cleared away by one plan.
const MOST: usize = 10_000;

/// How many files are named for people.
const NAMED: usize = 3;

/// An absent file whose place is taken by files that could go; nothing if that is not what keeps it from being read.
pub(super) fn find(root: &Path, key: &Key, place: &Place) -> Result<Option<Live>> {
    let mut folder = Folder::root(root)?;
    for (depth, name) in place.folders().iter().enumerate() {
        match kind(&folder, name)? {
            Some(FileType::Directory) => match folder.folder(name)? {
                Some(next) => folder = next,
                None => return Ok(None),
            },
            Some(FileType::RegularFile) => {
                let path = place.folders()[..=depth].join("/");
                let reason = format!("`{path}` is a file where a folder belongs");
                return Ok(Some(Live::obstructed(key.clone(), vec![of_path(key, &path)], reason)));
            }
            _ => return Ok(None),
        }
    }
    match kind(&folder, place.file())? {
        Some(FileType::Directory) => is_folder(&folder, key, place),
        _ => Ok(None),
    }
}

fn kind(folder: &Folder, name: &str) -> Result<Option<FileType>> {
    Ok(folder.look(name)?.map(|stat| FileType::from_raw_mode(stat.st_mode)))
}

fn of_path(key: &Key, path: &str) -> Key {
    Key::new(key.target(), file_kind(), "", path)
}

/// Nothing if the folder holds what no plan clears away.
fn is_folder(parent: &Folder, key: &Key, place: &Place) -> Result<Option<Live>> {
    let (path, mut files) = (place.path(), Vec::new());
    let Some(folder) = parent.folder(place.file())? else { return Ok(None) };
    if !collect(&folder, &path, &mut files)? {
        return Ok(None);
    }
    files.sort();
    let by = files.iter().map(|path| of_path(key, path)).collect();
    Ok(Some(Live::obstructed(key.clone(), by, reason(&path, &files))))
}

/// Collects the files of a folder; says whether the folder goes with the last of them.
fn collect(folder: &Folder, path: &str, files: &mut Vec<String>) -> Result<bool> {
    let mut is_empty = true;
    for name in folder.names()? {
        let Some(name) = name else { return Ok(false) };
        if file_of_side(&name).is_some() {
            continue;
        }
        is_empty = false;
        let path = format!("{path}/{name}");
        let goes = match kind(folder, &name)? {
            Some(FileType::RegularFile) => {
                files.push(path);
                files.len() <= MOST
            }
            Some(FileType::Directory) => match folder.folder(&name)? {
                Some(inner) => collect(&inner, &path, files)?,
                None => true,
            },
            None => true,
            Some(_) => false,
        };
        if !goes {
            return Ok(false);
        }
    }
    Ok(!is_empty)
}

fn reason(path: &str, files: &[String]) -> String {
    let named: Vec<String> = files.iter().take(NAMED).map(|file| format!("`{file}`")).collect();
    let named = named.join(", ");
    match files.len().saturating_sub(NAMED) {
        0 => format!("`{path}` is a folder that holds {named}"),
        more => format!("`{path}` is a folder that holds {named} and {more} more"),
    }
}
