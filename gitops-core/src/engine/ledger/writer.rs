//! The journal at work: where its storage waits for a disk, it is written where it holds up no other task.
//!
//! A write whose caller goes away still ends. The journal is away with it until then, and whoever needs it next waits for it
//! and takes in what it wrote: see [`Ledger::landed`].

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::read::Found;
use super::reader::Reader;
use super::{Ledger, lost};
use crate::state::journal::{Journal, JournalIo};
use crate::state::record::Record;
use crate::value::{Error, ErrorKind, Result};

/// The journal, before and after this engine took over.
pub(super) enum Writer {
    /// It was read; nobody says that no other engine writes it.
    Read(Reader, Found),
    /// It can be written, and does not say yet that this engine does.
    Opened(Journal),
    /// It is ours to write.
    Taken(Journal),
    /// It is being written.
    Away(Away),
    /// Taking over failed halfway, or the state could not be written.
    Lost,
}

/// A write that is under way.
pub(super) struct Away {
    task: JoinHandle<Landed>,
    write: Write,
}

/// What a write is for.
pub(super) enum Write {
    /// To open a journal that was read, or to begin one.
    Open,
    /// This engine is the one that writes, in this epoch.
    Epoch(u64),
    Records(Arc<[Record]>),
    Anchor,
    Fold,
}

/// What came of a write.
pub(super) struct Landed {
    /// Nothing if nobody knows what is on the disk.
    journal: Option<Journal>,
    outcome: Result<()>,
}

impl Landed {
    /// After what leaves the journal as it was if it fails.
    pub fn keeping(journal: Journal, outcome: Result<()>) -> Self {
        Self { journal: Some(journal), outcome }
    }

    /// After what leaves nobody to know what is on the disk if it fails.
    pub fn whole(journal: Journal, outcome: Result<()>) -> Self {
        Self { journal: outcome.is_ok().then_some(journal), outcome }
    }

    /// After a journal was opened.
    fn opened(opened: Result<Journal>) -> Self {
        match opened {
            Ok(journal) => Self { journal: Some(journal), outcome: Ok(()) },
            Err(error) => Self { journal: None, outcome: Err(error) },
        }
    }
}

impl Ledger {
    /// Waits for a write whose caller went away, and takes in what it wrote. Costs nothing if there is none.
    ///
    /// # Errors
    /// What came of that write, once.
    ///
    /// # Cancel safety
    /// The next call goes on waiting.
    pub async fn landed(&mut self) -> Result<()> {
        let Writer::Away(Away { task, .. }) = &mut self.journal else { return Ok(()) };
        let ended = task.await;
        // Nothing is awaited from here on: it is taken in as a whole or not at all.
        let Writer::Away(Away { write, .. }) = std::mem::replace(&mut self.journal, Writer::Lost) else {
            return Err(lost());
        };
        match ended {
            Ok(landed) => self.land(write, landed),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => {
                    let message = "the runtime went down while the state was written";
                    Err(Error::new(ErrorKind::Cancelled, message).because(error).outcome_unknown())
                }
            },
        }
    }

    /// Writes to the journal that is ours.
    pub(super) async fn write(
        &mut self,
        write: Write,
        work: impl FnOnce(Journal) -> Landed + Send + 'static,
    ) -> Result<()> {
        match std::mem::replace(&mut self.journal, Writer::Lost) {
            Writer::Opened(journal) | Writer::Taken(journal) => {
                self.send(journal.waits(), write, move || work(journal)).await
            }
            _ => Err(lost()),
        }
    }

    /// Opens the journal that was read, or begins it.
    pub(super) async fn open_journal(
        &mut self,
        work: impl FnOnce(Box<dyn JournalIo>) -> Result<Journal> + Send + 'static,
    ) -> Result<()> {
        let Writer::Read(reader, _) = &self.journal else { return Err(lost()) };
        let io = reader.take().await?;
        self.send(io.waits(), Write::Open, move || Landed::opened(work(io))).await
    }

    /// A storage that does not wait is written at once: a simulated world then goes the same way each time.
    async fn send(
        &mut self,
        waits: bool,
        write: Write,
        work: impl FnOnce() -> Landed + Send + 'static,
    ) -> Result<()> {
        if !waits {
            return self.land(write, work());
        }
        self.journal = Writer::Away(Away { task: self.under_way.spawn(work), write });
        self.landed().await
    }

    fn land(&mut self, write: Write, Landed { journal, outcome }: Landed) -> Result<()> {
        self.journal = match (journal, &write) {
            (None, _) => Writer::Lost,
            (Some(journal), Write::Open) => Writer::Opened(journal),
            (Some(journal), _) => Writer::Taken(journal),
        };
        match (&outcome, write) {
            (Err(_), _) => self.stopped = true,
            (Ok(()), Write::Open | Write::Anchor) => {}
            (Ok(()), Write::Epoch(epoch)) => self.epoch = epoch,
            (Ok(()), Write::Fold) => self.folds += 1,
            (Ok(()), Write::Records(records)) => {
                records.iter().for_each(|record| self.inventory.take_in(record));
                self.behind |= self.store.is_shared();
            }
        }
        outcome
    }
}
