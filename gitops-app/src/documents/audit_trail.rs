//! The document of `audit show`: who changed what and when, who approved it, and from which commit.

use std::collections::VecDeque;

use gitops_core::{AuditEvent, AuditRecord, Commit, Cx, Key, MergedRequest, Result, Time};
use serde::Serialize;

use super::Document;
use super::history::Authors;
use super::requests::{self, Merges};
use super::trail::{Change, Reconciliation, Trail};
use crate::session::Session;
use crate::text::count;

/// The document of `audit show`.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct AuditTrailDocument<'a> {
    /// The application.
    pub application: &'a str,
    /// The only object of which it tells, if it was asked for one.
    pub key: Option<Key>,
    /// From when on it tells.
    pub since: Option<Time>,
    /// How many earlier ones are not shown, because of the limit.
    pub earlier: usize,
    /// What is shown, the oldest first.
    pub entries: Vec<Shown>,
}

impl Document for AuditTrailDocument<'_> {
    const KIND: &'static str = "AuditTrail";
}

impl<'a> AuditTrailDocument<'a> {
    /// What the audit log tells of an object, or of all, since a time: the newest, at most `limit` of them. The object may be
    /// gone: [`lookup::changed`](crate::lookup::changed) finds what a text means.
    ///
    /// # Errors
    /// The log can't be read, or its chain is broken.
    ///
    /// # Cancel safety
    /// It writes nothing.
    pub async fn new(
        cx: &Cx,
        session: &'a Session,
        key: Option<Key>,
        since: Option<Time>,
        limit: usize,
    ) -> Result<Self> {
        let (mut found, mut merges) = (Found::new(key, since, limit), Merges::default());
        session
            .audit()
            .each(cx, &mut |record| {
                found.take(&record);
                merges.take(&record);
                Ok(())
            })
            .await?;
        let Found { key, since, entries: found, dropped: earlier, .. } = found.ended();
        let (mut authors, mut entries) = (Authors::default(), Vec::new());
        for what in found {
            let (commit, requests) = match what.of() {
                Some(of) => (
                    authors.of(cx, session, &of.revision).await,
                    merges.of(cx, session, &of.revision, of.after.as_ref()).await,
                ),
                None => (None, Vec::new()),
            };
            entries.push(Shown { what, commit, requests });
        }
        Ok(Self { application: session.engine.name(), key, since, earlier, entries })
    }
}

/// What is shown, with the commit that it comes from.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Shown {
    /// What was changed, or asked for.
    #[serde(flatten)]
    pub what: Entry,
    /// The commit of the revision that was applied, where the source still knows it.
    pub commit: Option<Commit>,
    /// The requests that this revision brought since the one before it that was live completely: who opened, reviewed and merged each.
    /// None where the forge told of none: the branch was pushed to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<MergedRequest>,
}

/// What is shown of a log: a change, or what a person asked for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Entry {
    /// A change that was sent, and what came of it.
    Change(Box<Change>),
    /// What a person asked for.
    Request(Request),
}

/// What a person asked for.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// The number of its entry in the audit log.
    pub number: u64,
    /// When.
    pub time: Time,
    /// Who.
    pub by: String,
    /// The object that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// What, in words.
    #[serde(rename = "request")]
    pub what: String,
}

impl Entry {
    fn number(&self) -> u64 {
        match self {
            Self::Change(change) => change.number,
            Self::Request(request) => request.number,
        }
    }

    fn of(&self) -> Option<&Reconciliation> {
        match self {
            Self::Change(change) => change.of.as_ref(),
            Self::Request(_) => None,
        }
    }
}

/// What was found so far, at most as much as is shown.
struct Found {
    key: Option<Key>,
    since: Option<Time>,
    limit: usize,
    trail: Trail,
    entries: VecDeque<Entry>,
    dropped: usize,
}

