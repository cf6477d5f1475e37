//! What is remembered of requests across restarts: which commands were carried out, and what came of them.

mod merged;
mod page;
mod shown;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gitops_app::promote::Proposed;
use gitops_core::{Cx, Digest, Document, Error, ErrorKind, Result, StateStore, Time, Version};
use serde::{Deserialize, Serialize};

pub(super) use merged::MergedAs;
pub(super) use page::{Ahead, Entry, Head, InQueue, Outcome, Page, Stage};

/// How old a command may be when it is first seen: an older one is not carried out, so nothing of it has to be remembered.
pub(super) const COMMAND_AGE: Duration = Duration::from_secs(24 * 3600);

/// How many requests are remembered, those first that were touched last.
const PAGES: usize = 2_000;

/// How many bytes the document has at most: a store in a cluster takes 512 KiB.
const BYTES: usize = 400 << 10;

/// How often the document is written again that another process wrote meanwhile.
const TRIES: usize = 16;

/// The document of one repository.
#[derive(Clone)]
pub(super) struct Memory {
    store: Arc<dyn StateStore>,
    document: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Book {
    requests: BTreeMap<u64, Page>,
    /// What is promoted by rule, by the application that gets it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    promotions: BTreeMap<String, Promoting>,
}

/// How far a promotion by rule is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Promoting {
    /// What was proposed.
    #[serde(default)]
    pub proposed: Proposed,
    /// The revision of the other application that was not well, and when it was seen so last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwell: Option<(String, Time)>,
    /// A request that is to be closed, and why, until that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<(u64, String)>,
}

impl Memory {
    /// What is remembered of a repository; `name` tells it from all others.
    pub fn new(store: Arc<dyn StateStore>, name: &str) -> Self {
        let document = format!("forge-{}", &Digest::of(name.as_bytes()).to_string()[..32]);
        Self { store, document }
    }

    /// What is remembered of a request.
    pub async fn page(&self, cx: &Cx, number: u64) -> Result<Page> {
        Ok(self.load(cx).await?.0.requests.remove(&number).unwrap_or_default())
    }

    /// The requests of which a head is remembered that may have something pending, each with the branch that it is to be merged
    /// into, if that is known.
    pub async fn with_heads(&self, cx: &Cx) -> Result<Vec<(u64, Option<String>)>> {
        let pages = self.load(cx).await?.0.requests.into_iter();
        let has_heads = |page: &Page| page.head.is_some() || !page.left.is_empty();
        let base = |page: Page| page.head.map(|head| head.base).filter(|base| !base.is_empty());
        Ok(pages.filter(|(_, page)| has_heads(page)).map(|(number, page)| (number, base(page))).collect())
    }

    /// The request of which it was said last how it is applied of an application before its merge, if that has not ended.
    pub async fn ahead_of(&self, cx: &Cx, application: &str) -> Result<Option<u64>> {
        let is_meant = |ahead: &Ahead| {
            ahead.said.contains_key(application) && ahead.applications.iter().any(|name| name == application)
        };
        let pages = self.load(cx).await?.0.requests.into_iter();
        Ok(pages
            .filter(|(_, page)| page.ahead.as_ref().is_some_and(is_meant))
            .max_by_key(|(_, page)| page.touched)
            .map(|(number, _)| number))
    }

    /// The requests whose merge is not known to be live in an application, each with what it was merged as.
    pub async fn merged_into(&self, cx: &Cx, application: &str) -> Result<Vec<(u64, String)>> {
        let pages = self.load(cx).await?.0.requests.into_iter();
        let waits = |(number, page): (u64, Page)| {
            let merged = page.merged.filter(|merged| merged.waits.contains(application))?;
            Some((number, merged.commit))
        };
        Ok(pages.filter_map(waits).collect())
    }

    /// The requests of which it was said that something of an application waits for an approval.
    pub async fn waiting_in(&self, cx: &Cx, application: &str) -> Result<Vec<u64>> {
        let waits =
            |page: &Page| page.outcomes.get(application).is_some_and(|outcome| outcome.effect.is_some());
        let pages = self.load(cx).await?.0.requests.into_iter();
        Ok(pages.filter(|(_, page)| waits(page)).map(|(number, _)| number).collect())
    }

    /// The requests with an answer that has some words.
    pub async fn with_answer(&self, cx: &Cx, words: &str) -> Result<Vec<u64>> {
        let pages = self.load(cx).await?.0.requests.into_iter();
        Ok(pages.filter(|(_, page)| page.has_said(words)).map(|(number, _)| number).collect())
    }

