//! Who did what, when, and what came of it: a record that can't be changed unseen.

mod checkpoint;
mod entry;
mod file;
mod line;
mod log;
mod memory;
mod merged_request;
mod reading;
mod store;
mod verify;

pub use entry::{AuditEntry, AuditEvent, AuditRecord, LeftObject, LeftState, Purpose, SyncResult};
pub use file::FileAudit;
pub use memory::MemoryAudit;
pub use merged_request::{MergedRequest, RequestReview};
pub use reading::{AuditLog, FileAuditLog};
pub use store::{StoreAudit, StoreAuditLog};
pub use verify::AuditReport;

use async_trait::async_trait;

use crate::cx::Cx;
use crate::state::record::AuditPosition;
use crate::value::Result;

/// Keeps audit entries.
///
/// | Required | Signature |
/// | --- | --- |
/// | `record` | `async fn record(&self, cx: &Cx, entries: &[AuditEntry]) -> Result<()>` |
///
/// # Guarantees asked of an implementation
/// - Entries are durable, in this order, before `record` returns.
/// - An error means that they may be missing: the engine stops, for what can't be recorded must not be done.
#[async_trait]
pub trait AuditSink: Send + Sync {
    /// Makes entries durable.
    ///
    /// # Cancel safety
    /// A dropped call has recorded the first ones of them, perhaps none, perhaps all; or still does so.
    async fn record(&self, cx: &Cx, entries: &[AuditEntry]) -> Result<()>;

    /// How far the log has come, if it can tell. The engine keeps that in its journal, so that a log which is cut short
    /// with all that lies beside it is found.
    async fn position(&self) -> Option<AuditPosition> {
        None
    }

    /// Whether the log still holds what it held at this position.
    ///
    /// # Errors
    /// `Corrupt` if it does not.
    async fn holds(&self, _cx: &Cx, _position: &AuditPosition) -> Result<()> {
        Ok(())
    }

    /// Whether it is the one log of every machine that works with the state, as one beside the documents of a shared store is. An
    /// engine that goes on from such documents then holds the log to what they say of it.
    fn is_shared(&self) -> bool {
        false
    }
}
