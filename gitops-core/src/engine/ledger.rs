use std::any::Any;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use super::Engine;
use crate::audit::{AuditEntry, AuditEvent, AuditSink};
use crate::inventory::{Inventory, StoredInventory};
use crate::journal::{Anchor, Journal, JournalIo, Lineage, Record};
use crate::store::{Document, StateStore, Stored};
use crate::value::Version;
use crate::{Cx, Error, ErrorKind, Result};

const INVENTORY: &str = "inventory";

/// The journal is folded into a new inventory document once it is larger than this and than the document.
const COMPACT_AT: u64 = 4 << 20;

/// Where an engine keeps what it must not forget: documents, a journal and an audit log.
///
/// [`StateDir`](crate::StateDir) has all three in a folder.
pub struct State {
    /// Keeps the inventory's document and the pin.
    pub store: Arc<dyn StateStore>,
    /// Keeps the journal.
    pub journal: Box<dyn JournalIo>,
    /// Is told of every change before it is sent and after it was answered.
    pub audit: Arc<dyn AuditSink>,
    /// Whatever must live as long as the engine does: a lock.
    pub guard: Option<Arc<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

/// The inventory and the ways to change it durably.
pub(super) struct Ledger {
    store: Arc<dyn StateStore>,
    audit: Arc<dyn AuditSink>,
    journal: Writer,
    inventory: Inventory,
    /// The version of the inventory's document, to be named by the next swap.
    version: Option<Version>,
    document_bytes: u64,
    epoch: u64,
    ops: u64,
    _guard: Option<Arc<dyn Any + Send + Sync>>,
}

/// The journal, before and after this engine took over.
enum Writer {
    /// It was read, up to this point if there is one; nobody says that no other engine writes it.
    Read(Box<dyn JournalIo>, Option<Anchor>),
    /// It is ours to write.
    Taken(Journal),
    /// Taking over failed halfway.
    Lost,
}

/// The stored form of the inventory.
#[derive(Serialize, Deserialize)]
struct InventoryDocument {
    anchor: Anchor,
    inventory: StoredInventory,
}

impl Ledger {
    /// Reads what is there; writes nothing.
    pub async fn open(cx: &Cx, application: &str, state: State) -> Result<Self> {
        let State { store, journal: mut io, audit, guard } = state;
        let Read { document, version, epoch, anchor, records } = read(cx, &*store, &mut *io).await?;
        let document_bytes = document.as_ref().map_or(0, |(_, bytes)| *bytes);
        let inventory = document.map(|(document, _)| Inventory::from_stored(document.inventory));
        let owner = || format_smolstr!("{application}/{:032x}", cx.random());
        let mut ledger = Self {
            store,
            audit,
            journal: Writer::Read(io, anchor),
            inventory: inventory.unwrap_or_else(|| Inventory::new(owner())),
            version,
            document_bytes,
            epoch,
            ops: 0,
            _guard: guard,
        };
        records.iter().for_each(|record| ledger.inventory.take_in(record));
        Ok(ledger)
    }

    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    pub fn store(&self) -> &Arc<dyn StateStore> {
        &self.store
    }

