//! The durable record of what was begun and what came of it.

mod record;

pub use record::{Intent, OpResult, Record};
