//! Where an engine keeps what it must not forget.

mod file;
mod memory;

pub use file::FileStore;
pub use memory::MemoryStore;

use async_trait::async_trait;

use crate::value::Version;
use crate::{Cx, Error, ErrorKind, Result};

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

/// An engine of an older epoch was deposed and writes nothing more.
fn refuse_older(name: &str, stored: Option<u64>, offered: u64) -> Result<()> {
    match stored {
        Some(stored) if stored > offered => {
            let message = format!("the document `{name}` is of epoch {stored}; epoch {offered} was deposed");
            Err(Error::new(ErrorKind::Conflict, message))
        }
        _ => Ok(()),
    }
}
