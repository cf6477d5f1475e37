use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::line::Line;
use super::{AuditEntry, AuditSink};
use crate::value::Digest;
use crate::{Cx, Error, ErrorKind, Result, fs};

/// After so many entries the checkpoint is brought up to date.
const CHECKPOINT_EVERY: u64 = 1000;

/// An audit log in a file: one JSON document a line, each naming the digest of the line before it.
///
/// A checkpoint beside it (`NAME.checkpoint`) says how far the log was known to reach, so that lines cut off the end
/// are missed too. It is written when the log is opened for writing and every 1,000 entries. Both files have mode 0600.
#[derive(Debug)]
pub struct FileAudit {
    path: PathBuf,
    writer: Mutex<Option<Writer>>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    end: End,
    checkpoint: u64,
    failed: bool,
}

/// How far a log reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    entries: u64,
    digest: Digest,
}

const START: End = End { entries: 0, digest: Digest::from_bytes([0; 32]) };

/// What a verification found.
#[derive(Clone, Debug, Serialize)]
pub struct AuditReport {
    /// How many entries there are, all of them in order and unchanged.
    pub entries: u64,
    /// The digest of the last: keep it elsewhere, to notice a log that was replaced as a whole.
    pub head: Digest,
    /// Whether the last line is cut short, as a crash leaves it; it is no entry.
    pub torn: bool,
}

impl FileAudit {
    /// The log at a path; nothing is opened or made before the first entry.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writer: Mutex::new(None) }
    }

    /// Checks every line of a log, and its length against the checkpoint.
    ///
    /// # Errors
    /// `Corrupt`, naming the line and what is wrong with it. A log that is not there has no entries.
    pub fn verify(path: &Path) -> Result<AuditReport> {
        let (end, torn, _) = walk(path, |_| {})?;
        check_reach(path, end)?;
        Ok(AuditReport { entries: end.entries, head: end.digest, torn })
    }

    /// The entries that `keep` says yes to, oldest first.
    ///
    /// # Errors
    /// `Corrupt` as [`verify`](Self::verify).
    pub fn read(path: &Path, mut keep: impl FnMut(&AuditEntry) -> bool) -> Result<Vec<AuditEntry>> {
        let mut entries = Vec::new();
        walk(path, |entry| {
            if keep(&entry) {
                entries.push(entry);
            }
        })?;
        Ok(entries)
    }
}

#[async_trait]
impl AuditSink for FileAudit {
    async fn record(&self, _: &Cx, entries: &[AuditEntry]) -> Result<()> {
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = match &mut *slot {
            Some(writer) => writer,
            none => none.insert(Writer::open(&self.path)?),
        };
        writer.append(entries, &self.path)
    }
}

impl Writer {
    /// Opens the log for writing: checks all of it, and cuts a torn last line off.
    fn open(path: &Path) -> Result<Self> {
        let (end, _, length) = walk(path, |_| {})?;
        check_reach(path, end)?;
        if !path.exists() {
            fs::create_private(path).map_err(|error| unwritable(path, error))?;
            fs::sync_folder(path.parent().unwrap_or(Path::new(".")))?;
        }
        let file = OpenOptions::new().append(true).open(path).map_err(|error| unwritable(path, error))?;
        if file.metadata()?.len() > length {
            file.set_len(length)?;
            file.sync_all()?;
        }
        let mut writer = Self { file, end, checkpoint: 0, failed: false };
        writer.write_checkpoint(path)?;
        Ok(writer)
    }

    fn append(&mut self, entries: &[AuditEntry], path: &Path) -> Result<()> {
        if self.failed {
            return Err(Error::new(ErrorKind::Storage, "the audit log could not be written before"));
        }
        let mut text = String::new();
        let mut end = self.end;
        for entry in entries {
            let line = Line::after(end.entries, end.digest, entry.clone())?;
            text.push_str(&line.text()?);
            end = End { entries: line.seq, digest: line.digest };
        }
        self.failed = true;
        self.file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.sync_data())
            .map_err(|error| unwritable(path, error))?;
        self.failed = false;
        self.end = end;
        match self.end.entries - self.checkpoint >= CHECKPOINT_EVERY {
            true => self.write_checkpoint(path),
            false => Ok(()),
        }
    }

    fn write_checkpoint(&mut self, path: &Path) -> Result<()> {
        fs::replace(&checkpoint_path(path), &serde_json::to_vec(&self.end)?)
            .map_err(|error| unwritable(path, error))?;
        self.checkpoint = self.end.entries;
        Ok(())
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("can't write the audit log: {error}"))
        .with("path", path.display())
        .because(error)
        .help("nothing is done that can't be recorded: free space or mend the storage, then start again")
}

fn checkpoint_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".checkpoint");
    name.into()
}

/// Checks line after line; gives the end, whether the last line is torn, and the length of the whole ones.
fn walk(path: &Path, mut take: impl FnMut(AuditEntry)) -> Result<(End, bool, u64)> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((START, false, 0)),
        other => other?,
    };
    let mut reader = BufReader::new(file);
    let (mut end, mut length, mut bytes) = (START, 0, Vec::new());
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes)?;
        if read == 0 || !bytes.ends_with(b"\n") {
            return Ok((end, read > 0, length));
        }
        let line =
            serde_json::from_slice::<Line>(&bytes).map_err(|_| changed(path, &end, "is not an entry"))?;
        if line.text()?.as_bytes() != bytes {
            return Err(changed(path, &end, "was changed"));
        }
        line.check(end.entries, &end.digest).map_err(|what| changed(path, &end, what))?;
        end = End { entries: line.seq, digest: line.digest };
        length += read as u64;
        take(line.entry);
    }
}

fn changed(path: &Path, end: &End, what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("line {} of the audit log {what}", end.entries + 1))
        .with("path", path.display())
        .help("keep the file as evidence; nothing is applied until the log is restored or moved away")
}

/// A log must reach at least as far as its checkpoint says.
fn check_reach(path: &Path, end: End) -> Result<()> {
    let Some(bytes) = fs::read_if_there(&checkpoint_path(path), 4096)? else { return Ok(()) };
    let checkpoint: End = serde_json::from_slice(&bytes)?;
    match end.entries < checkpoint.entries {
        false => Ok(()),
        true => Err(changed(path, &end, &format!("is missing: there were {} lines", checkpoint.entries))),
    }
}
