//! One line of an audit file: `{"v":1,"seq":…,"group":…,"prev":"…","entry":{…},"hash":"…"}`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::entry::{AuditEntry, AuditEvent};
use crate::state::record::AuditPosition;
use crate::value::{Digest, Error, ErrorKind, Result};

/// The most that a line may hold, in bytes.
pub(super) const LINE_LIMIT: usize = 1 << 20;
const DETAIL_LIMIT: usize = 8 << 10;
const FORMAT: u32 = 1;
/// `,"hash":"` and `"}` around 64 digits.
const SEAL: usize = 9 + 64 + 2;

/// A line without its hash, which covers every byte of this.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line<'a> {
    v: u32,
    /// The number of the entry, from 1.
    pub(super) seq: u64,
    /// The number of the first entry that was written together with this one.
    pub(super) group: u64,
    /// The hash of the line before.
    pub(super) prev: Digest,
    pub(super) entry: Cow<'a, AuditEntry>,
}

impl<'a> Line<'a> {
    pub(super) fn new(seq: u64, group: u64, prev: Digest, entry: &'a AuditEntry) -> Self {
        Self { v: FORMAT, seq, group, prev, entry: with_short_detail(entry) }
    }

    /// The bytes of the line, with its end, and its hash.
    pub(super) fn seal(&self) -> Result<(Vec<u8>, Digest)> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.pop();
        let hash = Digest::of(&bytes);
        bytes.extend_from_slice(format!(",\"hash\":\"{hash}\"}}\n").as_bytes());
        match bytes.len() <= LINE_LIMIT {
            true => Ok((bytes, hash)),
            false => Err(Error::new(ErrorKind::Limit, "an audit entry is too long")
                .with("bytes", bytes.len())
                .with("limit", LINE_LIMIT)),
        }
    }
}

impl Line<'static> {
    /// Reads a line without its end, and its hash, which must be right.
    pub(super) fn unseal(bytes: &[u8]) -> Result<(Self, Digest)> {
        let (body, seal) = bytes.split_at_checked(bytes.len().wrapping_sub(SEAL)).ok_or_else(not_a_line)?;
        let hash = Digest::of(body);
        if seal != format!(",\"hash\":\"{hash}\"}}").as_bytes() {
            return Err(broken("the line was changed: its hash differs"));
        }
        check_format(bytes, FORMAT, not_a_line)?;
        let line = serde_json::from_slice(&[body, b"}"].concat()).map_err(|_| not_a_line())?;
        Ok((line, hash))
    }
}

/// Whether JSON that names its format is of the one that is known; it may hold what this version does not know.
pub(super) fn check_format(bytes: &[u8], known: u32, otherwise: impl FnOnce() -> Error) -> Result<()> {
    #[derive(Deserialize)]
    struct Format {
        v: u32,
    }
    match serde_json::from_slice::<Format>(bytes) {
        Ok(Format { v }) if v == known => Ok(()),
        Ok(Format { v }) if v > known => Err(newer(v, known)),
        _ => Err(otherwise()),
    }
}

/// A newer version wrote the log.
fn newer(format: u32, known: u32) -> Error {
    let message =
        format!("the audit log was written by a newer version: format {format}, this one knows {known}");
    Error::new(ErrorKind::Unsupported, message).help("use the newer version; nothing was changed")
}

fn not_a_line() -> Error {
    broken("it is not a line of an audit log")
}

/// The end of the line that ends at a position.
pub(super) fn seal_of(position: &AuditPosition) -> Vec<u8> {
    format!(",\"hash\":\"{}\"}}\n", position.hash).into_bytes()
}

/// The audit log is not as it was written.
pub(super) fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the audit log is broken: {what}")).help(
        "find out who changed it; put it back from a backup, or move it away with its \
              checkpoint and begin a new one: `audit restart --yes`",
    )
}

/// An entry whose free text is of bounded length: a server's message must not stop an engine.
fn with_short_detail(entry: &AuditEntry) -> Cow<'_, AuditEntry> {
    let AuditEvent::Outcome { detail: Some(detail), .. } = &entry.what else { return Cow::Borrowed(entry) };
    if detail.len() <= DETAIL_LIMIT {
        return Cow::Borrowed(entry);
    }
    let kept = &detail[..char_boundary(detail, DETAIL_LIMIT)];
    let short = format!("{kept} … ({} more bytes)", detail.len() - kept.len());
    let mut entry = entry.clone();
    if let AuditEvent::Outcome { detail, .. } = &mut entry.what {
        *detail = Some(short);
    }
    Cow::Owned(entry)
}

/// The last border between characters at or before a byte.
fn char_boundary(text: &str, byte: usize) -> usize {
    (0..=byte).rev().find(|byte| text.is_char_boundary(*byte)).unwrap_or(0)
}
