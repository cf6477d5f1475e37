//! An open folder. Every step goes by a handle, so that no link leads out of the root.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RawMode, Stat};
use rustix::io::Errno;

use super::body::{MAX_FILE_BYTES, too_large};
use super::fault::{self, storage};
use crate::value::{Error, Result};

/// An open folder below the root.
///
/// A path is walked one part at a time, each relative to the handle of the part before and never through a
/// symbolic link: a folder that is swapped for a link in the middle of a change can't divert it.
pub(super) struct Folder {
    handle: File,
    path: PathBuf,
}

/// A file that was read.
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) stat: Stat,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);

impl Folder {
    /// Opens the root. It alone may be a link, since whoever named it chose that.
    pub(super) fn root(path: &Path) -> Result<Self> {
        let handle = fs::open(path, FOLDER, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => fault::root_gone(path),
            Errno::NOTDIR => fault::odd(path, "not a folder"),
            errno => storage(errno, "open the folder", path),
        })?;
        Ok(Self { handle: handle.into(), path: path.to_owned() })
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a folder in this one; `None` if nothing of that name is there.
    pub(super) fn folder(&self, name: &str) -> Result<Option<Self>> {
        match fs::openat(&self.handle, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(handle) => Ok(Some(Self { handle: handle.into(), path: self.path_of(name) })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                Err(fault::odd(&self.path_of(name), "a link or a file where a folder belongs"))
            }
            Err(errno) => Err(storage(errno, "open the folder", &self.path_of(name))),
        }
    }

    /// Opens a folder in this one and makes it, durably, if it is missing.
    pub(super) fn folder_made(&self, name: &str) -> Result<Self> {
        for _ in 0..8 {
            if let Some(folder) = self.folder(name)? {
                return Ok(folder);
            }
            match self.step(name, "make the folder", || fs::mkdirat(&self.handle, name, Mode::from(0o755))) {
                Err(error) if !error.is_conflict() => return Err(error),
                _ => self.sync()?,
            }
        }
        Err(fault::busy(&self.path_of(name)))
    }

