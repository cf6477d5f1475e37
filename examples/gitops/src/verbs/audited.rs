//! `gitops audit show`: who changed what and when, who approved it, and from which commit.

use std::collections::{BTreeSet, VecDeque};

use gitops_app::documents::history::Authors;
use gitops_app::documents::trail::{self, Change, Reconciliation, Trail};
use gitops_app::documents::{Document, changes};
use gitops_app::lookup;
use gitops_app::session::Access;
use gitops_core::{AuditEvent, AuditLog, AuditRecord, Commit, Cx, Key, Result, Time};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::AuditShowArgs;
use crate::exit::Exit;
use crate::output::style::{self, BOLD, RED, count};
use crate::output::table::{Cell, Columns, draw};
use crate::output::{commits, when};
use crate::progress;

/// Reads the audit log; a running engine is not in the way.
pub async fn show(app: &App, args: &AuditShowArgs) -> Ended {
    let session = app.open(Access::Look, progress::sink(app)).await?;
    let log = session.audit();
    let key = match &args.key {
        Some(text) => Some(meant(&app.cx, log, text).await?),
        None => None,
    };
    let since = args.since.map(|since| since.time(app.cx.now()));
    let mut found = Found::new(key, since, args.limit);
    log.each(&app.cx, &mut |record| {
        found.take(&record);
        Ok(())
    })
    .await?;
    let Found { key, since, entries, dropped, .. } = found.ended();
    let mut authors = Authors::default();
    let mut shown = Vec::new();
    for what in entries {
        let commit = match what.of() {
            Some(of) => authors.of(&app.cx, &session, &of.revision).await,
            None => None,
        };
        shown.push(Shown { what, commit });
    }
    let application = session.engine.name();
    let document = TrailDocument { application, key, since, earlier: dropped, entries: shown };
    app.answer(&document, || document.human(app.screen.columns(), app.cx.now()))?;
    Ok(Exit::Ok)
}

/// The object that a text means, among all that were ever changed.
async fn meant(cx: &Cx, log: &dyn AuditLog, text: &str) -> Result<Key> {
    let mut keys = BTreeSet::new();
    log.each(cx, &mut |record| {
        if let AuditEvent::Intent { key, .. } = record.entry.what {
            keys.insert(key);
        }
        Ok(())
    })
    .await?;
    lookup::find(text, &keys)
}

/// What is shown of a log: a change, or what a person asked for.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Change(Change),
    Request(Request),
}

/// What a person asked for.
#[derive(Serialize)]
struct Request {
    number: u64,
    time: Time,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Key>,
    #[serde(rename = "request")]
    what: String,
}

impl Entry {
    fn number(&self) -> u64 {
        match self {
            Self::Change(Change { number, .. }) | Self::Request(Request { number, .. }) => *number,
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
        let change = self.trail.take(record).map(Entry::Change);
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
        open.into_iter().for_each(|change| self.keep(Entry::Change(change)));
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
        AuditEvent::Suspended { reason } => (None, format!("suspended: {reason}")),
        AuditEvent::Resumed => (None, "resumed".to_owned()),
        AuditEvent::Said { key, about, finding } => {
            (Some(key.clone()), format!("said of {about}: {finding}"))
        }
        AuditEvent::Released { key } => (Some(key.clone()), "released".to_owned()),
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

/// What is shown, with the commit that it comes from.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    what: Entry,
    commit: Option<Commit>,
}

/// The document of `audit show`.
#[derive(Serialize)]
struct TrailDocument<'a> {
    application: &'a str,
    key: Option<Key>,
    since: Option<Time>,
    /// How many earlier ones are not shown, because of the limit.
    earlier: usize,
    entries: Vec<Shown>,
}

impl Document for TrailDocument<'_> {
    const KIND: &'static str = "AuditTrail";
}

impl TrailDocument<'_> {
    fn human(&self, columns: Columns, now: Time) -> String {
        if self.entries.is_empty() {
            return "Nothing was changed, and nobody asked for anything.\n".to_owned();
        }
        let head = ["#", "WHEN", "BY", "APPROVED", "WHAT", "RESULT", "REVISION", "COMMIT"];
        let head = head.iter().map(|name| Cell::styled(BOLD, *name)).collect();
        let rows = self.entries.iter().map(|shown| row(shown, now));
        let table = draw(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), columns);
        let earlier = match self.earlier {
            0 => String::new(),
            earlier => format!("{earlier} earlier ones are not shown; `--limit` shows more.\n"),
        };
        table + &earlier
    }
}

fn row(Shown { what, commit }: &Shown, now: Time) -> Vec<Cell> {
    let change = match what {
        Entry::Request(Request { number, time, by, key, what }) => {
            let of = key.as_ref().map(|key| format!(" {}", changes::object(key))).unwrap_or_default();
            let what = format!("{what}{of}");
            return vec![
                number.to_string().into(),
                when::both(now, *time).into(),
                by.clone().into(),
                "-".into(),
                what.into(),
            ];
        }
        Entry::Change(change) => change,
    };
    let result = trail::outcome(change.result.as_deref(), change.detail.as_deref());
    let of = change.of.as_ref();
    let approved = of.and_then(|of| of.approved_by.as_deref());
    vec![
        change.number.to_string().into(),
        when::both(now, change.time).into(),
        change.by.clone().into(),
        approved.unwrap_or("-").into(),
        Cell::styled(style::of(change.action), format!("{} {}", change.action, changes::object(&change.key))),
        if change.result.as_deref() == Some("done") { result.into() } else { Cell::styled(RED, result) },
        of.map(|of| of.revision.to_string()).unwrap_or_default().into(),
        commit
            .as_ref()
            .map(|commit| format!("\"{}\" ({})", commit.summary, commits::name(&commit.author)))
            .unwrap_or_default()
            .into(),
    ]
}
