//! Files that survive a crash: replaced whole or not at all, private, never written through a link.
//!
//! For backends that keep files of their own beside what they manage:
//! ```
//! # fn main() -> gitops_core::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! use gitops_core::process::fs;
//!
//! let path = folder.path().join("note.json");
//! fs::atomic_write(&path, b"{}", fs::PRIVATE).map_err(|error| fs::failed("write the note", &path, error))?;
//! assert_eq!(fs::read(&path, 1024)?, Some(b"{}".to_vec()));
//! fs::remove(&path)?;
//! assert_eq!(fs::read(&path, 1024)?, None);
//! # Ok(())
//! # }
//! ```

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::value::{Error, ErrorKind, Result};

/// The mode of every file that only its owner may read and write.
pub const PRIVATE: u32 = 0o600;
const PRIVATE_DIR: u32 = 0o700;
/// Room is taken in pieces, so that it is not asked for with each write.
const ROOM_TO_SPARE: u64 = 64 << 10;
const TEMP_PREFIX: &str = ".gitops-tmp-";

/// Replaces a file: after a crash it has the old content or the new.
///
/// A link at `path` is replaced, not followed. After an error the old content is still there, unless the last
/// step failed: making the new name durable. Nothing else is left behind, but for a crash: a temporary file.
pub fn atomic_write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    atomic_write_from(parent(path), path, bytes, mode)
}

/// As [`atomic_write`], with the temporary file in another folder of the same file system: where a folder has many files, nobody has
/// to go through them all to find what a crash left behind.
pub(crate) fn atomic_write_from(temps: &Path, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temp = tempfile::Builder::new().prefix(TEMP_PREFIX).tempfile_in(temps);
    let mut temp = temp.map_err(unnamed)?;
    temp.write_all(bytes).map_err(unnamed)?;
    temp.as_file().set_permissions(Permissions::from_mode(mode))?;
    temp.as_file().sync_all()?;
    temp.persist(path).map_err(|error| error.error)?;
    sync_dir(parent(path))
}

/// The error that the system gave, without the name of the temporary file: that is another one each time, so nobody could tell that the
/// error is the same. Who adds the name keeps the system's error in its text alone.
pub fn unnamed(error: io::Error) -> io::Error {
    if error.get_ref().is_none() {
        return error;
    }
    let text = error.to_string();
    let code = text.split_once("(os error ").and_then(|(_, rest)| rest.split_once(')')?.0.parse().ok());
    code.map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// Removes what replacements left behind that a crash cut short.
pub(crate) fn remove_stray_temps(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(TEMP_PREFIX) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes a folder, and those above it, that only the owner may enter; what is there stays as it is.
pub fn create_private_dir(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
    DirBuilder::new().recursive(true).mode(PRIVATE_DIR).create(dir)?;
    missing.into_iter().filter(|dir| !dir.as_os_str().is_empty()).try_for_each(|dir| sync_dir(parent(dir)))
}

/// Who can use a folder besides us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody.
    Ours,
    /// Its owner, who is another user.
    OfAnother(u32),
    /// Others, by these permissions.
    OpenToOthers(u32),
}

/// Who can use a folder besides us.
pub(crate) fn standing(path: &Path) -> io::Result<Standing> {
    let metadata = std::fs::metadata(path)?;
    let (owner, mode) = (metadata.uid(), metadata.permissions().mode() & 0o7777);
    Ok(if owner != rustix::process::geteuid().as_raw() {
        Standing::OfAnother(owner)
    } else if mode & 0o077 != 0 {
        Standing::OpenToOthers(mode)
    } else {
        Standing::Ours
    })
}

/// Options for a file that only the owner may read and write.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(PRIVATE);
    options
}

/// The metadata of a file, or nothing if there is none; anything else than a file is an error.
pub(crate) fn regular(path: &Path) -> io::Result<Option<std::fs::Metadata>> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a folder, a link or a device")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The whole content of a file, or nothing if there is none; a file over the limit is an error.
pub fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(metadata) = regular(path)? else { return Ok(None) };
    if metadata.len() > limit {
        let message = format!("it has {} bytes, the limit is {limit}", metadata.len());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        content => content.map(Some),
    }
}