    /// Whether the journal could not be written: nothing may be sent any more.
    pub fn is_lost(&self) -> bool {
        matches!(self.journal, Writer::Lost)
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The name of the next operation; never given twice within an inventory.
    pub fn next_op(&mut self) -> SmolStr {
        self.ops += 1;
        format_smolstr!("{}.{}.{}", self.inventory.owner(), self.epoch, self.ops)
    }

    /// Makes this engine the one that writes: a higher epoch is durable before anything else is.
    pub async fn take_over(&mut self, cx: &Cx) -> Result<()> {
        let (io, read) = match std::mem::replace(&mut self.journal, Writer::Lost) {
            Writer::Taken(journal) => {
                self.journal = Writer::Taken(journal);
                return Ok(());
            }
            Writer::Read(io, read) => (io, read),
            Writer::Lost => return Err(lost()),
        };
        let mut journal = match &read {
            None => Journal::init(io, Lineage::new(cx.random_bytes()), self.epoch)?,
            Some(read) => {
                Journal::open(io, Some(read)).and_then(|(journal, newer)| match newer.is_empty() {
                    true => Ok(journal),
                    false => {
                        Err(Error::new(ErrorKind::Conflict, "another engine wrote the journal in between")
                            .help("start again: what it did is taken in first"))
                    }
                })?
            }
        };
        if self.version.is_none() {
            self.write_document(cx, &journal).await?;
        }
        journal.set_epoch(self.epoch + 1)?;
        self.epoch += 1;
        self.journal = Writer::Taken(journal);
        Ok(())
    }

    /// Makes records durable as one group, and only then takes them in.
    pub fn commit(&mut self, records: &[Record]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let Writer::Taken(journal) = &mut self.journal else { return Err(lost()) };
        if let Err(error) = journal.append(records) {
            self.journal = Writer::Lost;
            return Err(error);
        }
        records.iter().for_each(|record| self.inventory.take_in(record));
        Ok(())
    }

    /// Folds a journal that has grown large into a new document. The old journal goes only after the document is
    /// durable.
    pub async fn compact_if_due(&mut self, cx: &Cx) -> Result<()> {
        let Writer::Taken(journal) = &self.journal else { return Ok(()) };
        if journal.bytes() < COMPACT_AT.max(self.document_bytes) {
            return Ok(());
        }
        let Writer::Taken(mut journal) = std::mem::replace(&mut self.journal, Writer::Lost) else {
            return Err(lost());
        };
        self.write_document(cx, &journal).await?;
        journal.compact(&journal.anchor())?;
        self.journal = Writer::Taken(journal);
        Ok(())
    }

    async fn write_document(&mut self, cx: &Cx, journal: &Journal) -> Result<()> {
        let document = InventoryDocument { anchor: journal.anchor(), inventory: self.inventory.stored() };
        let bytes = serde_json::to_vec(&document)?;
        self.document_bytes = bytes.len() as u64;
        let document = Document { epoch: self.epoch, bytes };
        self.version = Some(self.store.swap(cx, INVENTORY, self.version.as_ref(), document).await?);
        Ok(())
    }
}

/// What was read of a state.
struct Read {
    document: Option<(InventoryDocument, u64)>,
    version: Option<Version>,
    epoch: u64,
    /// The journal's end, if there is one.
    anchor: Option<Anchor>,
    /// Its records after the document's anchor.
    records: Vec<Record>,
}

/// How often a state is read that another engine compacts meanwhile.
const READS: usize = 3;

/// Reads document and journal. Who only looks has no lock: if the document moved while the journal was read, the two
/// do not belong together, and are read again.
async fn read(cx: &Cx, store: &dyn StateStore, io: &mut dyn JournalIo) -> Result<Read> {
    let mut reads = 1;
    loop {
        let stored = store.load(cx, INVENTORY).await?;
        let version = stored.as_ref().map(|stored| stored.version.clone());
        match read_once(io, stored) {
            Err(error) if reads < READS && error.kind() == ErrorKind::Corrupt => {
                let now = store.load(cx, INVENTORY).await?.map(|stored| stored.version);
                if now == version {
                    return Err(error);
                }
                reads += 1;
            }
            read => return read,
        }
    }
}

fn read_once(io: &mut dyn JournalIo, stored: Option<Stored>) -> Result<Read> {
    let (document, version, epoch) = match stored {
        None => (None, None, 0),
        Some(stored) => {
            let document: InventoryDocument = serde_json::from_slice(&stored.document.bytes)
                .map_err(|error| Error::from(error).with("document", INVENTORY))?;
            let bytes = stored.document.bytes.len() as u64;
            (Some((document, bytes)), Some(stored.version), stored.document.epoch)
        }
    };
    let (anchor, records) = read_journal(io, document.as_ref().map(|(document, _)| &document.anchor))?;
    let epoch = records.iter().fold(epoch, |epoch, record| match record {
        Record::Epoch { epoch: taken } => epoch.max(*taken),
        _ => epoch,
    });
    Ok(Read { document, version, epoch, anchor, records })
}

/// Reads a journal that may not be there. One without an inventory is one whose beginning was cut short: it holds
/// nothing.
fn read_journal(io: &mut dyn JournalIo, anchor: Option<&Anchor>) -> Result<(Option<Anchor>, Vec<Record>)> {
    if anchor.is_none() && io.read()?.is_none() {
        return Ok((None, Vec::new()));
    }
    let (end, records) = Journal::read(io, anchor)?;
    if anchor.is_none() && !records.is_empty() {
        return Err(Error::new(ErrorKind::Corrupt, "the inventory is missing, and there was one")
            .help("restore the state folder from a backup; nothing is written until then"));
    }
    Ok((Some(end), records))
}

fn lost() -> Error {
    Error::new(ErrorKind::Storage, "the state could not be written; nothing more is done with it")
        .help("mend the storage and start again: what was begun is looked up first")
}

impl Engine {
    /// Records what happens; an engine that can't record stops.
    pub(super) async fn audit(&self, cx: &Cx, actor: &str, events: Vec<AuditEvent>) -> Result<()> {
        let entry = |what| AuditEntry {
            time: cx.now(),
            application: self.name.clone(),
            actor: actor.to_owned(),
            what,
        };
        let entries: Vec<AuditEntry> = events.into_iter().map(entry).collect();
        self.ledger.audit.record(cx, &entries).await.map_err(|error| error.during("audit"))
    }
}
