//! Reads the log of a store, page by page.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::AuditLog;
use super::super::entry::AuditRecord;
use super::super::line::broken;
use super::super::verify::AuditReport;
use super::page::Page;
use super::{PAGES, does_not_follow, load, missing, newest};
use crate::cx::Cx;
use crate::state::record::AuditPosition;
use crate::state::store::StateStore;
use crate::value::{Error, ErrorKind, Result};

const RESTART: &str =
    "put the log back from a backup; if it is lost for good, begin a new one: `audit restart --yes`";

/// The log of a [`StoreAudit`](crate::StoreAudit), to be read by whoever can read the store.
///
/// A page is one document: reading the whole log takes about as many loads as there are pages, which are 256 at most, and one page
/// is held at a time.
#[derive(Clone)]
pub struct StoreAuditLog {
    store: Arc<dyn StateStore>,
    place: String,
}

impl std::fmt::Debug for StoreAuditLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreAuditLog").field("place", &self.place).finish_non_exhaustive()
    }
}

impl StoreAuditLog {
    /// The log of a store, be there one or not; `place` says to people where that is.
    pub fn new(store: Arc<dyn StateStore>, place: impl Into<String>) -> Self {
        Self { store, place: place.into() }
    }

    /// Whether the log still holds what it held at a position that was noted elsewhere.
    ///
    /// # Errors
    /// `Corrupt` if it was cut short since, or is another one; whatever the store gives.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn holds(&self, cx: &Cx, position: &AuditPosition) -> Result<()> {
        let mut page = newest(cx, &*self.store).await?;
        if page.end.entries < position.entries {
            let what = format!(
                "it has {} entries, and had {} when the application was written last: its end was cut off",
                page.end.entries, position.entries
            );
            return Err(broken(&what).help(RESTART));
        }
        while page.start.entries > position.entries {
            let before = page.number - 1;
            match load(cx, &*self.store, before).await? {
                Some(found) if found.number == before => page = found,
                // What is older than all that is kept was written over.
                Some(found) if found.number > before && found.number % PAGES == before % PAGES => {
                    return Ok(());
                }
                _ => return Err(missing(before)),
            }
        }
        if page.reaches(position) {
            return Ok(());
        }
        let what = format!("its entry {} is another one than was written", position.entries);
        Err(broken(&what).help(RESTART))
    }

    /// Gives each page that is there, the oldest first.
    async fn walk(&self, cx: &Cx, take: &mut (dyn FnMut(Page) -> Result<()> + Send)) -> Result<()> {
        let head = newest(cx, &*self.store).await?.number;
        let mut number = head.saturating_sub(PAGES - 1);
        let mut before = (number == 0).then(AuditPosition::beginning);
        loop {
            let Some(page) = load(cx, &*self.store, number).await? else {
                return if number > head || head == 0 { Ok(()) } else { Err(missing(number)) };
            };
            if page.number == number {
                if before.as_ref().is_some_and(|before| *before != page.start) {
                    return Err(does_not_follow(number));
                }
                let is_last = !page.is_full;
                if is_last && number < head {
                    return Err(missing(number + 1));
                }
                before = Some(page.end.clone());
                take(page)?;
                if is_last {
                    return Ok(());
                }
            } else if page.number + PAGES == number && number > head {
                // What was here a whole turn ago: nothing was written after the last page.
                return Ok(());
            } else if page.number < number || page.number % PAGES != number % PAGES {
                return Err(missing(number));
            } else if before.is_some() {
                return Err(outrun(number));
            }
            // Else the oldest page was written over since the newest was found.
            number += 1;
        }
    }

    /// The newest pages that have so many entries, the oldest first, each the continuation of the one before.
    async fn newest_pages(&self, cx: &Cx, limit: usize) -> Result<Vec<Page>> {
        let head = newest(cx, &*self.store).await?;
        let last = head.end.entries;
        let mut pages = vec![head];
        loop {
            let later = &pages[pages.len() - 1];
            let is_enough = last - later.start.entries >= limit as u64;
            let Some(number) = later.number.checked_sub(1).filter(|_| !is_enough) else { break };
            match load(cx, &*self.store, number).await? {
                Some(page) if page.number == number && page.end == later.start => pages.push(page),
                // It was written over.
                Some(page) if page.number > number && page.number % PAGES == number % PAGES => break,
                _ => return Err(missing(number)),
            }
        }
        pages.reverse();
        Ok(pages)
    }
}

#[async_trait]
impl AuditLog for StoreAuditLog {
    fn place(&self) -> String {
        self.place.clone()
    }

    async fn each(&self, cx: &Cx, take: &mut (dyn FnMut(AuditRecord) -> Result<()> + Send)) -> Result<()> {
        self.walk(cx, &mut |page| page.records()?.into_iter().try_for_each(&mut *take)).await
    }

    async fn newest(&self, cx: &Cx, limit: usize) -> Result<Vec<AuditRecord>> {
        let pages = self.newest_pages(cx, limit).await?;
        let mut records = pages.iter().map(Page::records).collect::<Result<Vec<_>>>()?.concat();
        records.drain(..records.len().saturating_sub(limit));
        Ok(records)
    }

    async fn verify(&self, cx: &Cx) -> Result<AuditReport> {
        let AuditPosition { entries, hash, .. } = AuditPosition::beginning();
        let (first, last, application) = (None, None, None);
        let mut report = AuditReport { entries, first, last, application, hash, unfinished: false };
        self.walk(cx, &mut |page| {
            for AuditRecord { entry, .. } in page.records()? {
                report.first.get_or_insert(entry.time);
                report.last = Some(entry.time);
                report.application = Some(entry.application);
            }
            (report.entries, report.hash) = (page.end.entries, page.end.hash);
            Ok(())
        })
        .await?;
        Ok(report)
    }
}

fn outrun(number: u64) -> Error {
    Error::new(ErrorKind::Conflict, "the audit log was written over while it was read")
        .with("page", number)
        .help("read it again, or only its newest entries")
}
