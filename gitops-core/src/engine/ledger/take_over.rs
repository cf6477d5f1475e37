//! How an engine becomes the one that writes.

use super::checkpoints::Snapshot;
use super::read::Found;
use super::writer::{Landed, Write};
use super::{CHECK_LASTS, Ledger, Writer, lost};
use crate::cx::Cx;
use crate::state::journal::{Anchor, Journal, JournalIo, Lineage};
use crate::value::{Error, ErrorKind, Result};

impl Ledger {
    /// Makes this engine the one that writes: a higher epoch is durable before anything else is.
    ///
    /// # Cancel safety
    /// The next call goes on from where a dropped one was.
    pub async fn take_over(&mut self, cx: &Cx) -> Result<()> {
        self.landed().await?;
        if self.stopped {
            return Err(lost());
        }
        match &self.journal {
            Writer::Read(..) if self.store.is_shared() => self.begin_shared(cx).await?,
            Writer::Read(..) => self.begin_alone(cx).await?,
            Writer::Opened(_) | Writer::Taken(_) | Writer::Away(_) | Writer::Lost => {}
        }
        match &self.journal {
            Writer::Opened(_) => self.begin_epoch(cx).await,
            Writer::Taken(_) => Ok(()),
            Writer::Read(..) | Writer::Away(_) | Writer::Lost => Err(lost()),
        }
    }

    /// The journal says first who writes; the documents are as old as the last compaction.
    async fn begin_alone(&mut self, cx: &Cx) -> Result<()> {
        let Writer::Read(_, found) = &self.journal else { return Err(lost()) };
        if let Some(anchor) = found.anchor().cloned() {
            return self.open_journal(move |io| reopen(io, &anchor)).await;
        }
        let (lineage, epoch) = (Lineage::new(cx.random_bytes()), self.epoch);
        self.open_journal(move |io| Journal::init(io, lineage, epoch)).await
    }

    /// The store says first who writes: of two engines that begin at once, one is refused before it does anything.
    async fn begin_shared(&mut self, cx: &Cx) -> Result<()> {
        let Writer::Read(_, found) = &self.journal else { return Err(lost()) };
        let known = found.anchor().cloned();
        if let Found::Superseded = found {
            self.inventory.reopen(cx.now().after(CHECK_LASTS));
        }
        let beginning = || Anchor::beginning(Lineage::new(cx.random_bytes()), self.epoch);
        let anchor = known.clone().unwrap_or_else(beginning);
        let (inventory, epoch) = (&self.inventory, self.epoch + 1);
        let snapshot = Snapshot { inventory, planned: &[], anchor: anchor.clone(), epoch };
        let announced = self.checkpoints.take_over(cx, &snapshot).await;
        self.lose_if_deposed(&announced);
        announced?;
        let before = self.epoch;
        match known {
            Some(anchor) => self.open_journal(move |io| reopen(io, &anchor)).await,
            None => self.open_journal(move |io| Journal::replace(io, anchor.lineage, before)).await,
        }
    }

    /// There are documents before the journal says who writes.
    async fn begin_epoch(&mut self, cx: &Cx) -> Result<()> {
        let Writer::Opened(journal) = &self.journal else { return Err(lost()) };
        if !self.checkpoints.exist() {
            let (inventory, anchor, epoch) = (&self.inventory, journal.anchor(), self.epoch);
            let snapshot = Snapshot { inventory, planned: &[], anchor, epoch };
            if let Err(error) = self.checkpoints.write(cx, &snapshot).await {
                self.journal = Writer::Lost;
                return Err(error);
            }
        }
        let epoch = self.epoch + 1;
        let begin = move |mut journal: Journal| {
            let begun = journal.set_epoch(epoch).and_then(|()| journal.keep_anchor());
            Landed::whole(journal, begun)
        };
        self.write(Write::Epoch(epoch), begin).await
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
