//! Reads a state: documents, and the journal after them.

use std::sync::Arc;

use super::checkpoints::{Checkpoints, Loaded};
use super::reader::Reader;
use crate::cx::Cx;
use crate::state::audit::AuditSink;
use crate::state::inventory::{Inventory, Slot};
use crate::state::journal::{Anchor, Journal, JournalIo, Position};
use crate::state::record::Record;
use crate::state::store::StateStore;
use crate::value::{Error, ErrorKind, Result};

/// How often a state is read that another engine writes meanwhile.
const READS: usize = 3;

/// What was read of a state.
pub(super) struct Read {
    pub checkpoints: Checkpoints,
    /// Nothing if there is no inventory yet.
    pub inventory: Option<Inventory>,
    pub epoch: u64,
    pub journal: Found,
    /// Whether the inventory goes on from the one that was kept.
    pub goes_on: bool,
    /// The position of the journal that the documents stand for.
    pub index: Option<Anchor>,
}

/// An inventory that an earlier process kept, and the position of the journal at which it was so.
pub(crate) struct KeptInventory {
    pub inventory: Inventory,
    pub anchor: Anchor,
}

/// How the journal was found.
pub(super) enum Found {
    /// There is none, and there never was.
    Nothing,
    /// Read up to this point.
    UpTo(Position),
    /// It is gone, or another machine took over since. What the last reconciliation may have made was taken in as begun.
    Superseded,
}

impl Found {
    /// Up to where it was read.
    pub fn anchor(&self) -> Option<&Anchor> {
        match self {
            Self::UpTo(position) => Some(&position.end),
            Self::Nothing | Self::Superseded => None,
        }
    }
}

/// Reads documents and journal. Who only looks has no lock: if the documents moved while the rest was read, they do
/// not belong together, and are read again.
pub(super) async fn read(
    cx: &Cx,
    store: &Arc<dyn StateStore>,
    io: &Reader,
    recover: bool,
    kept: Option<&KeptInventory>,
) -> Result<Read> {
    if let Some(read) = go_on(cx, store, io, kept).await {
        return Ok(read);
    }
    let mut reads = 1;
    loop {
        let before = version(cx, store).await?;
        match read_once(cx, store, io, recover).await {
            Err(error) if reads < READS && error.kind() == ErrorKind::Corrupt => {
                if version(cx, store).await? == before {
                    return Err(error);
                }
                reads += 1;
            }
            read => return read,
        }
    }
}

/// What an engine would go on from that has this journal.
#[cfg(feature = "simulate")]
pub(crate) async fn stored(
    cx: &Cx,
    store: Arc<dyn StateStore>,
    journal: impl JournalIo + 'static,
) -> Result<Option<Inventory>> {
    Ok(read(cx, &store, &Reader::new(Box::new(journal)), true, None).await?.inventory)
}

/// What a state has, for who only looks.
pub(crate) async fn look(
    cx: &Cx,
    store: Arc<dyn StateStore>,
    journal: impl JournalIo + 'static,
) -> Result<Option<Inventory>> {
    Ok(read(cx, &store, &Reader::new(Box::new(journal)), false, None).await?.inventory)
}

async fn version(cx: &Cx, store: &Arc<dyn StateStore>) -> Result<Option<crate::value::Version>> {
    let stored = store.load(cx, crate::state::inventory::Index::DOCUMENT).await?;
    Ok(stored.map(|stored| stored.version))
}

async fn read_once(cx: &Cx, store: &Arc<dyn StateStore>, io: &Reader, recover: bool) -> Result<Read> {
    let (checkpoints, loaded) = Checkpoints::load(cx, store.clone()).await?;
    let Some(loaded) = loaded else {
        if store.is_shared() && has_parts(cx, &**store).await? {
            return Err(missing());
        }
        let journal = io.read(read_alone).await?;
        let epoch = if let Found::UpTo(position) = &journal { position.end.epoch } else { 0 };
        return Ok(Read { checkpoints, inventory: None, epoch, journal, goes_on: false, index: None });
    };
    let (epoch, shared) = (loaded.epoch, store.is_shared());
    let index = Some(loaded.anchor.clone());
    let known = index.clone();
    let read = io.read(move |io| Journal::read_up_to_its_end(io, known.as_ref(), None)).await;
    let (inventory, journal) = match read {
        Ok((position, records)) => {
            let mut inventory = loaded.inventory;
            records.iter().for_each(|record| inventory.take_in(record));
            (inventory, Found::UpTo(position))
        }
        Err(error) if shared && is_superseded(io, &loaded).await => match recover || holds_nothing(&loaded) {
            true => (recovered(loaded), Found::Superseded),
            false => return Err(without_journal(&error)),
        },
        Err(error) => return Err(error),
    };
    let epoch = if let Found::UpTo(position) = &journal { epoch.max(position.end.epoch) } else { epoch };
    Ok(Read { checkpoints, inventory: Some(inventory), epoch, journal, goes_on: false, index })
}

