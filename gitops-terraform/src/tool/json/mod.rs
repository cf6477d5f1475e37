//! What the tool prints, decoded into types. Unknown fields are kept, unknown words tolerated, sizes bounded.

mod diagnostic;
mod effect;
mod event;
mod exact;
mod mask;
mod plan;
mod reader;
mod redact;
mod state;
mod write;

pub(crate) use diagnostic::{Class, Diagnostic};
#[cfg(feature = "fuzzing")]
pub(crate) use event::events;
pub(crate) use event::{Event, Hook, event, events_in};
pub(crate) use exact::{Part, parse, parse_part};
pub(crate) use mask::masked;
pub(crate) use plan::READ;
pub use plan::{Action, OutputChange, Plan, ResourceChange};
pub(crate) use reader::Reader;
pub(crate) use redact::Redact;
pub(crate) use state::{StateFile, StateOutput};
pub(crate) use write::write;
