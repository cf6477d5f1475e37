//! What we keep of one root: a folder to run the tool in, and a durable record.

mod folder;
mod kept;
mod lock;
mod record;
mod state;
mod tree;

pub(crate) use folder::Folder;
pub(crate) use kept::{Kept, Pins};
pub(crate) use lock::lock;
pub(crate) use record::{Doubt, DoubtKind, Entry, Place, Record, Records, Running, Settled, Stamp};
pub(crate) use state::{Home, read_file};
