use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::AuditSink;
use super::entry::AuditEntry;
use crate::cx::Cx;
use crate::value::Result;

/// Audit entries in memory, for tests; clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryAudit(Arc<Mutex<Vec<AuditEntry>>>);

impl MemoryAudit {
    /// No entries yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The entries so far, the newest last.
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
