//! An audit log that is open for writing.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::entry::{AuditEntry, AuditEvent};
use super::line::{Line, broken, seal_of};
use super::verify::{cut_short, cut_with_checkpoint, other};
use crate::process::fs;
use crate::state::record::AuditPosition;
use crate::state::record::room_for;
use crate::value::{Error, ErrorKind, Result};

/// How many entries may come after the last checkpoint.
const CHECKPOINT_EVERY: u64 = 512;

#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    end: AuditPosition,
    saved: u64,
    failed: bool,
    /// What the outcomes of open changes may need, and up to where the disk has given room.
    needed: u64,
    reserved: u64,
}

impl Log {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (checkpoint, mut file) = open_or_create(path)?;
        let end = settle(&mut file, &checkpoint, path)?;
        let mut log = Self {
            path: path.to_owned(),
            file,
            saved: checkpoint.entries,
            end,
            failed: false,
            needed: 0,
            reserved: 0,
        };
        if log.saved < log.end.entries {
            log.save_checkpoint()?;
        }
        Ok(log)
    }

    pub(super) fn append(&mut self, entries: &[AuditEntry]) -> Result<()> {
        if self.failed {
            return Err(Error::new(ErrorKind::Storage, "the audit log failed before and is closed")
                .help("see to the disk and start again: the log is checked when it is opened"));
        }
        let (bytes, end) = seal(&self.end, entries)?;
        if entries.iter().any(|entry| !matches!(entry.what, AuditEvent::Outcome { .. })) {
            self.prepare(entries, bytes.len() as u64)?;
        }
        self.failed = true;
        self.write(&bytes)?;
        self.end = end;
        self.needed = needed(self.needed, entries);
        self.failed = false;
        Ok(())
    }

    pub(super) fn position(&self) -> AuditPosition {
        self.end.clone()
    }

    /// Whether the line that ends at a position is the one that ended there.
    pub(super) fn holds(&self, position: &AuditPosition) -> Result<()> {
        if position.entries == 0 {
            return Ok(());
        }
        if self.end.entries < position.entries || self.end.bytes < position.bytes {
            return Err(cut_with_checkpoint(position).with("path", self.path.display()));
        }
        let failed = |error| fs::failed("read the audit log", &self.path, error);
        let seal = seal_of(position);
        let mut found = vec![0; seal.len()];
        let start = position.bytes.checked_sub(seal.len() as u64).ok_or_else(|| other(position))?;
        let file = File::open(&self.path).map_err(failed)?;
        file.read_exact_at(&mut found, start).map_err(failed)?;
        match found == seal {
            true => Ok(()),
            false => Err(other(position).with("path", self.path.display())),
        }
    }

    /// Before anything but outcomes is written: finds room for it and for the outcomes that will follow, so that a disk
    /// without room is found before a change is sent.
    fn prepare(&mut self, entries: &[AuditEntry], bytes: u64) -> Result<()> {
        if self.end.entries - self.saved >= CHECKPOINT_EVERY {
            self.save_checkpoint()?;
        }
        let room = needed(self.needed, entries) + bytes;
        let taken = fs::take_room(&self.file, room, self.reserved);
        self.reserved =
            taken.map_err(|error| fs::failed("reserve room in the audit log", &self.path, error))?;
        Ok(())
    }

    /// After an error, what may not be durable is cut off if the disk still lets us.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            let cut = self.file.set_len(self.end.bytes).and_then(|()| self.file.sync_all());
            let error = fs::failed("write the audit log", &self.path, error);
            match cut {
                Ok(()) => error,
                Err(cut) => error.with("cutting off what was not synced", cut),
            }
        })
    }

    fn save_checkpoint(&mut self) -> Result<()> {
        self.end.save(&self.path)?;
        self.saved = self.end.entries;
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if !self.failed && self.saved < self.end.entries {
            // The next opening saves it otherwise; until then fewer entries are guarded against cutting.
            let _ = self.save_checkpoint();
        }
    }
}

