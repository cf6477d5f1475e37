use gitops_core::{Error, Result};
use gix::ObjectId;
use gix::objs::tree::EntryKind as Mode;

use crate::fault::{invalid, not_found, shown, unreadable};
use crate::nearest::nearest;

/// The folder at a path of a commit's tree.
///
/// # Errors
/// `NotFound`, saying what is there instead; `Invalid` if it is not a folder.
pub(crate) fn locate(repository: &gix::Repository, root: ObjectId, path: &str) -> Result<ObjectId> {
    let mut id = root;
    let mut done = String::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        id = step(repository, id, &done, name)?;
        done = if done.is_empty() { name.to_owned() } else { format!("{done}/{name}") };
    }
    Ok(id)
}

fn step(repository: &gix::Repository, folder: ObjectId, done: &str, name: &str) -> Result<ObjectId> {
    let tree = repository.find_tree(folder).map_err(|error| unreadable("a folder", error))?;
    let entry = tree.find_entry(name).ok_or_else(|| absent(&tree, done, name))?;
    let kind = match entry.mode().kind() {
        Mode::Tree => return Ok(entry.object_id()),
        Mode::Link => "a symbolic link",
        Mode::Commit => "a submodule",
        Mode::Blob | Mode::BlobExecutable => "a file",
    };
    Err(invalid(format!("the followed path `{}` is {kind}, not a folder", joined(done, name)))
        .help("follow the folder that holds the files"))
}

fn absent(tree: &gix::Tree<'_>, done: &str, name: &str) -> Error {
    let folders = tree.iter().filter_map(std::result::Result::ok).filter(|entry| entry.mode().is_tree());
    let names: Vec<_> = folders.map(|entry| joined(done, &entry.filename().to_string())).collect();
    not_found(format!("there is no folder `{}` in the revision", joined(done, name))).help(nearest(
        "folder",
        &joined(done, name),
        &names,
    ))
}

fn joined(folder: &str, name: &str) -> String {
    match folder {
        "" => shown(name, 200),
        folder => shown(&format!("{folder}/{name}"), 400),
    }
}
