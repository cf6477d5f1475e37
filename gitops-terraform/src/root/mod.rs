//! What we keep of one root: a folder to run the tool in, and a durable record.

pub(crate) mod failure;
mod folder;
pub(crate) mod journal;
mod kept;
mod lock;
mod place;
mod record;
pub(crate) mod report;
mod state;
mod tree;
pub(crate) mod warning;

pub(crate) use folder::Folder;
pub(crate) use kept::{Kept, Pins};
pub(crate) use lock::lock;
pub(crate) use place::{Keeper, Place};
pub(crate) use record::{Confirmed, Doubt, DoubtKind, Entry, Record, Records, Running, Settled, Stamp};
pub(crate) use state::{Home, STATE_BYTES, backup_of, read_file};
pub(crate) use tree::materialise;