    /// The requests whose comments are to be looked at although nobody did anything there: some wait to be confirmed, or a process
    /// was stopped before it had answered and shown what it had begun.
    pub async fn unfinished(&self, cx: &Cx) -> Result<Vec<u64>> {
        let pages = self.load(cx).await?.0.requests.into_iter();
        let is_meant = |page: &Page| !page.unconfirmed.is_empty() || page.is_unfinished();
        Ok(pages.filter(|(_, page)| is_meant(page)).map(|(number, _)| number).collect())
    }

    /// What is remembered of the promotion to an application.
    pub async fn promoting(&self, cx: &Cx, application: &str) -> Result<Promoting> {
        Ok(self.load(cx).await?.0.promotions.remove(application).unwrap_or_default())
    }

    /// The same of all applications of which something is remembered.
    pub async fn all_promoting(&self, cx: &Cx) -> Result<BTreeMap<String, Promoting>> {
        Ok(self.load(cx).await?.0.promotions)
    }

    /// Changes what is remembered of a promotion, on the disk before this returns.
    pub async fn promote(&self, cx: &Cx, application: &str, change: impl Fn(&mut Promoting)) -> Result<()> {
        let note = |book: &mut Book| {
            let promoting = book.promotions.entry(application.to_owned()).or_default();
            let before = promoting.clone();
            change(promoting);
            ((), *promoting != before)
        };
        // No request has this number.
        self.write(cx, 0, note).await
    }

    /// Changes what is remembered of a request, on the disk before this returns. Nothing is written where nothing changes.
    pub async fn change<T>(&self, cx: &Cx, number: u64, mut change: impl FnMut(&mut Page) -> T) -> Result<T> {
        let note = |book: &mut Book| {
            let page = book.requests.entry(number).or_default();
            let before = page.clone();
            let changed = change(page);
            page.is_unshown |= page.says_else_than(&before);
            let is_changed = *page != before;
            if is_changed {
                page.touched = cx.now();
                page.prune(cx.now());
            }
            (changed, is_changed)
        };
        self.write(cx, number, note).await
    }

    /// Writes the document again as it is.
    pub async fn write_again(&self, cx: &Cx) -> Result<()> {
        // No request has this number.
        self.write(cx, 0, |_| ((), true)).await
    }

    /// Changes the document; `change` says whether it did. The page of `number` is not forgotten for it.
    async fn write<T>(
        &self,
        cx: &Cx,
        number: u64,
        mut change: impl FnMut(&mut Book) -> (T, bool),
    ) -> Result<T> {
        for _ in 0..TRIES {
            let (mut book, version) = self.load(cx).await?;
            let (changed, is_changed) = change(&mut book);
            if !is_changed {
                return Ok(changed);
            }
            book.prune(number);
            let mut bytes = serde_json::to_vec(&book)?;
            while bytes.len() > BYTES && book.forget_oldest(number) {
                bytes = serde_json::to_vec(&book)?;
            }
            let document = Document { epoch: 0, bytes };
            match self.store.swap(cx, &self.document, version.as_ref(), document).await {
                Err(error) if error.is_conflict() => {}
                written => return written.map(|_| changed),
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "what is remembered of requests is written by others all the time",
        ))
    }

    async fn load(&self, cx: &Cx) -> Result<(Book, Option<Version>)> {
        let Some(stored) = self.store.load(cx, &self.document).await? else {
            return Ok((Book::default(), None));
        };
        let book = serde_json::from_slice(&stored.document.bytes).map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("what is remembered of requests can't be read: {error}"))
                .with("document", &self.document)
                .help(
                    "remove the document: commands of the last day in open requests may be carried out again",
                )
        })?;
        Ok((book, Some(stored.version)))
    }
}

impl Book {
    fn prune(&mut self, but: u64) {
        while self.requests.len() > PAGES && self.forget_oldest(but) {}
    }

    /// Forgets some of the requests that were touched longest ago, those last that are applied before their merge; gives whether there was
    /// one.
    fn forget_oldest(&mut self, but: u64) -> bool {
        let others = self.requests.iter().filter(|(number, _)| **number != but);
        let mut oldest: Vec<(bool, Time, u64)> =
            others.map(|(number, page)| (page.ahead.is_some(), page.touched, *number)).collect();
        oldest.sort_unstable();
        oldest.truncate((oldest.len() / 16).max(1));
        oldest.iter().for_each(|(.., number)| drop(self.requests.remove(number)));
        !oldest.is_empty()
    }
}