    /// What a name stands for, links not followed.
    pub(super) fn look(&self, name: &str) -> Result<Option<Stat>> {
        match fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(storage(errno, "look at", &self.path_of(name))),
        }
    }

    /// The names in this folder, in no order; `None` for one that is no text.
    pub(super) fn names(&self) -> Result<Vec<Option<String>>> {
        let failed = |errno: Errno| storage(errno, "list", &self.path);
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.handle).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            match entry.file_name().to_str() {
                Ok("." | "..") => {}
                name => names.push(name.ok().map(str::to_owned)),
            }
        }
        Ok(names)
    }

    /// Opens a regular file; `None` if nothing of that name is there.
    pub(super) fn open(&self, name: &str) -> Result<Option<File>> {
        // Without NONBLOCK, opening a named pipe would wait for its other end.
        let file =
            match fs::openat(&self.handle, name, FILE | OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()) {
                Ok(file) => File::from(file),
                Err(Errno::NOENT) => return Ok(None),
                Err(Errno::LOOP | Errno::NXIO) => return Err(self.not_a_file(name)),
                Err(errno) => return Err(storage(errno, "open", &self.path_of(name))),
            };
        let stat = fs::fstat(&file).map_err(|errno| storage(errno, "look at", &self.path_of(name)))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(file)),
            _ => Err(self.not_a_file(name)),
        }
    }

    /// Reads a regular file; `None` if nothing of that name is there.
    pub(super) fn read(&self, name: &str) -> Result<Option<Content>> {
        let Some(file) = self.open(name)? else { return Ok(None) };
        let failed = |error: io::Error| storage(error, "read", &self.path_of(name));
        let mut bytes = Vec::new();
        (&file).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        let stat = fs::fstat(&file).map_err(|errno| failed(errno.into()))?;
        match bytes.len() as u64 > MAX_FILE_BYTES {
            true => Err(too_large(stat.st_size.unsigned_abs()).with("path", self.path_of(name).display())),
            false => Ok(Some(Content { bytes, stat })),
        }
    }

    /// Makes an empty file; `None` if something of that name is there.
    pub(super) fn create(&self, name: &str, mode: RawMode) -> Result<Option<File>> {
        let flags = FILE | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        match self.step(name, "create", || fs::openat(&self.handle, name, flags, Mode::from(mode))) {
            Ok(file) => Ok(Some(file.into())),
            Err(error) if error.is_conflict() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a whole new file and waits until the disk has it.
    pub(super) fn write(&self, name: &str, mut file: &File, bytes: &[u8]) -> Result<()> {
        self.step(name, "write", || file.write_all(bytes))?;
        self.step(name, "sync", || file.sync_all())
    }

    /// Gives a file a second name; a conflict if that name is taken.
    pub(super) fn link(&self, from: &str, to: &str) -> Result<()> {
        self.step(to, "link", || fs::linkat(&self.handle, from, &self.handle, to, AtFlags::empty()))
    }

    /// Renames a file over whatever has the new name.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.step(to, "rename", || fs::renameat(&self.handle, from, &self.handle, to))
    }

    /// Removes a file; nothing of that name is fine.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        self.step(name, "remove", || match fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            other => other,
        })
    }

    /// Removes an empty folder and says whether it did.
    pub(super) fn remove_empty(&self, name: &str) -> Result<bool> {
        let removed = self.step(name, "remove the folder", || {
            match fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR) {
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT) => Ok(false),
                other => other.map(|()| true),
            }
        })?;
        if removed {
            self.sync()?;
        }
        Ok(removed)
    }

    /// Waits until the disk has the names in this folder.
    pub(super) fn sync(&self) -> Result<()> {
        self.step(".", "sync the folder", || self.handle.sync_all())
    }

    /// Every write of a directory comes through here.
    fn step<T, E: Into<io::Error>>(
        &self,
        name: &str,
        what: &'static str,
        run: impl FnOnce() -> Result<T, E>,
    ) -> Result<T> {
        #[cfg(test)]
        super::crash::before_step().map_err(|error| storage(error, what, &self.path_of(name)))?;
        run().map_err(|error| storage(error, what, &self.path_of(name)))
    }

    fn not_a_file(&self, name: &str) -> Error {
        fault::odd(&self.path_of(name), "not a regular file")
    }
}

/// Whether two looks saw one file.
pub(super) fn same_file(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// Takes the lock of a file without waiting; `Locked` if another process has it.
pub(super) fn lock(file: &File, path: &Path) -> Result<()> {
    match fs::flock(file, fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(fault::busy(path)),
        Err(errno) => Err(storage(errno, "lock", path)),
    }
}

/// Locks a file, and waits for who has the lock.
pub(super) fn lock_waiting(file: &File, path: &Path) -> Result<()> {
    fs::flock(file, fs::FlockOperation::LockExclusive).map_err(|errno| storage(errno, "lock", path))
}

/// Gives a new file the owner and the permissions of the one that it replaces.
pub(super) fn dress(file: &File, like: &Stat, executable: bool, path: &Path) -> Result<()> {
    let own = fs::fstat(file).map_err(|errno| storage(errno, "look at", path))?;
    if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid) {
        let (owner, group) = (fs::Uid::from_raw(like.st_uid), fs::Gid::from_raw(like.st_gid));
        fs::fchown(file, Some(owner), Some(group))
            .map_err(|errno| storage(errno, "keep the file's owner in", path))?;
    }
    let mode = with_executable(like.st_mode, executable);
    fs::fchmod(file, Mode::from_raw_mode(mode))
        .map_err(|errno| storage(errno, "set the permissions of", path))
}

/// Who may read a file may run it, or nobody may.
fn with_executable(mode: RawMode, executable: bool) -> RawMode {
    let mode = mode & 0o7666;
    if executable { mode | (mode & 0o444) >> 2 } else { mode }
}

pub(super) fn is_executable(stat: &Stat) -> bool {
    stat.st_mode & 0o100 != 0
}
