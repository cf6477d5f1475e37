//! What the engine must not forget, and the ways to change it durably.

mod catch_up;
mod checkpoints;
mod documents;
mod head;
mod read;
mod reader;
mod state;
mod take_over;
mod writer;
mod written;

#[cfg(feature = "simulate")]
pub(crate) use read::stored;
pub(crate) use read::{KeptInventory, look};
pub use state::State;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use smol_str::{SmolStr, format_smolstr};

use super::{Engine, tamper};
use crate::cx::{Cx, Time};
use crate::process::under_way::UnderWay;
use crate::state::audit::{AuditEntry, AuditEvent, AuditSink};
use crate::state::inventory::Inventory;
use crate::state::journal::{Anchor, Journal};
use crate::state::record::{Intent, Record};
use crate::state::store::StateStore;
use crate::value::{Error, ErrorKind, Result};
use catch_up::{Looking, Stood};
use checkpoints::{Checkpoints, Snapshot};
use read::{Found, Read, read};
use reader::Reader;
use writer::{Landed, Write, Writer};

/// The journal is folded into new documents once it is larger than this and than the documents.
pub(super) const FOLD_AT: u64 = 4 << 20;

/// How many frames are written before the journal's anchor is renewed in the middle of a reconciliation.
const FRAMES_AN_ANCHOR: u64 = 256;

/// How much room is kept for what is recorded once at the end of a reconciliation.
const ROOM_AT_THE_END: u64 = 32 << 10;

/// How many changes are sent before a shared store is asked again whether another engine took over.
const CHANGES_A_CHECK: usize = 50;

/// How old its last answer may be when changes are sent.
const CHECK_LASTS: Duration = Duration::from_secs(10);

/// The inventory and the ways to change it durably.
pub(super) struct Ledger {
    store: Arc<dyn StateStore>,
    audit: Arc<dyn AuditSink>,
    journal: Writer,
    inventory: Inventory,
    checkpoints: Checkpoints,
    /// The journal is folded once it is larger than this and than the documents.
    fold_at: u64,
    /// Whether the inventory goes on from what an earlier process kept.
    goes_on: bool,
    /// How it was read, for who looks on.
    looking: Looking,
    /// How often the journal was folded: what was kept before that does not lie on it any more.
    folds: usize,
    /// The shared store does not know yet all that the journal does.
    behind: bool,
    /// The storage failed: no change is sent any more. What came of those under way may still be recorded.
    stopped: bool,
    /// When the shared store was last asked, and how many changes were sent since.
    checked: Time,
    unchecked: usize,
    epoch: u64,
    ops: u64,
    under_way: UnderWay,
    guard: Option<Arc<dyn Any + Send + Sync>>,
}

/// How a state is opened.
pub(super) struct Opening<'a> {
    /// Whether an engine may go on from a shared store alone.
    pub recover: bool,
    pub fold_at: u64,
    /// What an earlier process kept of the inventory.
    pub kept: Option<&'a KeptInventory>,
}

impl Ledger {
    /// Reads what is there; writes nothing.
    pub async fn open(
        cx: &Cx,
        application: &str,
        state: State,
        Opening { recover, fold_at, kept }: Opening<'_>,
    ) -> Result<Self> {
        let State { store, journal: io, audit, under_way, guard } = state;
        let io = Reader::new(io);
        let stood = Stood::of(&io).await;
        let Read { checkpoints, inventory, epoch, journal, goes_on, index } =
            read(cx, &store, &io, recover, kept).await?.beside(&*audit);
        let owner = || format_smolstr!("{application}/{:032x}", cx.random());
        Ok(Self {
            store,
            audit,
            journal: Writer::Read(io, journal),
            inventory: inventory.unwrap_or_else(|| Inventory::new(owner())),
            checkpoints,
            fold_at,
            goes_on,
            looking: Looking { recovers: recover, stood, index },
            folds: 0,
            behind: false,
            stopped: false,
            checked: Time::default(),
            unchecked: 0,
            epoch,
            ops: 0,
            under_way,
            guard,
        })
    }

    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    pub fn store(&self) -> &Arc<dyn StateStore> {
        &self.store
    }

    /// Whether the state could not be written, or another engine took over: nothing may be sent any more.
    pub fn is_lost(&self) -> bool {
        self.stopped || matches!(self.journal, Writer::Lost)
    }

    /// Whether nobody else can be at work on the state: it is locked, on this machine alone.
    pub fn is_exclusive(&self) -> bool {
        self.is_locked() && !self.store.is_shared()
    }

    /// Whether something is let go of with the state.
    pub fn is_locked(&self) -> bool {
        self.guard.is_some()
    }