impl Found {
    fn new(key: Option<Key>, since: Option<Time>, limit: usize) -> Self {
        Self { key, since, limit, trail: Trail::default(), entries: VecDeque::new(), dropped: 0 }
    }

    fn take(&mut self, record: &AuditRecord) {
        let change = self.trail.take(record).map(|change| Entry::Change(Box::new(change)));
        let found = change.or_else(|| request(record).map(Entry::Request));
        found.into_iter().for_each(|entry| self.keep(entry));
    }

    fn keep(&mut self, entry: Entry) {
        let (key, time) = match &entry {
            Entry::Change(change) => (Some(&change.key), change.ended_at.unwrap_or(change.time)),
            Entry::Request(request) => (request.key.as_ref(), request.time),
        };
        let is_meant = self.key.as_ref().is_none_or(|meant| key == Some(meant));
        if !is_meant || self.since.is_some_and(|since| time < since) {
            return;
        }
        self.entries.push_back(entry);
        if self.entries.len() > self.limit {
            self.entries.pop_front();
            self.dropped += 1;
        }
    }

    /// With what was never answered, the oldest first.
    fn ended(mut self) -> Self {
        let open: Vec<Change> = std::mem::take(&mut self.trail).rest().collect();
        open.into_iter().for_each(|change| self.keep(Entry::Change(Box::new(change))));
        self.entries.make_contiguous().sort_by_key(Entry::number);
        self
    }
}

/// What a person asked for, if an entry is that.
fn request(AuditRecord { number, entry, .. }: &AuditRecord) -> Option<Request> {
    let (key, what) = match &entry.what {
        AuditEvent::Approved { plan, steps, by, until, .. } => {
            let until = until.map(|until| format!(", until {until}")).unwrap_or_default();
            (None, format!("approved plan {} ({}) as {by}{until}", plan.short(), count(*steps, "step")))
        }
        AuditEvent::ApprovalDropped { plan, by } => {
            let what = format!("dropped the approval of plan {} by {by}", plan.short());
            (None, format!("{what}: there is no room beside those that were given since"))
        }
        AuditEvent::Rejected { plan, reason } => {
            let plan = plan.map(|plan| format!(" plan {}", plan.short())).unwrap_or_default();
            (None, format!("rejected{plan}: {reason}"))
        }
        AuditEvent::Pinned { revision, .. } => (None, format!("pinned to {revision}")),
        AuditEvent::Unpinned { .. } => (None, "unpinned".to_owned()),
        AuditEvent::WentAhead { revision, request } => {
            (None, format!("applies {revision} of {request} before it is merged"))
        }
        AuditEvent::AheadEnded { request, is_merged: true } => {
            (None, format!("{request} was merged: follows the source again"))
        }
        AuditEvent::AheadEnded { request, .. } => {
            (None, format!("{request} was not merged: goes back to what the source has"))
        }
        AuditEvent::Merged(merged) => (None, requests::merged_in_words(merged)),
        AuditEvent::Suspended { reason } => (None, format!("suspended: {reason}")),
        AuditEvent::Resumed => (None, "resumed".to_owned()),
        AuditEvent::SyncAsked => (None, "asked for a reconciliation at once".to_owned()),
        AuditEvent::Said { key, about, finding } => {
            (Some(key.clone()), format!("said of {about}: {finding}"))
        }
        AuditEvent::Released { key } => (Some(key.clone()), "released".to_owned()),
        AuditEvent::DeletionReleased { key } => (Some(key.clone()), "deletion released".to_owned()),
        AuditEvent::Rebound { moved } => {
            let moved: Vec<String> = moved.iter().map(ToString::to_string).collect();
            (None, format!("the state moves: {}", moved.join("; ")))
        }
        AuditEvent::AuditRestarted { known } => {
            (None, format!("began a new audit log; {known} entries of the old one are known to be lost"))
        }
        _ => return None,
    };
    Some(Request { number: *number, time: entry.time, by: entry.actor.clone(), key, what })
}
