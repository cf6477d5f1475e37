//! Where an engine keeps what it must not forget.

mod file;
mod format;
mod memory;
mod secret_key;
#[cfg(feature = "watch")]
mod watch;

pub use file::FileStore;
pub use memory::MemoryStore;

use async_trait::async_trait;

use crate::cx::Cx;
use crate::value::{Error, ErrorKind, Result, Version};

/// Keeps named documents, each replaced whole and only by who has seen the last version.
///
/// | Required | Signature |
/// | --- | --- |
/// | `load` | `async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>>` |
/// | `swap` | `async fn swap(&self, cx: &Cx, name: &str, expect: Option<&Version>, document: Document) -> Result<Version>` |
///
/// # Guarantees asked of an implementation
/// - `swap` is durable before it returns, and atomic: after a crash the document is the old or the new one.
/// - It refuses with a conflict if the stored version is not `expect` (`None`: there is none), or if the stored
///   epoch is higher than the document's: an engine that was deposed can't write.
/// - A document that is damaged is an error of kind `Corrupt`, never "not there".
#[async_trait]
pub trait StateStore: Send + Sync {
    /// The document of a name, if there is one.
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>>;

    /// Replaces a document and gives its new version.
    ///
    /// # Cancel safety
    /// A dropped call has replaced the document or not; load it to know.
    async fn swap(
        &self,
        cx: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version>;

    /// Whether the documents outlive this machine and other machines see the same ones.
    ///
    /// An engine over such a store keeps its whole inventory there, not only in its journal: what a reconciliation may make is
    /// in the store before the first change is sent, and what came of it when the reconciliation ends. Names are 1 to 128 of
    /// `a-z`, `0-9`, `-`, `_` and `.`; no document is over 512 KiB, but for one object that alone needs more. Reads
    /// must see every write that was answered before them, or the fencing by epoch is void.
    fn is_shared(&self) -> bool {
        false
    }

    /// Tells when a document may have changed, if the store can.
    fn watch(&self) -> Option<&dyn StoreWatch> {
        None
    }
}

/// Tells when a document may have changed, so that nobody has to poll.
#[async_trait]
pub trait StoreWatch: Send + Sync {
    /// Returns when the document of a name may have changed; early and needless returns are allowed, missed ones not. Where
    /// several wait for one name, it may be told to one of them alone.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event: the next call returns at once if something happened in between.
    async fn changed(&self, cx: &Cx, name: &str) -> Result<()>;
}

/// A document and the epoch of the engine that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The epoch: grows each time an engine takes over.
    pub epoch: u64,
    /// The content.
    pub bytes: Vec<u8>,
}

/// A document as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The document.
    pub document: Document,
    /// Its version, to be named by the next swap.
    pub version: Version,
}

/// Whether a document may take the place of what is stored.
fn check(name: &str, stored: Option<&Stored>, expect: Option<&Version>, document: &Document) -> Result<()> {
    let epoch = stored.map_or(0, |stored| stored.document.epoch);
    if epoch > document.epoch {
        let message = format!("a newer engine took over: epoch {epoch}, ours is {}", document.epoch);
        return Err(conflict(name, message).help("stop this engine: the newer one is at work"));
    }
    match stored.map(|stored| &stored.version) == expect {
        true => Ok(()),
        false => Err(conflict(name, "the document is not the one that was loaded".to_owned())
            .help("load it again and make the change anew")),
    }
}

fn conflict(name: &str, message: String) -> Error {
    Error::new(ErrorKind::Conflict, message).with("document", name)
}