    /// Whether a shared store waits for what came of the last reconciliation, or for this engine to depose the one of which
    /// something is open.
    pub fn is_behind(&self) -> bool {
        self.behind || (self.is_recovered_from_store() && self.inventory.open().next().is_some())
    }

    /// Whether the inventory was taken from a shared store because its journal is gone, and no engine wrote since.
    pub fn is_recovered_from_store(&self) -> bool {
        matches!(self.journal, Writer::Read(_, Found::Superseded))
    }

    /// Whether this engine did not take over yet.
    pub fn has_only_read(&self) -> bool {
        matches!(self.journal, Writer::Read(..) | Writer::Opened(_))
    }

    /// Whether the inventory goes on from what an earlier process kept.
    pub fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// How often the journal was folded since it was opened.
    pub fn folds(&self) -> usize {
        self.folds
    }

    /// The position of the journal up to which the inventory has taken it in; nothing where the store is shared, or the
    /// journal is not there.
    pub fn anchor(&self) -> Option<Anchor> {
        match &self.journal {
            _ if self.store.is_shared() => None,
            Writer::Opened(journal) | Writer::Taken(journal) => Some(journal.anchor()),
            Writer::Read(_, found) => found.anchor().cloned(),
            Writer::Away(_) | Writer::Lost => None,
        }
    }

    /// The writes that the state's lock waits for.
    pub fn under_way(&self) -> &UnderWay {
        &self.under_way
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The name of the next operation; never given twice within an inventory.
    pub fn next_op(&mut self) -> SmolStr {
        self.ops += 1;
        format_smolstr!("{}.{}.{}", self.inventory.owner(), self.epoch, self.ops)
    }

    /// Makes records durable as one group, and only then takes them in.
    ///
    /// # Cancel safety
    /// A dropped call that has begun to write goes on by itself; the next call of the ledger takes in what it wrote.
    pub async fn commit(&mut self, records: &[Record]) -> Result<()> {
        self.landed().await?;
        if records.is_empty() {
            return Ok(());
        }
        let room = self.room_for_outcomes(records);
        if !matches!(self.journal, Writer::Taken(_)) || room > 0 && self.stopped {
            return Err(lost());
        }
        let records: Arc<[Record]> = records.into();
        let written = records.clone();
        let append = move |mut journal: Journal| {
            let prepared = prepare_for_changes(&mut journal, room);
            if prepared.is_err() {
                return Landed::keeping(journal, prepared);
            }
            let appended = journal.append(&written);
            Landed::whole(journal, appended)
        };
        self.write(Write::Records(records), append).await
    }

    /// How much room these intents and the outcomes of all that are open may need; none if no change is about to be
    /// sent.
    fn room_for_outcomes(&self, records: &[Record]) -> u64 {
        let new = || {
            records.iter().filter_map(|record| match record {
                Record::Intent(intent) => Some(intent),
                _ => None,
            })
        };
        match new().next() {
            None => 0,
            Some(_) => new().chain(self.inventory.open()).map(Intent::room).sum(),
        }
    }

    /// Before the first change of a reconciliation, with a shared store: it learns what the reconciliation may make, and says whether another
    /// engine took over.
    pub async fn announce(&mut self, cx: &Cx, planned: &[Intent]) -> Result<()> {
        self.checkpoint(cx, planned).await
    }

    /// Before changes are sent: asks a shared store whether another engine took over, every so many changes, after
    /// so much time and before each deletion.
    pub async fn check_epoch(&mut self, cx: &Cx, changes: usize, deletes: bool) -> Result<()> {
        let now = cx.now();
        self.unchecked += changes;
        let is_fresh = (self.checked..self.checked.after(CHECK_LASTS)).contains(&now);
        if !self.store.is_shared() || (is_fresh && !deletes && self.unchecked < CHANGES_A_CHECK) {
            return Ok(());
        }
        let checked = self.checkpoints.check(cx).await;
        self.lose_if_deposed(&checked);
        (self.checked, self.unchecked) = (now, changes);
        checked
    }

    /// After a reconciliation: the anchor is brought to the journal's end, and a shared store learns what came of it.
    pub async fn end_sync(&mut self, cx: &Cx) -> Result<()> {
        self.landed().await?;
        if let Writer::Taken(_) = &self.journal {
            let keep = |mut journal: Journal| {
                let kept = journal.keep_anchor();
                Landed::keeping(journal, kept)
            };
            self.write(Write::Anchor, keep).await?;
        }
        match self.behind {
            true => self.checkpoint(cx, &[]).await,
            false => Ok(()),
        }
    }

    /// Folds a journal that has grown large into the documents. The old journal goes only after they are durable.
    pub async fn compact_if_due(&mut self, cx: &Cx) -> Result<()> {
        self.landed().await?;
        let Writer::Taken(journal) = &self.journal else { return Ok(()) };
        let bytes = journal.bytes();
        if bytes < self.fold_at || bytes < self.checkpoints.bytes()? {
            return Ok(());
        }
        self.checkpoint(cx, &[]).await?;
        let fold = |mut journal: Journal| {
            let folded = journal.compact(&journal.anchor());
            Landed::whole(journal, folded)
        };
        self.write(Write::Fold, fold).await
    }

    async fn checkpoint(&mut self, cx: &Cx, planned: &[Intent]) -> Result<()> {
        self.landed().await?;
        let Writer::Taken(journal) = &self.journal else { return Err(lost()) };
        let inventory = &tamper::folded(cx, &self.inventory);
        let (anchor, epoch, now) = (journal.anchor(), self.epoch, cx.now());
        let written = self.checkpoints.write(cx, &Snapshot { inventory, planned, anchor, epoch }).await;
        self.lose_if_deposed(&written);
        self.stopped |= written.is_err() && !self.store.is_shared();
        written?;
        (self.behind, self.checked, self.unchecked) = (!planned.is_empty(), now, 0);
        Ok(())
    }

    fn lose_if_deposed(&mut self, result: &Result<()>) {
        if result.as_ref().is_err_and(Error::is_conflict) {
            self.journal = Writer::Lost;
        }
    }
}

/// A full disk is found here, before anything is sent. Nothing is to be prepared if no change is about to be sent.
fn prepare_for_changes(journal: &mut Journal, room: u64) -> Result<()> {
    if room == 0 {
        return Ok(());
    }
    if journal.since_anchor() >= FRAMES_AN_ANCHOR {
        journal.keep_anchor()?;
    }
    journal.reserve(room + ROOM_AT_THE_END)
}

/// What was kept of an inventory is damaged, and has been in use.
pub(super) fn unreadable() -> Error {
    Error::new(ErrorKind::Corrupt, "what the last plan kept of the inventory is damaged")
        .help("do it again: the inventory itself is read then")
        .of_state()
}

fn lost() -> Error {
    Error::new(ErrorKind::Storage, "the state could not be written; nothing more is done with it")
        .help("mend the storage and start again: what was begun is looked up first")
}

impl Engine {
    /// Makes this engine the one that writes; that an inventory was taken from the store alone is recorded first.
    pub(super) async fn take_over(&mut self, cx: &Cx, actor: &str) -> Result<()> {
        let is_first = self.ledger.has_only_read();
        if let Some(position) = self.inventory().audited().filter(|_| is_first && !self.grant.audit_is_lost) {
            self.ledger.audit.holds(cx, position).await.map_err(|error| error.during("audit").of_state())?;
        }
        // Only a log that is the one of before goes on.
        if self.ledger.is_recovered_from_store() {
            let (owned, open) = (self.inventory().entries().len(), self.inventory().open().count());
            self.audit(cx, actor, vec![AuditEvent::RecoveredFromStore { owned, open }]).await?;
        }
        self.ledger.take_over(cx).await.inspect_err(|_| self.remove_if_damaged())
    }