/// The content of a file from a byte on, or nothing if there is none or it ends before; more than the limit is an error.
pub(crate) fn read_from(path: &Path, offset: u64, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(found) = regular(path)?.filter(|found| found.len() >= offset) else { return Ok(None) };
    if found.len() > limit {
        let message = format!("it has {} bytes, the limit is {limit}", found.len());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Removes a file; one that is not there is no error.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// A path without links, as far as it exists; from there on as it is written, without `.` and `..`.
pub fn without_links(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    for above in absolute.ancestors() {
        if let Ok(found) = above.canonicalize() {
            let rest = absolute.strip_prefix(above).unwrap_or(Path::new(""));
            return Ok(rest.components().fold(found, step));
        }
    }
    Ok(absolute)
}

fn step(mut path: PathBuf, part: Component<'_>) -> PathBuf {
    match part {
        Component::ParentDir => drop(path.pop()),
        Component::CurDir => {}
        part => path.push(part),
    }
    path
}

/// An error of the file system: what was tried, where, and what to do.
pub fn failed(tried: &str, path: &Path, error: io::Error) -> Error {
    storage_error(tried, error).with("path", path.display())
}

/// The same where no path is known.
pub(crate) fn storage_error(tried: &str, error: io::Error) -> Error {
    let (kind, help) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::NotFound, "check the path"),
        io::ErrorKind::PermissionDenied => {
            (ErrorKind::Forbidden, "give the user that runs this the right to read and write there")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::Storage, "free some space, then start again")
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Storage, "mount the file system writable, or keep the state elsewhere")
        }
        io::ErrorKind::FileTooLarge => (ErrorKind::Limit, "check that the path is the right one"),
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput => {
            (ErrorKind::Invalid, "name another path, or move away what is in the way")
        }
        _ => (ErrorKind::Storage, "check the disk, then start again"),
    };
    Error::new(kind, format!("can't {tried}: {error}")).help(help)
}

/// Runs work that waits for the disk where it doesn't hold up other tasks.
///
/// # Cancel safety
/// Dropping the future does not stop work that has begun.
///
/// # Errors
/// The work's own; `Cancelled`, outcome unknown, if the runtime goes down before its end. A panic goes on here.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Error::new(ErrorKind::Cancelled, "the runtime is shutting down")
                .because(error)
                .outcome_unknown()),
        },
    }
}

/// Takes room for so many bytes beyond a file's end, where the file system can; gives up to where there is room now.
pub(crate) fn take_room(file: &File, bytes: u64, taken: u64) -> io::Result<u64> {
    let end = file.metadata()?.len();
    if end + bytes <= taken {
        return Ok(taken);
    }
    let take = |length| fallocate(file, FallocateFlags::KEEP_SIZE, end, length).map(|()| end + length);
    match take(bytes + ROOM_TO_SPARE).or_else(|_| take(bytes)) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(u64::MAX),
        taken => Ok(taken?),
    }
}

/// The folder that a path is in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let (theirs, path) = (folder.path().join("theirs"), folder.path().join("ours"));
        std::fs::write(&theirs, "theirs").unwrap();
        std::os::unix::fs::symlink(&theirs, &path).unwrap();
        atomic_write(&path, b"ours", 0o640).unwrap();
        assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "theirs");
        let metadata = regular(&path).unwrap().unwrap();
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (4, 0o640));
    }

    /// Met with a full disk: each failed review wrote another status to the forge.
    #[test]
    fn what_fails_twice_fails_with_the_same_error() {
        let folder = tempfile::tempdir().unwrap();
        let fail = || {
            let error =
                atomic_write_from(&folder.path().join("none"), &folder.path().join("a"), b"", PRIVATE);
            failed("write it", Path::new("a"), error.unwrap_err()).to_string()
        };
        assert_eq!(fail(), "can't write it: No such file or directory (os error 2) (path: a)");
        assert_eq!(fail(), fail());
    }

    #[test]
    fn a_replacement_that_fails_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a folder is in the way");
        std::fs::create_dir(&path).unwrap();
        assert!(atomic_write(&path, b"ours", PRIVATE).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
