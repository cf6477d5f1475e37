//! How an engine becomes the one that writes.

use super::checkpoints::Snapshot;
use super::read::Found;
use super::{CHECK_LASTS, Ledger, Writer, lost};
use crate::cx::Cx;
use crate::state::journal::{Anchor, Journal, JournalIo, Lineage};
use crate::value::{Error, ErrorKind, Result};

impl Ledger {
    /// Makes this engine the one that writes: a higher epoch is durable before anything else is.
    pub async fn take_over(&mut self, cx: &Cx) -> Result<()> {
        if self.stopped {
            return Err(lost());
        }
        match std::mem::replace(&mut self.journal, Writer::Lost) {
            Writer::Lost => Err(lost()),
            Writer::Read(io, found) if self.store.is_shared() => self.take_over_shared(cx, io, found).await,
            Writer::Read(io, found) => self.take_over_alone(cx, io, found).await,
            taken @ Writer::Taken(_) => {
                self.journal = taken;
                Ok(())
            }
        }
    }

    /// The journal says first who writes; the documents are as old as the last compaction.
    async fn take_over_alone(&mut self, cx: &Cx, io: Box<dyn JournalIo>, found: Found) -> Result<()> {
        let mut journal = match found {
            Found::UpTo(position) => reopen(io, &position.end)?,
            Found::Nothing | Found::Superseded => {
                Journal::init(io, Lineage::new(cx.random_bytes()), self.epoch)?
            }
        };
        if !self.checkpoints.exist() {
            let (inventory, anchor, epoch) = (&self.inventory, journal.anchor(), self.epoch);
            self.checkpoints.write(cx, &Snapshot { inventory, planned: &[], anchor, epoch }).await?;
        }
        self.begin_epoch(&mut journal)?;
        self.journal = Writer::Taken(journal);
        Ok(())
    }

    /// The store says first who writes: of two engines that begin at once, one is refused before it does anything.
    async fn take_over_shared(&mut self, cx: &Cx, io: Box<dyn JournalIo>, found: Found) -> Result<()> {
        let beginning = || Anchor::beginning(Lineage::new(cx.random_bytes()), self.epoch);
        let anchor = if let Found::UpTo(position) = &found { position.end.clone() } else { beginning() };
        if let Found::Superseded = found {
            self.inventory.reopen(cx.now().after(CHECK_LASTS));
        }
        let (inventory, epoch) = (&self.inventory, self.epoch + 1);
        let snapshot = Snapshot { inventory, planned: &[], anchor: anchor.clone(), epoch };
        if let Err(error) = self.checkpoints.take_over(cx, &snapshot).await {
            if !error.is_conflict() {
                self.journal = Writer::Read(io, found);
            }
            return Err(error);
        }
        let mut journal = match found {
            Found::UpTo(position) => reopen(io, &position.end)?,
            Found::Nothing | Found::Superseded => Journal::replace(io, anchor.lineage, self.epoch)?,
        };
        self.begin_epoch(&mut journal)?;
        self.journal = Writer::Taken(journal);
        Ok(())
    }

    fn begin_epoch(&mut self, journal: &mut Journal) -> Result<()> {
        journal.set_epoch(self.epoch + 1)?;
        self.epoch += 1;
        journal.keep_anchor()
    }
}

/// Opens the journal that was read to be written; it must be as it was read.
fn reopen(io: Box<dyn JournalIo>, anchor: &Anchor) -> Result<Journal> {
    let (journal, newer) = Journal::open(io, Some(anchor))?;
    match newer.is_empty() {
        true => Ok(journal),
        false => Err(Error::new(ErrorKind::Conflict, "another engine wrote the journal in between")
            .help("start again: what it did is taken in first")),
    }
}
