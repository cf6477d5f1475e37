//! The journal before this engine writes it: where its storage waits for a disk, it is read where it holds up no other task.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::lost;
use crate::process::fs;
use crate::state::journal::JournalIo;
use crate::value::Result;

/// The storage of a journal, to be read by one at a time.
///
/// A read whose caller goes away goes on and keeps its turn; nothing of it is taken in.
pub(super) struct Reader {
    io: Arc<Mutex<Option<Box<dyn JournalIo>>>>,
    waits: bool,
}

impl Reader {
    pub fn new(io: Box<dyn JournalIo>) -> Self {
        let waits = io.waits();
        Self { io: Arc::new(Mutex::new(Some(io))), waits }
    }

    /// A storage that does not wait is read at once: a simulated world then goes the same way each time.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn JournalIo) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut io = self.turn().await;
        let work = move || match &mut *io {
            Some(io) => work(&mut **io),
            None => Err(lost()),
        };
        match self.waits {
            true => fs::blocking(work).await,
            false => work(),
        }
    }

    /// The storage itself, for who writes it from now on.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn take(&self) -> Result<Box<dyn JournalIo>> {
        self.turn().await.take().ok_or_else(lost)
    }

    async fn turn(&self) -> OwnedMutexGuard<Option<Box<dyn JournalIo>>> {
        match self.io.clone().try_lock_owned() {
            Ok(io) => io,
            Err(_) => self.io.clone().lock_owned().await,
        }
    }
}