/// What the outcomes of open changes may need after these entries.
fn needed(before: u64, entries: &[AuditEntry]) -> u64 {
    entries.iter().fold(before, |needed, entry| match &entry.what {
        AuditEvent::Intent { key, .. } => needed + room_for(key),
        AuditEvent::Outcome { key, .. } => needed.saturating_sub(room_for(key)),
        _ => needed,
    })
}

/// The lines of a group of entries, and the position after them.
fn seal(end: &AuditPosition, entries: &[AuditEntry]) -> Result<(Vec<u8>, AuditPosition)> {
    let (mut bytes, mut end) = (Vec::new(), end.clone());
    let group = end.entries + 1;
    for entry in entries {
        let (line, hash) = Line::new(end.entries + 1, group, end.hash, entry).seal()?;
        end = AuditPosition { entries: end.entries + 1, bytes: end.bytes + line.len() as u64, hash };
        bytes.extend(line);
    }
    Ok((bytes, end))
}

fn open_or_create(path: &Path) -> Result<(AuditPosition, File)> {
    let failed = |error| fs::failed("open the audit log", path, error);
    let exists = fs::regular(path).map_err(failed)?.is_some();
    let missing = |what: &str| Err(broken(what).with("path", path.display()));
    let checkpoint = match (AuditPosition::load(path)?, exists) {
        (None, true) => return missing("its checkpoint is missing"),
        (Some(checkpoint), false) if checkpoint.entries > 0 => return missing("it is missing"),
        (checkpoint, _) => checkpoint.unwrap_or_else(AuditPosition::beginning),
    };
    if !exists {
        create(&checkpoint, path)?;
    }
    let file = fs::private().read(true).append(true).open(path).map_err(failed)?;
    Ok((checkpoint, file))
}

/// The checkpoint comes first: a log without one is never right.
fn create(checkpoint: &AuditPosition, path: &Path) -> Result<()> {
    checkpoint.save(path)?;
    let created = fs::private().write(true).create_new(true).open(path);
    let durable = created.and_then(|_| fs::sync_dir(fs::parent(path)));
    durable.map_err(|error| fs::failed("create the audit log", path, error))
}

/// Reads what comes after the checkpoint, cuts off a group that never became durable, and gives the end.
fn settle(file: &mut File, checkpoint: &AuditPosition, path: &Path) -> Result<AuditPosition> {
    let failed = |error| fs::failed("read the audit log", path, error);
    let size = file.metadata().map_err(failed)?.len();
    if size < checkpoint.bytes {
        return Err(cut_short(checkpoint).with("path", path.display()));
    }
    let mut rest = Vec::new();
    file.seek(SeekFrom::Start(checkpoint.bytes)).map_err(failed)?;
    file.read_to_end(&mut rest).map_err(failed)?;
    let end = follow_all(checkpoint.clone(), &rest).map_err(|error| error.with("path", path.display()))?;
    if end.bytes < size {
        file.set_len(end.bytes).map_err(failed)?;
    }
    file.sync_all().map_err(failed)?;
    Ok(end)
}

fn follow_all(mut end: AuditPosition, mut rest: &[u8]) -> Result<AuditPosition> {
    while let Some(line) = rest.split_inclusive(|byte| *byte == b'\n').next() {
        match end.follow(line) {
            Ok(_) => rest = &rest[line.len()..],
            Err(_) if is_torn(rest, end.entries + 1) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(end)
}

/// Whether these bytes, which begin with a line that is not right, are what is left of a write that was never
/// synced: a part is missing at the end or reads as zeros, and no later write follows.
fn is_torn(rest: &[u8], entry: u64) -> bool {
    let is_of_a_later_write = |line: &[u8]| Line::unseal(line).is_ok_and(|(line, _)| line.group > entry);
    let has_lost_part = !rest.ends_with(b"\n") || rest.contains(&0);
    has_lost_part && !rest.split(|byte| *byte == b'\n').any(is_of_a_later_write)
}
