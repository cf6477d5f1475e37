use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// The storage under a journal; a simulator puts its own here.
///
/// # Guarantees asked of an implementation
/// What was written before a successful [`sync`](Self::sync), [`truncate`](Self::truncate) or
/// [`replace`](Self::replace) survives a crash. An error leaves the content unknown until it is read again.
pub trait JournalIo: Send + Sync {
    /// All bytes; nothing if there is no journal.
    fn read(&mut self) -> io::Result<Option<Vec<u8>>>;

    /// Adds bytes at the end, not yet durable.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything durable.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts off what is beyond a length, durably.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Replaces everything, durably and atomically.
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// A journal in memory. Clones share it, so that a second engine can open what a first one left.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournalIo(Arc<Mutex<Option<Vec<u8>>>>);

impl MemoryJournalIo {
    fn with<T>(&self, act: impl FnOnce(&mut Option<Vec<u8>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl JournalIo for MemoryJournalIo {
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.with(|content| content.clone()))
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.with(|content| content.get_or_insert_default().extend_from_slice(bytes));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.with(|content| content.iter_mut().for_each(|content| content.truncate(length)));
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.with(|content| *content = Some(bytes.to_vec()));
        Ok(())
    }
}
