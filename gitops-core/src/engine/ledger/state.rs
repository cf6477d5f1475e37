use std::any::Any;
use std::sync::Arc;

use super::read::read;
use super::reader::Reader;
use crate::cx::Cx;
use crate::process::under_way::UnderWay;
use crate::state::audit::{AuditSink, MemoryAudit};
use crate::state::journal::{JournalIo, MemoryJournalIo};
use crate::state::record::AuditPosition;
use crate::state::store::{MemoryStore, StateStore};
use crate::value::Result;

/// Where an engine keeps what it must not forget: documents, a journal and an audit log.
///
/// [`StateDir`](crate::StateDir) has all three in a folder. A store that several machines share
/// ([`StateStore::is_shared`]) may take the place of the folder's: the journal and the audit log stay on the machine.
pub struct State {
    /// Keeps the inventory's documents and the pin.
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) journal: Box<dyn JournalIo>,
    /// Is told of every change before it is sent and after it was answered.
    pub(crate) audit: Arc<dyn AuditSink>,
    /// The writes that a lock waits for.
    pub(crate) under_way: UnderWay,
    /// Whatever must live as long as the engine does: a lock.
    pub(crate) guard: Option<Arc<dyn Any + Send + Sync>>,
}

impl State {
    /// A state that ends with the process, and what was written to it too.
    pub fn in_memory() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            journal: Box::new(MemoryJournalIo::new()),
            audit: Arc::new(MemoryAudit::new()),
            under_way: UnderWay::default(),
            guard: None,
        }
    }

    /// With the documents in this store.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn StateStore>) -> Self {
        self.store = store;
        self
    }

    /// With this audit log, which is told of every change before it is sent and after it was answered.
    #[must_use]
    pub fn with_audit(mut self, audit: Arc<dyn AuditSink>) -> Self {
        self.audit = audit;
        self
    }

    /// With a journal that is written by other means.
    #[doc(hidden)]
    #[must_use]
    pub fn with_journal(mut self, journal: impl JournalIo + 'static) -> Self {
        self.journal = Box::new(journal);
        self
    }

    /// The documents.
    pub fn store(&self) -> &Arc<dyn StateStore> {
        &self.store
    }

    /// The audit log.
    pub fn audit(&self) -> &Arc<dyn AuditSink> {
        &self.audit
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

impl State {
    /// How far the audit log had come by what the documents of a shared store say, for who only looks and has no journal.
    ///
    /// # Errors
    /// `Corrupt` if they are damaged; whatever the store gives.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn audited(cx: &Cx, store: &Arc<dyn StateStore>) -> Result<Option<AuditPosition>> {
        let inventory =
            read(cx, store, &Reader::new(Box::new(MemoryJournalIo::new())), true, None).await?.inventory;
        Ok(inventory.and_then(|inventory| inventory.audited().cloned()))
    }
}
