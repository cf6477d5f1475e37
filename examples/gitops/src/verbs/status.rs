//! `gitops status`: shows what is applied, and whether it is what is declared.

use std::collections::BTreeMap;

use gitops_core::capability::Readiness;
use gitops_core::{Component, Error, Key, OwnedState, Pin, Plan, Revision, Time};
use serde::Serialize;

use super::Ended;
use super::history::{self, Deployment};
use crate::app::App;
use crate::exit::Exit;
use crate::output::Document;
use crate::output::plan_document::Summary;
use crate::output::style::{self, BOLD, GREEN, YELLOW, count, escape, paint};
use crate::output::table::labelled;
use crate::progress;
use crate::session::{Access, Session};

/// Looks only; a running engine is not in the way. A source or target that does not answer makes it `Unknown`.
pub async fn run(app: &App) -> Ended {
    let mut session = Session::open(app, Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await;
    let document = StatusDocument::new(app, &session, plan).await?;
    app.screen.answer(&document, || document.human(app))?;
    Ok(Exit::Ok)
}

/// Whether what is there is what is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Sync {
    Synced,
    #[serde(rename = "OutOfSync")]
    Differs,
    Unknown,
}

/// The document of `status`.
#[derive(Serialize)]
struct StatusDocument {
    application: String,
    sync: Sync,
    reason: Option<String>,
    source: String,
    follows: String,
    revision: Option<Revision>,
    accepted: Option<Revision>,
    pinned: Option<Pin>,
    summary: Option<Summary>,
    owned: usize,
    claimed: usize,
    deleting: usize,
    unsettled: usize,
    components: usize,
    troubled: Vec<Troubled>,
    unready: Vec<Unready>,
    last: Option<Deployment>,
}

/// A resource that something is wrong with.
#[derive(Serialize)]
struct Troubled {
    key: Key,
    component: Component,
}

/// An object of a cluster that does not work at the moment.
#[derive(Serialize)]
struct Unready {
    key: Key,
    state: &'static str,
    reason: String,
    /// Since when it is stuck.
    since: Option<Time>,
}

impl Unready {
    fn of((key, readiness): (Key, Readiness)) -> Self {
        let (state, since) = match &readiness {
            Readiness::Stuck { since, .. } => ("stuck", Some(*since)),
            Readiness::Failed(_) => ("failed", None),
            _ => ("progressing", None),
        };
        Self { key, state, reason: readiness.reason().unwrap_or_default().to_owned(), since }
    }

    /// What to call it, and why.
    fn line(&self) -> (&'static str, String) {
        let label = if self.state == "progressing" { "on its way" } else { self.state };
        let since = self.since.map(|since| format!("; nothing happened since {since}")).unwrap_or_default();
        (label, escape(&format!("{}: {}{since}", self.key, self.reason)))
    }
}

impl Document for StatusDocument {
    const KIND: &'static str = "Status";
}

impl StatusDocument {
    async fn new(app: &App, session: &Session, plan: Result<Plan, Error>) -> gitops_core::Result<Self> {
        let (engine, inventory) = (&session.engine, session.engine.inventory());
        let components = session.components(app).await?;
        let unready = session.unready(app).await;
        let info = engine.source().info();
        let in_state =
            |state: OwnedState| inventory.entries().iter().filter(|(_, entry)| entry.state == state).count();
        let (sync, reason) = match &plan {
            Ok(plan) if plan.is_empty() && plan.drift.is_empty() => (Sync::Synced, None),
            Ok(_) => (Sync::Differs, None),
            Err(error) => (Sync::Unknown, Some(format!("{error:#}"))),
        };
        Ok(Self {
            application: engine.name().to_owned(),
            sync,
            reason,
            source: info.name,
            follows: info.follows,
            revision: plan.as_ref().ok().map(|plan| plan.revision.clone()),
            accepted: inventory.accepted().cloned(),
            pinned: engine.pinned(&app.cx).await?,
            summary: plan.as_ref().ok().map(Summary::of),
            owned: inventory.entries().len(),
            claimed: in_state(OwnedState::Claimed),
            deleting: in_state(OwnedState::Deleting),
            unsettled: inventory.open().count(),
            components: components.values().map(Vec::len).sum(),
            troubled: troubled(components),
            unready: unready.into_iter().map(Unready::of).collect(),
            last: history::deployments(&session.audit_path(), 1)?.pop(),
        })
    }

    fn human(&self, app: &App) -> String {
        let head = format!("{}  {}\n", paint(BOLD, &self.application), self.sync());
        let next = match self.sync {
            Sync::Differs => format!("See what differs:  {}\n", paint(BOLD, app.command("plan"))),
            Sync::Synced | Sync::Unknown => String::new(),
        };
        head + &labelled(&self.facts(&app.command("rollback --end"))) + &next
    }

    fn facts(&self, end: &str) -> Vec<(&'static str, String)> {
        let accepted = self.accepted.as_ref().map_or("nothing yet".to_owned(), ToString::to_string);
        let mut facts = vec![("source", escape(&format!("{} ({})", self.source, self.follows)))];
        facts.extend(self.revision.as_ref().map(|revision| ("declared", escape(&revision.to_string()))));
        if self.pinned.is_none() {
            facts.push(("applied", escape(&accepted)));
        }
        facts.push(("owns", self.owned()));
        let troubles = self.troubled.iter().filter_map(|Troubled { key, component }| {
            let trouble = component.trouble.as_ref()?;
            Some(("trouble", escape(&format!("{key}: {}: {trouble}", component.name))))
        });
        facts.extend(troubles);
        facts.extend(self.unready.iter().map(Unready::line));
        facts.extend(self.pinned.as_ref().map(|pin| {
            let text = format!("{} by {} since {}; `{end}` lets go", pin.revision, pin.by, pin.since);
            ("held to", escape(&text))
        }));
        facts.extend(self.last.as_ref().map(|last| ("last", escape(&last.line()))));
        facts
    }

    fn sync(&self) -> String {
        match (self.sync, &self.summary) {
            (Sync::Synced, _) => paint(GREEN, "Synced"),
            (Sync::Differs, Some(summary)) => format!("{}: {}", paint(YELLOW, "OutOfSync"), summary.line()),
            (_, _) => {
                let reason = self.reason.as_deref().unwrap_or_default();
                format!("{}: {}", paint(style::RED, "Unknown"), escape(reason))
            }
        }
    }

    fn owned(&self) -> String {
        let parts =
            [(self.claimed, "claimed"), (self.deleting, "being deleted"), (self.unsettled, "unsettled")];
        let rest = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}"));
        let resources = (self.components > 0).then(|| count(self.components, "resource"));
        std::iter::once(count(self.owned, "object"))
            .chain(rest)
            .chain(resources)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

fn troubled(components: BTreeMap<Key, Vec<Component>>) -> Vec<Troubled> {
    let all = components.into_iter().flat_map(|(key, parts)| {
        parts.into_iter().map(move |component| Troubled { key: key.clone(), component })
    });
    all.filter(|troubled| troubled.component.trouble.is_some()).collect()
}
