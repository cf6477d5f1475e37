//! The durable record of what was begun and what came of it.
//!
//! A journal is a header and a chain of frames. Each frame names the hash of the one before, holds a group of
//! [records](crate::state::record::Record), and is synced before [`Journal::append`] returns; there is never more than one
//! frame that is not synced, so a crash can damage only the last.
//!
//! # What a crash leaves
//! - A last frame that never became durable leaves the file short, or with sectors that read as zeros, which
//!   JSON never holds. It is cut off; nothing relied on it.
//! - Anything else is damage. It is an error that names byte and frame, and nothing is cut: see
//!   [`Journal::open`].
//!
//! # Empty is not new
//! A journal comes to be by [`Journal::init`] alone. Where one is missing, empty, shorter or older than an
//! [`Anchor`], opening it is an error. There is one in the inventory, as old as that is, and one beside the journal,
//! renewed by [`Journal::keep_anchor`]: frames that were cut off after it can't be told from frames that never became
//! durable.

mod anchor;
mod file_io;
mod frame;
mod group;
mod header;
mod io;
mod log;
mod memory_io;
mod replay;
mod tail;
#[cfg(test)]
mod tests;

pub use anchor::{Anchor, Lineage, ParseLineageError};
pub use file_io::FileJournalIo;
pub use frame::FRAME_LIMIT;
pub use io::{JOURNAL_LIMIT, JournalIo};
pub use log::Journal;
pub(crate) use log::Position;
pub use memory_io::MemoryJournalIo;

#[cfg(feature = "simulate")]
use crate::state::record::Record;

/// The records of whole frames that were written one after the other.
#[cfg(feature = "simulate")]
pub(crate) fn records_of(frames: &[u8]) -> Vec<Record> {
    let (mut records, mut rest) = (Vec::new(), frames);
    while let Some(frame) = frame::Frame::read(rest) {
        records.extend(group::decode(frame.payload).unwrap_or_default());
        rest = &rest[frame.bytes.len()..];
    }
    records
}