/// Goes on from an inventory that was kept, if the journal still has what came after it: then no shard is read. Both the
/// index and what was kept must lie on the journal.
async fn go_on(
    cx: &Cx,
    store: &Arc<dyn StateStore>,
    io: &Reader,
    kept: Option<&KeptInventory>,
) -> Option<Read> {
    let kept = kept.filter(|_| !store.is_shared())?;
    let (checkpoints, anchor, epoch) = Checkpoints::load_index(cx, store.clone()).await.ok()??;
    let marks = (kept.anchor.clone(), anchor.clone());
    let read = io.read(move |io| Journal::read_up_to_its_end(io, Some(&marks.0), Some(&marks.1)));
    let read = read.await.ok()?;
    Some(Read::going_on(checkpoints, epoch, anchor, &kept.inventory, read))
}

/// Reads what was written since the state was read up to a position, by who has the inventory of then: neither a shard nor
/// what the journal held before is read again. `index` is the position that the documents stood for. Nothing where only the whole
/// state tells.
pub(super) async fn read_on(
    cx: &Cx,
    store: &Arc<dyn StateStore>,
    io: &Reader,
    inventory: &Inventory,
    from: &Position,
    index: &Anchor,
) -> Option<Read> {
    let (checkpoints, anchor, epoch) = Checkpoints::load_index(cx, store.clone()).await.ok()??;
    let (from, also) = (from.clone(), Some(&anchor).filter(|anchor| *anchor != index).cloned());
    let read = io.read(move |io| Journal::read_on(io, &from, also.as_ref())).await.ok()?;
    Some(Read::going_on(checkpoints, epoch, anchor, inventory, read))
}

impl Read {
    /// What is noted of the audit log holds for another machine only where the log is the same one.
    pub fn beside(mut self, audit: &dyn AuditSink) -> Self {
        if let (Found::Superseded, Some(inventory), false) =
            (&self.journal, &mut self.inventory, audit.is_shared())
        {
            inventory.forget_audit_log();
        }
        self
    }

    /// An inventory with what the journal held after it.
    fn going_on(
        checkpoints: Checkpoints,
        epoch: u64,
        index: Anchor,
        before: &Inventory,
        (position, records): (Position, Vec<Record>),
    ) -> Self {
        let mut inventory = before.clone();
        records.iter().for_each(|record| inventory.take_in(record));
        let (epoch, journal) = (epoch.max(position.end.epoch), Found::UpTo(position));
        Self { checkpoints, inventory: Some(inventory), epoch, journal, goes_on: true, index: Some(index) }
    }
}

/// Reads a journal without an inventory: one whose beginning was cut short holds nothing.
fn read_alone(io: &mut dyn JournalIo) -> Result<Found> {
    if io.read().map_err(|error| crate::process::fs::storage_error("read the journal", error))?.is_none() {
        return Ok(Found::Nothing);
    }
    let (position, records) = Journal::read_up_to_its_end(io, None, None)?;
    match records.is_empty() {
        true => Ok(Found::UpTo(position)),
        false => Err(missing()),
    }
}

fn missing() -> Error {
    Error::new(ErrorKind::Corrupt, "the inventory is missing, and there was one")
        .help("put the whole state back from one backup; nothing is written until then")
}

/// Whether there are parts of an inventory, which are never written before it: the only one, or the first of sixteen, which has nearly
/// certainly something in it. One that began with more than 2,048 objects is not known by them.
async fn has_parts(cx: &Cx, store: &dyn StateStore) -> Result<bool> {
    for shard in ["all", "0"] {
        for slot in [Slot::A, Slot::B] {
            if store.load(cx, &slot.document(&shard.into())).await?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether the journal has nothing to say about a shared inventory: there is none, or it is of another lineage, and
/// an engine of a higher epoch took over since it was written.
async fn is_superseded(io: &Reader, loaded: &Loaded) -> bool {
    let (lineage, epoch) = (loaded.anchor.lineage, loaded.epoch);
    let found = io.read(move |io| {
        Ok(match io.read() {
            Ok(None) => true,
            Ok(Some(bytes)) => {
                Journal::end_of(&bytes).is_ok_and(|end| end.lineage != lineage && end.epoch < epoch)
            }
            Err(_) => false,
        })
    });
    found.await.unwrap_or(false)
}

/// Nothing was made yet, so nothing can be forgotten.
fn holds_nothing(loaded: &Loaded) -> bool {
    loaded.inventory.entries().is_empty()
        && loaded.inventory.open().next().is_none()
        && loaded.planned.is_empty()
}

/// What the last checkpoint says, with all that its reconciliation may have made as begun.
fn recovered(loaded: Loaded) -> Inventory {
    let mut inventory = loaded.inventory;
    loaded.planned.into_iter().for_each(|intent| inventory.take_in(&Record::Intent(intent)));
    inventory
}

fn without_journal(error: &Error) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("the store has an inventory, and this machine has not its journal: {}", error.message()),
    )
    .help(
        "if this machine lost its disk, or another one was at work since, let the engine recover from the store; \
         what the last pass may have made is then looked up before anything else is done",
    )
}
