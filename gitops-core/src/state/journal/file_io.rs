use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::io::{JOURNAL_LIMIT, JournalIo};
use crate::process::fs;

/// A journal in a file that only its owner may read and write, with its anchor beside it (`<name>.anchor`).
///
/// Room is reserved by `fallocate`, beyond the file's end. A file system that has no such call reserves nothing.
#[derive(Debug)]
pub struct FileJournalIo {
    path: PathBuf,
    writable: bool,
    file: Option<File>,
    /// Up to where the disk has given room.
    reserved: u64,
}

impl FileJournalIo {
    /// The journal at a path, be there one or not.
    ///
    /// One process at a time may write it: [`StateDir`](crate::StateDir) sees to that.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writable: true, file: None, reserved: 0 }
    }

    /// A journal that is read and never written.
    pub fn read_only(path: impl Into<PathBuf>) -> Self {
        Self { writable: false, ..Self::new(path) }
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.check_writable()?;
        if self.file.is_none() {
            fs::regular(&self.path)?;
            self.file = Some(File::options().append(true).open(&self.path)?);
        }
        Ok(self.file.as_mut().expect("it was there or was opened"))
    }

    /// Whether the file that is written is still the one at the path. A folder that was moved or removed meanwhile, and perhaps made
    /// anew by another process, must not be written beside: two journals would become one that says nothing.
    fn check_same(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let (ours, found) = (file.metadata()?, std::fs::symlink_metadata(&self.path));
        let id = |of: &std::fs::Metadata| (of.dev(), of.ino());
        match found {
            Ok(found) if id(&found) == id(&ours) => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Err(io::Error::other(
                "the state folder was moved, removed or replaced while this process worked with it: nothing more is written; start it again",
            )),
        }
    }

    fn anchor(&self) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(".anchor");
        name.into()
    }

    fn check_writable(&self) -> io::Result<()> {
        match self.writable {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::Unsupported, "it was opened to be read only")),
        }
    }
}

impl JournalIo for FileJournalIo {
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        fs::read(&self.path, JOURNAL_LIMIT).map_err(|error| at(&self.path, &error))
    }

    fn read_from(&mut self, offset: u64) -> io::Result<Option<Vec<u8>>> {
        fs::read_from(&self.path, offset, JOURNAL_LIMIT).map_err(|error| at(&self.path, &error))
    }

    fn length(&mut self) -> io::Result<Option<u64>> {
        match std::fs::symlink_metadata(&self.path) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&self.path, &error)),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let result = self.check_same().and_then(|()| self.file()?.write_all(bytes));
        result.map_err(|error| at(&self.path, &error))
    }

    fn sync(&mut self) -> io::Result<()> {
        let result = self.file().and_then(|file| file.sync_data());
        result.map_err(|error| at(&self.path, &error))
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let result = self.file().and_then(|file| {
            file.set_len(length)?;
            file.sync_all()
        });
        self.reserved = 0;
        result.map_err(|error| at(&self.path, &error))
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let result = self.check_same().and_then(|()| self.check_writable());
        (self.file, self.reserved) = (None, 0);
        let result = result.and_then(|()| fs::atomic_write(&self.path, bytes, fs::PRIVATE));
        result.map_err(|error| at(&self.path, &error))
    }

    fn read_anchor(&mut self) -> io::Result<Option<Vec<u8>>> {
        let path = self.anchor();
        fs::read(&path, 4096).map_err(|error| at(&path, &error))
    }

    fn replace_anchor(&mut self, bytes: &[u8]) -> io::Result<()> {
        let path = self.anchor();
        let result = self.check_same().and_then(|()| self.check_writable());
        let result = result.and_then(|()| fs::atomic_write(&path, bytes, fs::PRIVATE));
        result.map_err(|error| at(&path, &error))
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        let taken = self.reserved;
        let result = self.file().and_then(|file| fs::take_room(file, bytes, taken));
        self.reserved = result.map_err(|error| at(&self.path, &error))?;
        Ok(())
    }
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
