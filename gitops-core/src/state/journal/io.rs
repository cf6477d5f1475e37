use std::io::Result;

/// The most that a journal may hold, in bytes; the next compaction makes it small again.
pub const JOURNAL_LIMIT: u64 = 1 << 30;

/// The storage of one journal.
///
/// A simulator puts a disk of its own here: one that tears writes, loses what was not synced, or is full.
///
/// # Guarantees asked of an implementation
/// - What [`sync`](Self::sync) has answered with success is there after a crash.
/// - Of what was appended after the last sync, any sector may be lost in a crash; a lost one is missing at the
///   end, or reads as zeros.
/// - [`truncate`](Self::truncate) and [`replace`](Self::replace) are durable before they return.
pub trait JournalIo: Send + Sync {
    /// Whether calls may wait for a disk. The engine then makes them where they hold up no other task; else where it runs, and
    /// nothing else happens meanwhile.
    fn waits(&self) -> bool {
        true
    }

    /// The whole content, or nothing if there is no journal.
    fn read(&mut self) -> Result<Option<Vec<u8>>>;

    /// The content from a byte on; nothing if there is no journal, or it ends before. Who looks on reads by this what was written
    /// since.
    fn read_from(&mut self, offset: u64) -> Result<Option<Vec<u8>>> {
        let whole = self.read()?;
        let from = |bytes: Vec<u8>| bytes.get(usize::try_from(offset).ok()?..).map(<[u8]>::to_vec);
        Ok(whole.and_then(from))
    }

    /// How many bytes it has, where that is known without reading it; else nothing. Who looks on reads it again only if this or
    /// the anchor moved.
    fn length(&mut self) -> Result<Option<u64>> {
        Ok(None)
    }

    /// Adds bytes at the end. After an error, any number of them may be there.
    fn append(&mut self, bytes: &[u8]) -> Result<()>;

    /// Makes durable what was appended.
    fn sync(&mut self) -> Result<()>;

    /// Cuts off what is beyond so many bytes.
    fn truncate(&mut self, length: u64) -> Result<()>;

    /// Replaces the whole content, or makes the first; after a crash or an error it is the old or the new.
    fn replace(&mut self, bytes: &[u8]) -> Result<()>;

    /// The anchor beside the journal, which says how far it had come; nothing if there is none.
    ///
    /// A storage that keeps none lets a journal that was cut back pass for a shorter one.
    fn read_anchor(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// Replaces that anchor; durable before it returns, and after a crash or an error it is the old or the new.
    fn replace_anchor(&mut self, bytes: &[u8]) -> Result<()> {
        let _ = bytes;
        Ok(())
    }

    /// Sees to it that so many bytes more can be appended, whatever else fills the disk; `StorageFull` if not.
    ///
    /// A storage that can't promise it does nothing: it may then be full when an outcome is to be written, which
    /// leaves the change open until the next start.
    fn reserve(&mut self, bytes: u64) -> Result<()> {
        let _ = bytes;
        Ok(())
    }
}

impl<T: JournalIo + ?Sized> JournalIo for Box<T> {
    fn waits(&self) -> bool {
        (**self).waits()
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>> {
        (**self).read()
    }

    fn read_from(&mut self, offset: u64) -> Result<Option<Vec<u8>>> {
        (**self).read_from(offset)
    }

    fn length(&mut self) -> Result<Option<u64>> {
        (**self).length()
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        (**self).append(bytes)
    }

    fn sync(&mut self) -> Result<()> {
        (**self).sync()
    }

    fn truncate(&mut self, length: u64) -> Result<()> {
        (**self).truncate(length)
    }

    fn replace(&mut self, bytes: &[u8]) -> Result<()> {
        (**self).replace(bytes)
    }

    fn read_anchor(&mut self) -> Result<Option<Vec<u8>>> {
        (**self).read_anchor()
    }

    fn replace_anchor(&mut self, bytes: &[u8]) -> Result<()> {
        (**self).replace_anchor(bytes)
    }

    fn reserve(&mut self, bytes: u64) -> Result<()> {
        (**self).reserve(bytes)
    }
}
