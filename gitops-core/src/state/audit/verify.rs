//! Reads an audit log from its first line, and compares it with its checkpoint.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Serialize;

use super::entry::AuditRecord;
use super::line::{LINE_LIMIT, Line, broken};
use crate::cx::Time;
use crate::process::fs;
use crate::state::record::AuditPosition;
use crate::value::{Digest, Error, ErrorKind, Result};

/// What an unbroken audit log holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditReport {
    /// How many entries.
    pub entries: u64,
    /// The time of the first.
    pub first: Option<Time>,
    /// The time of the last.
    pub last: Option<Time>,
    /// The application that the last is of.
    pub application: Option<String>,
    /// The hash that stands for all of them; one that is noted elsewhere proves later that none was changed.
    pub hash: Digest,
    /// Whether the last line has no end yet: a process is writing it, or stopped in the middle of it.
    pub unfinished: bool,
}

pub(super) fn verify(path: &Path, beyond: Option<&AuditPosition>) -> Result<AuditReport> {
    // The checkpoint is read first: a log that another process writes may only be ahead of it.
    let Some(checkpoint) = AuditPosition::load(path)? else {
        if let (Some(position), None) = (beyond, fs::regular(path).ok().flatten()) {
            return Err(cut_with_checkpoint(position).with("path", path.display()));
        }
        open(path)?;
        return Err(broken("its checkpoint is missing").with("path", path.display()));
    };
    let mut walk = Walk::new(checkpoint, beyond);
    let unfinished = each_line(path, |line| walk.take(line))?;
    walk.finish(unfinished).map_err(|error| error.with("path", path.display()))
}

/// How many bytes of entries are read at a time.
const PAGE: u64 = 256 << 10;

/// The entries after a position, about a page of them, and the position after those; none at the end.
pub(super) fn page(path: &Path, from: &AuditPosition) -> Result<(Vec<AuditRecord>, AuditPosition)> {
    let mut reader = open(path)?;
    let sought = reader.seek(SeekFrom::Start(from.bytes));
    sought.map_err(|error| fs::failed("read the audit log", path, error))?;
    let (mut at, mut records) = (from.clone(), Vec::new());
    lines(reader, path, |line| {
        let entry = at.follow(line)?;
        records.push(AuditRecord { number: at.entries, entry });
        Ok(at.bytes - from.bytes < PAGE)
    })?;
    Ok((records, at))
}

pub(super) fn newest(path: &Path, limit: usize) -> Result<Vec<AuditRecord>> {
    let mut newest: VecDeque<Vec<u8>> = VecDeque::new();
    each_line(path, |line| {
        if newest.len() == limit {
            newest.pop_front();
        }
        newest.push_back(line[..line.len() - 1].to_vec());
        newest.truncate(limit);
        Ok(())
    })?;
    in_a_row(newest.iter().map(Vec::as_slice)).map_err(|error| error.with("path", path.display()))
}

/// The entries of lines, each of which must follow the one before.
fn in_a_row<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Result<Vec<AuditRecord>> {
    let (mut records, mut before) = (Vec::new(), None);
    for line in lines {
        let (line, hash) = Line::unseal(line)?;
        if before.replace(hash).is_some_and(|before| before != line.prev) {
            return Err(broken("the line does not follow the one before it").with("entry", line.seq));
        }
        records.push(AuditRecord { number: line.seq, entry: line.entry.into_owned() });
    }
    Ok(records)
}

pub(super) fn cut_short(checkpoint: &AuditPosition) -> Error {
    broken(&format!("it is shorter than its checkpoint, which names {} entries", checkpoint.entries))
}

/// The log is not the one of which the journal knows.
pub(super) fn cut_with_checkpoint(position: &AuditPosition) -> Error {
    broken(&format!("it is shorter than the journal knows it, which names {} entries", position.entries))
        .help(LOST)
}

/// The same for one that is as long.
pub(super) fn other(position: &AuditPosition) -> Error {
    broken(&format!("its entry {} is not the one that the journal knows", position.entries)).help(LOST)
}

const LOST: &str = "find out who cut it, and put it back from a backup; if it is lost for good, `gitops audit restart --yes` \
     begins a new one that says so";

struct Walk<'a> {
    checkpoint: AuditPosition,
    /// Noted elsewhere.
    beyond: Option<&'a AuditPosition>,
    application: Option<String>,
    at: AuditPosition,
    first: Option<Time>,
    last: Option<Time>,
}

impl<'a> Walk<'a> {
    fn new(checkpoint: AuditPosition, beyond: Option<&'a AuditPosition>) -> Self {
        let at = AuditPosition::beginning();
        Self { checkpoint, beyond, application: None, at, first: None, last: None }
    }

    fn take(&mut self, line: &[u8]) -> Result<()> {
        self.compare()?;
        let entry = self.at.follow(line)?;
        self.first.get_or_insert(entry.time);
        self.last = Some(entry.time);
        self.application = Some(entry.application);
        Ok(())
    }

    fn compare(&self) -> Result<()> {
        if let Some(beyond) =
            self.beyond.filter(|beyond| beyond.entries == self.at.entries && **beyond != self.at)
        {
            return Err(other(beyond).with("line", self.at.entries));
        }
        match self.at.entries == self.checkpoint.entries && self.at != self.checkpoint {
            true => {
                Err(broken("it is not the log that its checkpoint was made of").with("line", self.at.entries))
            }
            false => Ok(()),
        }
    }

    fn finish(self, unfinished: bool) -> Result<AuditReport> {
        self.compare()?;
        if self.at.entries < self.checkpoint.entries {
            return Err(cut_short(&self.checkpoint).with("line", self.at.entries));
        }
        if let Some(beyond) = self.beyond.filter(|beyond| self.at.entries < beyond.entries) {
            return Err(cut_with_checkpoint(beyond).with("line", self.at.entries));
        }
        let Self { at, first, last, application, .. } = self;
        Ok(AuditReport { entries: at.entries, first, last, application, hash: at.hash, unfinished })
    }
}

/// Gives each line with its end, and says whether one without an end is left over.
fn each_line(path: &Path, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<bool> {
    lines(open(path)?, path, |line| take(line).map(|()| true))
}

/// The same for what a reader has, until nothing more is wanted.
fn lines(mut reader: impl BufRead, path: &Path, mut take: impl FnMut(&[u8]) -> Result<bool>) -> Result<bool> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = LINE_LIMIT as u64 + 1;
        let read = reader.by_ref().take(limit).read_until(b'\n', &mut line);
        read.map_err(|error| fs::failed("read the audit log", path, error))?;
        match line.last() {
            None => return Ok(false),
            Some(b'\n') => match take(&line).map_err(|error| error.with("path", path.display()))? {
                true => {}
                false => return Ok(false),
            },
            Some(_) if line.len() > LINE_LIMIT => {
                return Err(broken("a line is longer than any entry").with("path", path.display()));
            }
            Some(_) => return Ok(true),
        }
    }
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let failed = |error| fs::failed("read the audit log", path, error);
    match fs::regular(path).map_err(failed)? {
        Some(_) => Ok(BufReader::new(File::open(path).map_err(failed)?)),
        None => Err(absent(path)?.with("path", path.display())),
    }
}

/// A log that is not there is missing if its checkpoint says that it had entries.
fn absent(path: &Path) -> Result<Error> {
    let was_there = AuditPosition::load(path)?.is_some_and(|checkpoint| checkpoint.entries > 0);
    Ok(match was_there {
        true => broken("it is missing"),
        false => Error::new(ErrorKind::NotFound, "there is no audit log")
            .help("it is begun by the first change; if there was one, put it back from a backup"),
    })
}
