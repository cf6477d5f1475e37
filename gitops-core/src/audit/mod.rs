//! Who did what, when, under which plan: a record that can't be changed without being noticed.

mod entry;
mod file;
mod line;

pub use entry::{AuditEntry, AuditEvent};
pub use file::{AuditReport, FileAudit};

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::{Cx, Result};

/// Takes audit entries. The engine sends nothing to a target that it could not record first, and stops if it can't.
#[async_trait]
pub trait AuditSink: Send + Sync {
    /// Records entries, in order; they are durable when it returns.
    ///
    /// # Cancel safety
    /// A dropped call has recorded a beginning of the entries, perhaps none or all.
    async fn record(&self, cx: &Cx, entries: &[AuditEntry]) -> Result<()>;
}

/// An audit log in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryAudit(Mutex<Vec<AuditEntry>>);

impl MemoryAudit {
    /// All entries so far.
    pub fn entries(&self) -> Vec<AuditEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl AuditSink for MemoryAudit {
    async fn record(&self, _: &Cx, entries: &[AuditEntry]) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(entries);
        Ok(())
    }
}
