//! What the engine at work wrote since somebody read its state to look on.

use super::read::{Found, KeptInventory, Read, read, read_on};
use super::reader::Reader;
use super::{Ledger, Writer, unreadable};
use crate::cx::Cx;
use crate::engine::Engine;
use crate::engine::binding::check_application;
use crate::state::journal::Anchor;
use crate::value::{Error, ErrorKind, Result};

/// How a state was read.
pub(super) struct Looking {
    /// Whether it may be taken from a shared store alone.
    pub recovers: bool,
    /// How the journal stood before it was read.
    pub stood: Option<Stood>,
    /// The position of the journal that the documents stood for.
    pub index: Option<Anchor>,
}

/// How a journal stands: as long as it does, nothing was written to it.
#[derive(PartialEq, Eq)]
pub(super) struct Stood {
    length: u64,
    anchor: Option<Vec<u8>>,
}

impl Stood {
    /// How it stands now; nothing where its storage can't tell.
    pub async fn of(io: &Reader) -> Option<Self> {
        let stood = io.read(|io| {
            let Ok(Some(length)) = io.length() else { return Ok(None) };
            Ok(io.read_anchor().ok().map(|anchor| Self { length, anchor }))
        });
        stood.await.ok()?
    }
}

impl Ledger {
    /// Takes in what was written since the state was read. Who writes it knows that already.
    async fn catch_up(&mut self, cx: &Cx) -> Result<()> {
        self.landed().await?;
        let Writer::Read(io, found) = &self.journal else { return Ok(()) };
        let stood = Stood::of(io).await;
        let is_same = match self.store.is_shared() {
            // The journal is with who works: the store is all that there is to see.
            true => self.checkpoints.exist() && self.checkpoints.check(cx).await.is_ok(),
            false => stood.is_some() && stood == self.looking.stood,
        };
        if is_same {
            return Ok(());
        }
        let (position, index) = match (found, &self.looking.index) {
            (Found::UpTo(position), Some(index)) if !self.store.is_shared() => (position.clone(), index),
            _ => return self.read_again(cx, None, stood).await,
        };
        if let Some(read) = read_on(cx, &self.store, io, &self.inventory, &position, index).await {
            return self.take_up(read, stood);
        }
        let kept = KeptInventory { inventory: self.inventory.clone(), anchor: position.end };
        self.read_again(cx, Some(&kept), stood).await
    }

    /// Reads documents and journal in place of an inventory that was kept and can't be read.
    ///
    /// # Errors
    /// `Corrupt` if this engine took over already.
    pub async fn read_anew(&mut self, cx: &Cx) -> Result<()> {
        let Writer::Read(io, _) = &self.journal else { return Err(unreadable()) };
        let stood = Stood::of(io).await;
        self.read_again(cx, None, stood).await
    }

    /// Reads the state once more, going on from an inventory if there is one to go on from. `stood` is how the journal stood before.
    async fn read_again(
        &mut self,
        cx: &Cx,
        kept: Option<&KeptInventory>,
        stood: Option<Stood>,
    ) -> Result<()> {
        let Writer::Read(io, _) = &self.journal else { return Ok(()) };
        let read = read(cx, &self.store, io, self.looking.recovers, kept).await?.beside(&*self.audit);
        self.take_up(read, stood)
    }

    /// Goes on from what was read.
    fn take_up(&mut self, read: Read, stood: Option<Stood>) -> Result<()> {
        let Writer::Read(_, found) = &mut self.journal else { return Ok(()) };
        let Read { checkpoints, inventory, epoch, journal, goes_on, index } = read;
        match inventory.filter(|found| found.owner() == self.inventory.owner()) {
            Some(inventory) => self.inventory = inventory,
            // There was no state, and there is none yet.
            None if !self.checkpoints.exist() && !checkpoints.exist() => {}
            None => return Err(replaced()),
        }
        (self.checkpoints, self.epoch, self.goes_on) = (checkpoints, epoch, goes_on);
        (*found, self.looking.stood, self.looking.index) = (journal, stood, index);
        Ok(())
    }
}

fn replaced() -> Error {
    Error::new(ErrorKind::Stale, "the state is another one than the one that was read").help("open it again")
}

impl Engine {
    /// Takes in what another engine, the one at work, recorded since this one read the state: for one that only looks, and goes on
    /// for longer. Costs what was written since, and nothing where nothing was. An engine that writes the state itself knows
    /// everything already.
    ///
    /// # Errors
    /// `Stale` if the state was replaced by another one, as [`open`](crate::EngineBuilder::open) else. Open the engine anew then.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn catch_up(&mut self, cx: &Cx) -> Result<()> {
        self.ledger.catch_up(cx).await?;
        check_application(self.inventory(), self.name(), &self.grant)?;
        self.check_source()
    }
}
