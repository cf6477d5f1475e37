//! Files of our own: what the core's [`fs`] does, with the path in every error.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gitops_core::Result;
use gitops_core::process::fs;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

pub(crate) use fs::{blocking, failed};

/// The mode of a private file that may be run.
const EXECUTABLE: u32 = 0o700;

/// Makes a folder, and those above it, that only the owner may enter.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    fs::create_private_dir(path).map_err(|error| failed("create", path, error))
}

/// Replaces a file with one that only the owner may read: the old content is there, or the new, also after a crash of the
/// machine.
pub(crate) fn replace(path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
    let mode = if executable { EXECUTABLE } else { fs::PRIVATE };
    fs::atomic_write(path, bytes, mode).map_err(|error| failed("write", path, error))
}

/// The most bytes that a file may have of which the content is compared.
const PLACED_BYTES: u64 = 64 << 20;

/// Makes a file be as given that is placed anew before each use, so that nobody waits for the disk: a reader finds the old
/// content or the new, and what a crash of the machine leaves is not relied on. What is equal is not written again.
pub(crate) fn place(path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
    if read(path, PLACED_BYTES)?.as_deref() == Some(bytes) && is_executable(path) == executable {
        return Ok(());
    }
    let mut name = OsString::from(".gitops-new-");
    name.push(path.file_name().unwrap_or_default());
    let beside = path.with_file_name(name);
    let mode = if executable { EXECUTABLE } else { fs::PRIVATE };
    let written = create(&beside)?.write_all(bytes);
    let placed = written
        .and_then(|()| std::fs::set_permissions(&beside, Permissions::from_mode(mode)))
        .and_then(|()| std::fs::rename(&beside, path));
    placed.map_err(|error| {
        // The first error is what counts.
        let _ = fs::remove(&beside);
        failed("write", path, error)
    })
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o100 != 0)
}

/// A new, empty file that only the owner may read.
pub(crate) fn create(path: &Path) -> Result<File> {
    let opened = fs::private().write(true).create(true).truncate(true).open(path);
    opened.map_err(|error| failed("create", path, error))
}

/// Opens a file of ours to be written; what it holds stays.
pub(crate) fn open(path: &Path) -> Result<File> {
    let opened = fs::private().write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| failed("open", path, error))
}

/// A new, empty file that only the owner may read, with room for so many bytes, and whether the file system could take it.
pub(crate) fn create_with_room(path: &Path, bytes: u64) -> Result<(File, bool)> {
    let file = create(path)?;
    match fallocate(&file, FallocateFlags::KEEP_SIZE, 0, bytes) {
        Ok(()) => Ok((file, true)),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok((file, false)),
        Err(error) => {
            remove(path)?;
            Err(failed("take room for what the tool will report", path, error.into()))
        }
    }
}

/// Writes a file that is there for one run alone: whatever is cut short, nothing of it is left under another name.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    create(path)?.write_all(bytes).map_err(|error| failed("write", path, error))
}

/// The content of a file; nothing if there is none.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    fs::read(path, limit).map_err(|error| failed("read", path, error))
}

/// Removes a file that may not be there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    fs::remove(path).map_err(|error| failed("remove", path, error))
}
