use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::documents::Content;
use crate::cx::Cx;
use crate::state::inventory::Index;
use crate::state::store::{Document, StateStore, Stored};
use crate::value::{Error, ErrorKind, Result, Version};

/// How often a write is begun anew after one of its own got in between.
pub(super) const TRIES: usize = 5;

/// The index as a document: it is swapped for the one that this engine knows, and for no other.
pub(super) struct Head {
    store: Arc<dyn StateStore>,
    writer: SmolStr,
    /// The version of the index, to be named by the next swap.
    version: Option<Version>,
    /// A swap was begun, and its answer has not been seen.
    unsettled: bool,
}

impl Head {
    /// Reads what a store has; writes nothing.
    pub async fn load(cx: &Cx, store: Arc<dyn StateStore>) -> Result<(Self, Option<Stored>)> {
        let writer = format_smolstr!("{:032x}", cx.random());
        let stored = store.load(cx, Index::DOCUMENT).await?;
        let version = stored.as_ref().map(|stored| stored.version.clone());
        Ok((Self { store, writer, version, unsettled: false }, stored))
    }

    /// Whether there is an index yet.
    pub fn exists(&self) -> bool {
        self.version.is_some()
    }

    /// Who this engine is in the indexes that it writes.
    pub fn writer(&self) -> &SmolStr {
        &self.writer
    }

    /// Whether a swap was begun whose answer has not been seen.
    pub fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Writes another index over the one that this engine knows.
    pub async fn swap(&mut self, cx: &Cx, epoch: u64, index: &Index) -> Result<()> {
        let document = Document { epoch, bytes: serde_json::to_vec(index)? };
        self.unsettled = true;
        let version = self.store.swap(cx, Index::DOCUMENT, self.version.as_ref(), document).await?;
        self.version = Some(version);
        self.unsettled = false;
        Ok(())
    }

    /// Swaps the index for itself, in a new epoch.
    pub async fn begin_epoch(&mut self, cx: &Cx, epoch: u64) -> Result<()> {
        let stored = self.store.load(cx, Index::DOCUMENT).await?;
        let same = stored.filter(|stored| Some(&stored.version) == self.version.as_ref());
        let Content::Index(index) = Content::decode(&same.ok_or_else(deposed)?.document.bytes)? else {
            return Ok(());
        };
        self.swap(cx, epoch, &Index { writer: self.writer.clone(), ..index }).await
    }

    /// Finds out what came of a swap whose answer was not seen: gives the index that it wrote, if it happened. If it
    /// did not, the index is swapped for itself, and then it can't happen any more.
    pub async fn settle(&mut self, cx: &Cx) -> Result<Option<Index>> {
        for _ in 0..TRIES {
            let found = if self.unsettled { self.look(cx).await? } else { None };
            if !self.unsettled {
                return Ok(found);
            }
        }
        Err(contended())
    }

    async fn look(&mut self, cx: &Cx) -> Result<Option<Index>> {
        let Some(stored) = self.store.load(cx, Index::DOCUMENT).await? else {
            self.unsettled = false;
            return if self.version.is_none() { Ok(None) } else { Err(deposed()) };
        };
        let found = if Some(&stored.version) == self.version.as_ref() {
            match self.store.swap(cx, Index::DOCUMENT, self.version.as_ref(), stored.document).await {
                // It did happen, just now.
                Err(error) if error.is_conflict() => return Ok(None),
                swapped => self.version = Some(swapped?),
            }
            None
        } else {
            match Content::decode(&stored.document.bytes)? {
                Content::Index(index) if index.writer == self.writer => {
                    self.version = Some(stored.version);
                    Some(index)
                }
                _ => return Err(deposed()),
            }
        };
        self.unsettled = false;
        Ok(found)
    }

    /// Whether the index is still the one that this engine wrote or read.
    ///
    /// # Errors
    /// `Conflict` if it is not.
    pub async fn check(&self, cx: &Cx) -> Result<()> {
        let stored = self.store.load(cx, Index::DOCUMENT).await?;
        match stored.map(|stored| stored.version) == self.version {
            true => Ok(()),
            false => Err(deposed()),
        }
    }
}

pub(super) fn contended() -> Error {
    Error::new(ErrorKind::Unavailable, "the index of the inventory is written by somebody else all the time")
}

fn deposed() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "another engine took over: the stored inventory is no longer ours to write",
    )
    .help("stop this engine, or start it again: what the other one did is taken in first")
}
