//! One document of an audit log: its first line says which page it is and what comes before it, the others are entries.

use serde::{Deserialize, Serialize};

use super::super::entry::{AuditEntry, AuditRecord};
use super::super::line::{Line, broken, check_format};
use crate::state::record::AuditPosition;
use crate::state::store::{Document, Stored};
use crate::value::{Digest, Error, Result, Version};

/// How many bytes of entries a page holds at most, unless one entry alone is longer.
const ROOM: usize = 64 << 10;

const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Title {
    v: u32,
    /// Which page of the log it is, from 0.
    page: u64,
    /// The end of the page before.
    start: AuditPosition,
    /// Whether nothing is added to it any more, so that the next page may begin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    full: bool,
}

/// A page as it is, or as it is about to be written.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub number: u64,
    pub start: AuditPosition,
    pub end: AuditPosition,
    /// The entries, a line each.
    lines: Vec<u8>,
    /// Whether nothing is added to it any more.
    pub is_full: bool,
    /// What is stored in its place, which it is to replace.
    pub version: Option<Version>,
}

impl Page {
    pub fn first() -> Self {
        let start = AuditPosition::beginning();
        Self { number: 0, end: start.clone(), start, lines: Vec::new(), is_full: false, version: None }
    }

    /// The empty page after this one.
    pub fn next(&self, version: Option<Version>) -> Self {
        Self {
            number: self.number + 1,
            start: self.end.clone(),
            end: self.end.clone(),
            lines: Vec::new(),
            is_full: false,
            version,
        }
    }

    /// # Errors
    /// `Corrupt` if it is not a page whose entries follow one another.
    pub fn read(stored: &Stored) -> Result<Self> {
        let bytes = &stored.document.bytes;
        let (title, lines) = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&bytes[..end], &bytes[end + 1..]),
            None => return Err(no_title()),
        };
        check_format(title, FORMAT, no_title)?;
        let title: Title = serde_json::from_slice(title).map_err(|_| no_title())?;
        let mut page = Self {
            number: title.page,
            end: title.start.clone(),
            start: title.start,
            lines: lines.to_vec(),
            is_full: title.full,
            version: Some(stored.version.clone()),
        };
        let mut end = page.start.clone();
        page.each(|_, at| end = at.clone())?;
        page.end = end;
        Ok(page)
    }

    pub fn document(&self) -> Result<Document> {
        let title = Title { v: FORMAT, page: self.number, start: self.start.clone(), full: self.is_full };
        let mut bytes = serde_json::to_vec(&title)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.lines);
        // Whoever sees the last version may write: what a deposed engine did last is recorded too.
        Ok(Document { epoch: 0, bytes })
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The same page with as many of the entries as it has room for, and how many those are: none if it is full. It is
    /// then marked as such.
    ///
    /// # Errors
    /// `Limit` if an entry is longer than any may be.
    pub fn with(&self, entries: &[AuditEntry]) -> Result<(Self, usize)> {
        let (mut page, group) = (self.clone(), self.end.entries + 1);
        for (taken, entry) in entries.iter().enumerate() {
            let (line, hash) = Line::new(page.end.entries + 1, group, page.end.hash, entry).seal()?;
            if !page.is_empty() && page.lines.len() + line.len() > ROOM {
                page.is_full = taken == 0;
                return Ok((page, taken));
            }
            let bytes = page.end.bytes + line.len() as u64;
            page.end = AuditPosition { entries: page.end.entries + 1, bytes, hash };
            page.lines.extend(line);
        }
        Ok((page, entries.len()))
    }

    /// Whether one of its entries ends at this hash.
    pub fn has(&self, hash: &Digest) -> bool {
        let mut found = false;
        let walked = self.each(|_, end| found |= end.hash == *hash);
        walked.is_ok() && found
    }

    /// Whether the log is at this position once, at the beginning of this page or after one of its entries.
    pub fn reaches(&self, position: &AuditPosition) -> bool {
        let mut found = self.start == *position;
        let walked = self.each(|_, end| found |= end == position);
        walked.is_ok() && found
    }

    pub fn records(&self) -> Result<Vec<AuditRecord>> {
        let mut records = Vec::new();
        self.each(|entry, end| records.push(AuditRecord { number: end.entries, entry }))?;
        Ok(records)
    }

    /// Each entry with the position after it.
    fn each(&self, mut take: impl FnMut(AuditEntry, &AuditPosition)) -> Result<()> {
        let mut end = self.start.clone();
        for line in self.lines.split_inclusive(|byte| *byte == b'\n') {
            let entry = end.follow(line)?;
            take(entry, &end);
        }
        Ok(())
    }
}

fn no_title() -> Error {
    broken("a page of it has no title")
}
