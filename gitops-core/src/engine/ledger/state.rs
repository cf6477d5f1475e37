use std::any::Any;
use std::sync::Arc;

use super::read::read;
use crate::cx::Cx;
use crate::state::audit::AuditSink;
use crate::state::journal::{JournalIo, MemoryJournalIo};
use crate::state::record::AuditPosition;
use crate::state::store::StateStore;
use crate::value::Result;

/// Where an engine keeps what it must not forget: documents, a journal and an audit log.
///
/// [`StateDir`](crate::StateDir) has all three in a folder. A store that several machines share
/// ([`StateStore::is_shared`]) may take the place of the folder's: the journal and the audit log stay on the machine.
pub struct State {
    /// Keeps the inventory's documents and the pin.
    pub store: Arc<dyn StateStore>,
    /// Keeps the journal.
    pub journal: Box<dyn JournalIo>,
    /// Is told of every change before it is sent and after it was answered.
    pub audit: Arc<dyn AuditSink>,
    /// Whatever must live as long as the engine does: a lock.
    pub guard: Option<Arc<dyn Any + Send + Sync>>,
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
        let inventory = read(cx, store, &mut MemoryJournalIo::new(), true, None).await?.inventory;
        Ok(inventory.and_then(|inventory| inventory.audited().cloned()))
    }
}
