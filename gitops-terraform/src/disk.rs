//! Files of our own: what the core's [`fs`] does, with the path in every error.

use std::fs::File;
use std::path::Path;

use gitops_core::{Result, fs};

pub(crate) use fs::{blocking, failed};

/// The mode of a private file that may be run.
const EXECUTABLE: u32 = 0o700;

/// Makes a folder, and those above it, that only the owner may enter.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    fs::create_private_dir(path).map_err(|error| failed("create", path, error))
}

/// Replaces a file with one that only the owner may read: the old content is there, or the new.
pub(crate) fn replace(path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
    let mode = if executable { EXECUTABLE } else { fs::PRIVATE };
    fs::atomic_write(path, bytes, mode).map_err(|error| failed("write", path, error))
}

/// A new, empty file that only the owner may read.
pub(crate) fn create(path: &Path) -> Result<File> {
    let opened = fs::private().write(true).create(true).truncate(true).open(path);
    opened.map_err(|error| failed("create", path, error))
}

/// The content of a file; nothing if there is none.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    fs::read(path, limit).map_err(|error| failed("read", path, error))
}

/// Removes a file that may not be there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    fs::remove(path).map_err(|error| failed("remove", path, error))
}
