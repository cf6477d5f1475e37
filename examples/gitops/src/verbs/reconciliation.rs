//! `gitops history show`: one reconciliation in full.

use std::fmt::Write;

use gitops_app::documents::{Document, changes};
use gitops_app::session::Session;
use gitops_core::{Action, Commits, LeftObject, LeftState, Revision, Time};
use serde::Serialize;

use super::Ended;
use super::deployment::{self, Attempt, Deployment};
use super::history::{Authors, sign, took};
use super::trail::{self, Change};
use crate::app::App;
use crate::exit::Exit;
use crate::output::style::{self, BOLD, DIM, RED, YELLOW, count, escape, paint};
use crate::output::table::{Cell, Columns, draw, labelled};
use crate::output::{commits, when};

/// Shows what was planned, sent and left, who approved it, and which commits it brought.
pub async fn show(app: &App, session: &Session, number: u64) -> Ended {
    let Attempt { mut deployment, steps, left, previous } =
        deployment::find(&app.cx, session.audit(), number).await?;
    let commit = Authors::default().of(app, session, &deployment.revision).await;
    (deployment.author, deployment.summary) = commit.map(|commit| (commit.author, commit.summary)).unzip();
    let (brings, undoes) = match &previous {
        Some(previous) => (
            between(app, session, previous, &deployment.revision).await,
            between(app, session, &deployment.revision, previous).await,
        ),
        None => (None, None),
    };
    let document = ReconciliationDocument {
        application: session.engine.name(),
        deployment,
        steps,
        left,
        previous,
        brings,
        undoes,
    };
    app.answer(&document, || document.human(app.screen.columns(), app.cx.now()))?;
    Ok(Exit::Ok)
}

/// What a revision brings over another, where the source can tell.
async fn between(app: &App, session: &Session, from: &Revision, to: &Revision) -> Option<Commits> {
    let history = session.engine.source().history()?;
    Commits::find(history, &app.cx, from, to).await.ok()
}

/// The document of `history show`.
#[derive(Serialize)]
struct ReconciliationDocument<'a> {
    application: &'a str,
    #[serde(flatten)]
    deployment: Deployment,
    /// What was sent, in this order.
    steps: Vec<Change>,
    /// What was not tried, is blocked or is not ready: the first of it.
    left: Vec<LeftObject>,
    /// The revision before, if there was another one.
    previous: Option<Revision>,
    /// The commits that the revision has and the one before has not; nothing where the source can't tell.
    brings: Option<Commits>,
    /// The commits that the revision before had and this one has not.
    undoes: Option<Commits>,
}

impl Document for ReconciliationDocument<'_> {
    const KIND: &'static str = "Reconciliation";
}

impl ReconciliationDocument<'_> {
    fn human(&self, columns: Columns, now: Time) -> String {
        let Deployment { revision, plan_id, by, approved_by, .. } = &self.deployment;
        let (style, symbol) = sign(self.deployment.result);
        let result = paint(style, format_args!("{symbol} {}", self.deployment.words()));
        let began = when::both(now, self.deployment.started_at);
        let mut facts = vec![
            ("result", format!("{result}, {} unchanged", self.deployment.unchanged)),
            ("began", format!("{began}, took {}", took(&self.deployment))),
            ("by", escape(by)),
            ("approved", escape(approved_by.as_deref().unwrap_or("-"))),
            ("plan", plan_id.to_string()),
            ("revision", escape(&self.revision(revision))),
        ];
        facts.extend(self.previous.as_ref().map(|previous| ("before", escape(&previous.to_string()))));
        let head = format!("Reconciliation {}  {}", self.deployment.number, self.application);
        let mut out = format!("{}\n{}", paint(BOLD, escape(&head)), labelled(&facts));
        out += &section("Brings", self.brings.as_ref(), columns, now);
        out += &section("Undoes", self.undoes.as_ref(), columns, now);
        if !self.steps.is_empty() {
            let _ = writeln!(out, "{}", paint(BOLD, count(self.steps.len(), "change")));
            out += &draw(&self.steps.iter().map(step).collect::<Vec<_>>(), columns);
        }
        if !self.left.is_empty() {
            let _ = writeln!(out, "{}", paint(YELLOW, "Left:"));
            out += &draw(&self.left.iter().map(left).collect::<Vec<_>>(), columns);
        }
        out
    }

    fn revision(&self, revision: &Revision) -> String {
        let author = self.deployment.author.as_deref().map(commits::name);
        match (&self.deployment.summary, author) {
            (Some(summary), Some(author)) => format!("{revision}  \"{summary}\" ({author})"),
            _ => revision.to_string(),
        }
    }
}

fn section(head: &str, found: Option<&Commits>, columns: Columns, now: Time) -> String {
    match found.filter(|found| !found.list.is_empty()) {
        Some(found) => {
            let head = paint(BOLD, format_args!("{head} {}", commits::sum(found)));
            format!("{head}\n{}", commits::table(&found.list, now, columns))
        }
        None => String::new(),
    }
}

fn step(change: &Change) -> Vec<Cell> {
    let style = style::of(change.action);
    let of_result = if change.result.as_deref() == Some("done") { DIM } else { RED };
    let took = change.ended_at.map(|ended| when::took(ended.since(change.time)));
    vec![
        Cell::styled(style, change.action.symbol()),
        Cell::styled(style, change.action.to_string()),
        change.key.target().into(),
        changes::object(&change.key).into(),
        took.unwrap_or_else(|| "-".to_owned()).into(),
        Cell::styled(of_result, trail::outcome(change.result.as_deref(), change.detail.as_deref())),
    ]
}

fn left(left: &LeftObject) -> Vec<Cell> {
    let state = match left.state {
        LeftState::NotReady => "not ready",
        LeftState::NotTried => "not tried",
        _ => "blocked",
    };
    vec![
        Cell::styled(YELLOW, "!"),
        Cell::styled(YELLOW, state),
        left.key.target().into(),
        changes::object(&left.key).into(),
        left.action.map_or_else(|| "-".to_owned(), |action: Action| action.to_string()).into(),
        left.reason.clone().into(),
    ]
}
