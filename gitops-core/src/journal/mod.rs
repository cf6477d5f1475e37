//! The durable record of what was begun and what came of it.
//!
//! A journal is a header and a chain of frames. Each frame names the hash of the one before, holds a group of
//! [`Record`]s, and is synced before [`Journal::append`] returns; there is never more than one frame that is not
//! synced, so a crash can damage only the last.
//!
//! # What a crash leaves
//! - A last frame that never became durable leaves the file short, or with sectors that read as zeros, which
//!   JSON never holds. It is cut off; nothing relied on it.
//! - Anything else is damage. It is an error that names byte and frame, and nothing is cut: see
//!   [`Journal::open`].
//!
//! # Empty is not new
//! A journal comes to be by [`Journal::init`] alone. Where one is missing, empty, shorter or older than the
//! [`Anchor`] that the inventory holds, opening it is an error.

mod anchor;
mod file_io;
mod frame;
mod group;
mod header;
mod io;
mod log;
mod memory_io;
mod record;
mod replay;
mod tail;

pub use anchor::{Anchor, Lineage, ParseLineageError};
pub use file_io::FileJournalIo;
pub use frame::FRAME_LIMIT;
pub use io::{JOURNAL_LIMIT, JournalIo};
pub use log::Journal;
pub use memory_io::MemoryJournalIo;
pub use record::{Intent, OpResult, Record};

use serde::{Deserialize, Serialize};

use crate::value::Digest;
use crate::{Error, ErrorKind, Result};
use frame::{Header, MAX_PAYLOAD};

/// A point up to which a journal is known to have existed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The journal's identity.
    pub lineage: u128,
    /// How many frames there were.
    pub sequence: u64,
    /// The digest of the last of them.
    pub chain: Digest,
}

/// An append-only log of records.
pub struct Journal {
    io: Box<dyn JournalIo>,
    lineage: u128,
    sequence: u64,
    chain: Digest,
    bytes: u64,
    /// Damage at the end that is cut off before the next append.
    torn: bool,
    poisoned: bool,
}

/// What opening a journal found.
pub enum Opened {
    /// There is none, and there should be none.
    Absent(Box<dyn JournalIo>),
    /// The journal, and its records after the anchor.
    Read(Journal, Vec<Record>),
}

impl Journal {
    /// Reads a journal and checks it against an anchor. Writes nothing.
    ///
    /// # Errors
    /// `Corrupt` for damage, or a journal that does not reach the anchor; `Unsupported` for a newer format.
    pub fn open(mut io: Box<dyn JournalIo>, anchor: Option<&Anchor>) -> Result<Opened> {
        let Some(bytes) = io.read().map_err(|error| storage(error, "read"))? else {
            return match anchor {
                None => Ok(Opened::Absent(io)),
                Some(_) => Err(damaged("the journal is missing, and there was one")),
            };
        };
        let header = Header::decode(&bytes)?;
        let read = frame::read(&bytes, &header)?;
        let journal = Self {
            io,
            lineage: header.lineage,
            sequence: read.sequence(&header),
            chain: read.chain(&header),
            bytes: read.length,
            torn: read.length < bytes.len() as u64,
            poisoned: false,
        };
        Ok(Opened::Read(journal, read.after(anchor, &header)?))
    }

    /// Begins a journal where there is none, or one that holds nothing.
    pub fn init(io: Box<dyn JournalIo>, lineage: [u8; 16]) -> Result<Self> {
        let lineage = u128::from_le_bytes(lineage);
        let chain = Digest::from_bytes([0; 32]);
        let mut journal = Self { io, lineage, sequence: 0, chain, bytes: 0, torn: false, poisoned: false };
        journal.restart()?;
        Ok(journal)
    }

    /// Makes records durable, all of them or, on an error, possibly some.
    ///
    /// # Errors
    /// `Limit` for a record that fits in no frame: nothing was written. `Storage` if they could not be made durable;
    /// the journal then refuses everything else, and must be opened again.
    pub fn append(&mut self, records: &[Record]) -> Result<()> {
        for payload in payloads(records)? {
            self.append_frame(&payload)?;
        }
        Ok(())
    }

    fn append_frame(&mut self, payload: &[u8]) -> Result<()> {
        if self.poisoned {
            return Err(Error::new(ErrorKind::Storage, "the journal could not be written before")
                .help("start again: what was begun is looked up first"));
        }
        let (frame, chain) = frame::encode(payload, &self.chain);
        self.poisoned = true;
        if self.torn {
            self.io.truncate(self.bytes).map_err(|error| storage(error, "cut"))?;
            self.torn = false;
        }
        self.io.append(&frame).map_err(|error| storage(error, "append to"))?;
        self.io.sync().map_err(|error| storage(error, "sync"))?;
        self.poisoned = false;
        self.chain = chain;
        self.sequence += 1;
        self.bytes += frame.len() as u64;
        Ok(())
    }

    /// Begins anew after the present end, dropping all frames. Only once they are folded into something durable that
    /// holds the [`anchor`](Self::anchor).
    pub fn compact(&mut self) -> Result<()> {
        self.restart()
    }

    fn restart(&mut self) -> Result<()> {
        let header = Header { lineage: self.lineage, sequence: self.sequence, chain: self.chain };
        let bytes = header.encode();
        self.poisoned = true;
        self.io.replace(&bytes).map_err(|error| storage(error, "replace"))?;
        self.poisoned = false;
        self.torn = false;
        self.bytes = bytes.len() as u64;
        Ok(())
    }

    /// The point that the journal has reached.
    pub fn anchor(&self) -> Anchor {
        Anchor { lineage: self.lineage, sequence: self.sequence, chain: self.chain }
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Journal({} frames, {} bytes)", self.sequence, self.bytes)
    }
}

/// Records as payloads that each fit in a frame.
fn payloads(records: &[Record]) -> Result<Vec<Vec<u8>>> {
    let mut payloads = Vec::new();
    let mut payload = Vec::new();
    for record in records {
        let text = serde_json::to_vec(record)?;
        if text.len() + 2 > MAX_PAYLOAD {
            let message = format!("a record of {} bytes is over the limit of {MAX_PAYLOAD}", text.len());
            return Err(Error::new(ErrorKind::Limit, message));
        }
        if !payload.is_empty() && payload.len() + text.len() + 2 > MAX_PAYLOAD {
            payload.push(b']');
            payloads.push(std::mem::take(&mut payload));
        }
        payload.push(if payload.is_empty() { b'[' } else { b',' });
        payload.extend_from_slice(&text);
    }
    if !payload.is_empty() {
        payload.push(b']');
        payloads.push(payload);
    }
    Ok(payloads)
}

fn storage(error: std::io::Error, action: &str) -> Error {
    let message = format!("can't {action} the journal: {error}");
    Error::new(ErrorKind::Storage, message)
        .because(error)
        .help("free space or mend the storage, then start again")
}

fn damaged(message: impl Into<String>) -> Error {
    let help = "nothing is written until then: restore the state folder from a backup, or, to begin anew and take \
                over what carries this application's mark, move the state folder away";
    Error::new(ErrorKind::Corrupt, message).help(help)
}
