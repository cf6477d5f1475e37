//! What can be wrong with a directory, each with the way out.

use std::io;
use std::path::Path;

use super::owner_label::StoredOwnerLabel;
use crate::value::{Error, ErrorKind, Result, owner};

/// An error of the file system, with what was tried and where.
pub(super) fn storage(error: impl Into<io::Error>, what: &str, path: &Path) -> Error {
    let error = error.into();
    let help = match error.kind() {
        io::ErrorKind::StorageFull => "free space on the file system and try again",
        io::ErrorKind::QuotaExceeded => "raise the quota or free space, and try again",
        io::ErrorKind::ReadOnlyFilesystem => "mount the file system for writing, or name another root",
        io::ErrorKind::PermissionDenied => "give this user the right to write below the root",
        _ => "",
    };
    let inner = Error::from(error);
    let told = Error::new(inner.kind(), format!("can't {what} `{}`: {}", path.display(), inner.message()));
    if help.is_empty() { told } else { told.help(help) }
}

/// Something lies where only a file or a folder of ours could lie.
pub(super) fn odd(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("`{}` is {what}", path.display()))
        .help("move it away, or leave this path out of the desired state; it is never followed or replaced")
}

pub(super) fn root_gone(path: &Path) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the root `{}` is not there", path.display()))
        .help("mount or make the folder; nothing is taken for absent while the root is gone")
}

/// Another process is at the same file.
pub(super) fn busy(path: &Path) -> Error {
    Error::new(ErrorKind::Locked, format!("another process is writing `{}`", path.display()))
        .help("let the other process finish; two engines should not share a root")
}

/// Refuses a file, or the place of one, that carries another's owner label or none.
pub(super) fn require_owner(owner_label: Option<&StoredOwnerLabel>, ours: &str, path: &Path) -> Result<()> {
    match owner_label {
        Some(owner_label) if owner::is_same(&owner_label.owner, ours) => Ok(()),
        Some(owner_label) => {
            Err(not_owned(&format!("`{}` belongs to `{}`", path.display(), owner_label.owner)).help(
                "remove it from one of the two applications; if that owner is gone for good, \
             remove the owner_label `.NAME.gitops` beside the file",
            ))
        }
        None => Err(not_owned(&format!("`{}` was made by other means", path.display()))
            .help("adopt it, move it away, or leave this path out of the desired state")),
    }
}

fn not_owned(message: &str) -> Error {
    Error::new(ErrorKind::NotOwned, message)
}
