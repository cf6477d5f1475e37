use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::JournalIo;
use crate::fs;

/// The largest journal that is read, in bytes; compaction keeps it far below.
const LIMIT: u64 = 1 << 32;

/// A journal in one file, mode 0600. One process at a time may use it.
#[derive(Debug)]
pub struct FileJournalIo {
    path: PathBuf,
    file: Option<File>,
}

impl FileJournalIo {
    /// The journal at a path; nothing is opened or made yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None }
    }

    fn file(&mut self) -> io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => {
                let file = OpenOptions::new().append(true).open(&self.path)?;
                Ok(none.insert(file))
            }
        }
    }
}

impl JournalIo for FileJournalIo {
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        fs::read_if_there(&self.path, LIMIT)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file()?.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&self.path)?;
        file.set_len(length)?;
        file.sync_all()
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file = None;
        fs::replace(&self.path, bytes)
    }
}