    /// How far the audit log has come, for the journal.
    pub(super) async fn audited(&self) -> Option<Record> {
        let position = self.ledger.audit.position().await?;
        (self.inventory().audited() != Some(&position)).then_some(Record::Audited { position })
    }

    /// Begins with a new audit log where the old one is lost: it says so, and the journal goes by the new one from now on.
    ///
    /// # Errors
    /// Whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn restart_audit(&mut self, cx: &Cx, by: &str) -> Result<()> {
        let known = self.inventory().audited().map_or(0, |position| position.entries);
        self.grant.audit_is_lost = true;
        self.audit(cx, by, vec![AuditEvent::AuditRestarted { known }]).await?;
        self.take_over(cx, by).await?;
        let record = self.audited().await;
        self.ledger.commit(record.as_slice()).await?;
        self.ledger.end_sync(cx).await
    }

    /// Records what happens; an engine that can't record stops.
    pub(super) async fn audit(&self, cx: &Cx, actor: &str, events: Vec<AuditEvent>) -> Result<()> {
        let entries: Vec<AuditEntry> =
            events.into_iter().map(|what| self.audit_entry(cx, actor, what)).collect();
        self.record(cx, &entries).await
    }

    pub(super) fn audit_entry(&self, cx: &Cx, actor: &str, what: AuditEvent) -> AuditEntry {
        AuditEntry { time: cx.now(), application: self.name.clone(), actor: actor.to_owned(), what }
    }

    /// The same for entries that were made already.
    pub(super) async fn record(&self, cx: &Cx, entries: &[AuditEntry]) -> Result<()> {
        self.ledger.audit.record(cx, entries).await.map_err(|error| error.during("audit"))
    }
}
