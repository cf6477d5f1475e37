//! An audit log beside the other documents of an application.

mod page;
mod reading;

pub use reading::StoreAuditLog;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::entry::{AuditEntry, AuditRecord};
use super::line::broken;
use super::verify::AuditReport;
use super::{AuditLog, AuditSink};
use crate::cx::Cx;
use crate::state::record::AuditPosition;
use crate::state::store::StateStore;
use crate::value::{Error, ErrorKind, Result, Version};
use page::Page;

/// How many pages there are; then the oldest one is written over.
const PAGES: u64 = 256;

/// How often a write is tried that met another writer's.
const TRIES: usize = 8;

/// An audit log in a [`StateStore`]: where an engine has no disk that outlives it.
///
/// Entries are lines as those of a [`FileAudit`](crate::FileAudit), each with the hash of the one before: a changed, missing,
/// moved or doubled one breaks the chain. They lie in documents `audit-000` to `audit-255` of at most 64 KiB each, written in
/// turn: the newest 16 MiB are kept, which is some 40,000 entries, and what is older is written over. Whoever must keep it
/// longer copies it: [`records`](Self::records) gives all that is there.
///
/// Several may write one log, each entry is in it once. The engine notes in its inventory how far the log had come, so that one which
/// was cut short is found. Somebody who may write the store can forge both: note [`AuditReport::hash`] elsewhere where that
/// matters.
///
/// ```
/// # use std::sync::Arc;
/// # use gitops_core::*;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (cx, store) = (Cx::system(), Arc::new(MemoryStore::new()));
/// let audit = StoreAudit::open(&cx, store).await?;
/// assert_eq!(audit.verify(&cx).await?.entries, 0);
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct StoreAudit {
    store: Arc<dyn StateStore>,
    /// The newest page as it was last seen.
    head: Arc<Mutex<Page>>,
}

impl std::fmt::Debug for StoreAudit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreAudit")
    }
}

fn name(number: u64) -> String {
    format!("audit-{:03}", number % PAGES)
}

impl StoreAudit {
    /// Opens the log of a store, or begins one with the first entry. Reads at most ten documents.
    ///
    /// # Errors
    /// `Corrupt` if its newest page is not as it was written; whatever the store gives.
    pub async fn open(cx: &Cx, store: Arc<dyn StateStore>) -> Result<Self> {
        let head = newest(cx, &*store).await?;
        Ok(Self { store, head: Arc::new(Mutex::new(head)) })
    }

    /// All entries that are there, the oldest first.
    ///
    /// # Errors
    /// `Corrupt` if they do not follow one another; whatever the store gives.
    pub async fn records(&self, cx: &Cx) -> Result<Vec<AuditRecord>> {
        self.log().newest(cx, usize::MAX).await
    }

    /// Checks every entry that is there.
    ///
    /// # Errors
    /// As [`records`](Self::records).
    pub async fn verify(&self, cx: &Cx) -> Result<AuditReport> {
        self.log().verify(cx).await
    }

    /// The same log, to be read.
    pub fn log(&self) -> StoreAuditLog {
        StoreAuditLog::new(Arc::clone(&self.store), "the store")
    }

    /// Writes the first of the entries, as many as there is room for, and gives their number: none if a page is full now.
    async fn write(&self, cx: &Cx, head: &mut Page, entries: &[AuditEntry]) -> Result<usize> {
        for _ in 0..TRIES {
            // A page is marked as full before the next one begins: else that could begin before the end of what another
            // writer still adds.
            let (mut page, taken) = match head.is_full {
                false => head.with(entries)?,
                true => head.next(self.version_at(cx, head.number + 1).await?).with(entries)?,
            };
            let (name, document) = (name(page.number), page.document()?);
            match self.store.swap(cx, &name, page.version.as_ref(), document).await {
                Ok(version) => {
                    page.version = Some(version);
                    *head = page;
                    return Ok(taken);
                }
                Err(error) if error.is_conflict() || error.is_unknown() => {
                    // Somebody else wrote, or we did and were not told.
                    let (ours, found) = (page.end.hash, self.follow(cx, head).await?);
                    *head = found.last().cloned().unwrap_or_else(Page::first);
                    if taken > 0 && found.iter().any(|page| page.has(&ours)) {
                        return Ok(taken);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::Conflict, "others write the audit log all the time").with("tries", TRIES))
    }

    async fn version_at(&self, cx: &Cx, number: u64) -> Result<Option<Version>> {
        Ok(self.store.load(cx, &name(number)).await?.map(|stored| stored.version))
    }

    /// The page that was the newest as it is now, and those that came after it.
    async fn follow(&self, cx: &Cx, head: &Page) -> Result<Vec<Page>> {
        let mut pages: Vec<Page> = Vec::new();
        for number in head.number.. {
            match load(cx, &*self.store, number).await? {
                Some(page) if page.number == number => {
                    let follows =
                        pages.last().map_or(page.start == head.start, |before| before.end == page.start);
                    if !follows {
                        return Err(does_not_follow(number));
                    }
                    pages.push(page);
                }
                _ => break,
            }
        }
        match pages.is_empty() && !head.is_empty() {
            true => Err(missing(head.number)),
            false => Ok(pages),
        }
    }
}

async fn load(cx: &Cx, store: &dyn StateStore, number: u64) -> Result<Option<Page>> {
    match store.load(cx, &name(number)).await? {
        Some(stored) => Page::read(&stored).map(Some).map_err(|error| at(error, number)),
        None => Ok(None),
    }
}

fn does_not_follow(number: u64) -> Error {
    at(broken("a page of it does not follow the one before it"), number)
}

fn missing(number: u64) -> Error {
    at(broken("a page of it is missing or was changed"), number)
}

/// Names a page, and the document in which it is.
fn at(error: Error, number: u64) -> Error {
    error.with("page", number).with("document", name(number))
}

/// The newest page; an empty one where there is none. What was written in turn is found by halving.
async fn newest(cx: &Cx, store: &dyn StateStore) -> Result<Page> {
    let Some(first) = load(cx, store, 0).await? else {
        // The second page is never there without the first.
        return match load(cx, store, 1).await? {
            Some(_) => Err(missing(0)),
            None => Ok(Page::first()),
        };
    };
    let (mut head, mut above) = (first, PAGES);
    let begin = head.number;
    while head.number + 1 < begin + above {
        let middle = head.number + (begin + above - head.number) / 2;
        match load(cx, store, middle).await? {
            Some(page) if page.number == middle => head = page,
            _ => above = middle - begin,
        }
    }
    Ok(head)
}

#[async_trait]
impl AuditSink for StoreAudit {
    /// # Cancel safety
    /// A dropped call has recorded the first ones of the entries, perhaps none, perhaps all.
    async fn record(&self, cx: &Cx, entries: &[AuditEntry]) -> Result<()> {
        let (mut head, mut left) = (self.head.lock().await, entries);
        while !left.is_empty() {
            let taken = self.write(cx, &mut head, left).await?;
            left = &left[taken..];
        }
        Ok(())
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    async fn position(&self) -> Option<AuditPosition> {
        Some(self.head.lock().await.end.clone())
    }

    async fn holds(&self, cx: &Cx, position: &AuditPosition) -> Result<()> {
        self.log().holds(cx, position).await
    }
}
