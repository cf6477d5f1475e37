//! What is remembered of requests across restarts: which commands were carried out, and what came of them.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gitops_app::promote::Proposed;
use gitops_core::{Cx, Digest, Document, Error, ErrorKind, Result, StateStore, Time, Version};
use serde::{Deserialize, Serialize};

/// How old a command may be when it is first seen: an older one is not carried out, so nothing of it has to be remembered.
pub(super) const COMMAND_AGE: Duration = Duration::from_secs(24 * 3600);

/// How long what was asked is remembered: for longer than it could be taken for new.
const KEPT: Duration = Duration::from_secs(48 * 3600);

/// How many commands of a request are remembered however old they are.
const SHOWN: usize = 10;

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
}

/// What is remembered of one request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Page {
    /// When something of it last changed.
    touched: Time,
    /// Its head, and since when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// The heads that it left, of which it is not known yet that nothing is pending there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// The head that somebody vouches for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched: Option<String>,
    /// What was asked for in comments, in the order in which it was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Entry>,
    /// The comments of which an approval was stored, the latest of them: what it was for may be done before it is answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<String>,
    /// How each application stands after the merge.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outcomes: BTreeMap<String, Outcome>,
    /// What of it is applied before its merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// Its last commit in a merge queue, once one was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_queue: Option<InQueue>,
    /// The applications that it would change, as it was reviewed last.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub changes: BTreeSet<String>,
    /// What it was merged as, as long as that is not known to be live everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<MergedAs>,
    /// The applications whose audit logs are to say who opened, reviewed and merged it; nothing before it was reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concerns: Option<BTreeSet<String>>,
    /// Those that say it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub audited: BTreeSet<String>,
}

/// A commit of a merge queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InQueue {
    pub commit: String,
    /// Why it must not become the branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What a request was merged as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MergedAs {
    pub commit: String,
    /// The applications that it changes and of which it is not known that this is live.
    pub waits: BTreeSet<String>,
}

/// A head that is applied before its merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ahead {
    /// The commit.
    pub head: String,
    /// The branch that it is to be merged into.
    pub base: String,
    /// The applications of which all must be live before it is merged.
    pub applications: Vec<String>,
    /// Who applied it.
    pub by: String,
    /// How each application stands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub said: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub commit: String,
    /// The branch that it is to be merged into; empty where a former version noted it.
    #[serde(default)]
    pub base: String,
    pub since: Time,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The comment, as the forge knows it.
    pub comment: String,
    /// Which of its commands.
    pub nth: usize,
    /// When it was written.
    pub at: Time,
    /// By whom.
    pub by: String,
    /// What, as it is shown.
    pub command: String,
    /// How far it is.
    pub stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub(super) enum Stage {
    /// It may have been carried out.
    Begun,
    /// The next review answers it.
    AwaitsReview,
    /// It was answered.
    Answered { is_done: bool, text: String },
}

/// How an application stands after the merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Whether somebody has to do something.
    pub needs_person: bool,
    pub text: String,
    /// What `/approve` has to name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
}

impl Page {
    pub fn entry(&mut self, comment: &str, nth: usize) -> Option<&mut Entry> {
        self.asked.iter_mut().find(|entry| entry.comment == comment && entry.nth == nth)
    }

    /// The stage of a command that was seen before.
    pub fn stage(&self, comment: &str, nth: usize) -> Option<&Stage> {
        let entry = self.asked.iter().find(|entry| entry.comment == comment && entry.nth == nth);
        entry.map(|entry| &entry.stage)
    }

    /// The commands that the next review answers.
    pub fn awaiting_review(&self) -> impl Iterator<Item = &Entry> {
        self.asked.iter().filter(|entry| entry.stage == Stage::AwaitsReview)
    }

    /// The commands that were answered.
    pub fn answered(&self) -> impl Iterator<Item = &Entry> {
        self.asked.iter().filter(|entry| matches!(entry.stage, Stage::Answered { .. }))
    }

    /// What somebody said was stored as an approval.
    pub fn count(&mut self, places: impl IntoIterator<Item = String>) {
        for place in places {
            if !self.counted.contains(&place) {
                self.counted.push(place);
            }
        }
        let surplus = self.counted.len().saturating_sub(SHOWN);
        self.counted.drain(..surplus);
    }

    /// Whether an approval was stored of what somebody commented.
    pub fn has_counted(&self, comment: &str) -> bool {
        self.counted.iter().any(|place| place.strip_prefix("comment ") == Some(comment))
    }

    /// It would change these applications.
    pub fn change(&mut self, applications: &BTreeSet<String>) {
        self.changes.clone_from(applications);
        self.concerns = Some(applications.clone());
    }

    /// Whether the audit log of an application does not say yet who merged it. What nobody reviewed before its merge may change any.
    pub fn is_unaudited_in(&self, application: &str) -> bool {
        let may_change = self.concerns.as_ref().is_none_or(|concerns| concerns.contains(application));
        may_change && !self.audited.contains(application)
    }

    /// The audit log of an application says it.
    pub fn is_audited_in(&mut self, application: &str) {
        self.audited.insert(application.to_owned());
        if self.concerns.as_ref().is_some_and(|concerns| concerns.is_subset(&self.audited)) {
            (self.concerns, self.audited) = (Some(BTreeSet::new()), BTreeSet::new());
        }
    }

    /// What it was merged as is live in an application.
    pub fn is_live_in(&mut self, application: &str) {
        if let Some(merged) = &mut self.merged {
            merged.waits.remove(application);
        }
        self.merged = self.merged.take().filter(|merged| !merged.waits.is_empty());
    }

    /// A commit is the head no longer.
    pub fn leave(&mut self, head: String) {
        if !self.left.contains(&head) {
            self.left.push(head);
        }
        let surplus = self.left.len().saturating_sub(SHOWN);
        self.left.drain(..surplus);
    }

    fn prune(&mut self, now: Time) {
        let surplus = self.asked.len().saturating_sub(SHOWN);
        let mut nth = 0;
        self.asked.retain(|entry| {
            nth += 1;
            nth > surplus || now.since(entry.at) < KEPT
        });
    }
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

    /// What is remembered of the promotion to an application.
    pub async fn promoting(&self, cx: &Cx, application: &str) -> Result<Promoting> {
        Ok(self.load(cx).await?.0.promotions.remove(application).unwrap_or_default())
    }

    /// Changes that, on the disk before this returns.
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
            let is_changed = *page != before;
            if is_changed {
                page.touched = cx.now();
                page.prune(cx.now());
            }
            (changed, is_changed)
        };
        self.write(cx, number, note).await
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

    /// Forgets some of the requests that were touched longest ago; gives whether there was one.
    fn forget_oldest(&mut self, but: u64) -> bool {
        let others = self.requests.iter().filter(|(number, _)| **number != but);
        let mut oldest: Vec<(Time, u64)> = others.map(|(number, page)| (page.touched, *number)).collect();
        oldest.sort_unstable();
        oldest.truncate((oldest.len() / 16).max(1));
        oldest.iter().for_each(|(_, number)| drop(self.requests.remove(number)));
        !oldest.is_empty()
    }
}
