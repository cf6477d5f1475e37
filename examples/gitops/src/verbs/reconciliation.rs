//! `gitops history show`: one deployment in full.

use std::fmt::Write;

use gitops_app::documents::changes;
use gitops_app::documents::deployment::Deployment;
use gitops_app::documents::history::ReconciliationDocument;
use gitops_app::documents::trail::{self, Change};
use gitops_app::session::Session;
use gitops_core::{Action, Commits, LeftObject, LeftState, Time};

use super::Ended;
use super::history::{sign, took};
use crate::app::App;
use crate::exit::Exit;
use crate::output::style::{self, BOLD, DIM, RED, YELLOW, count, escape, paint};
use crate::output::table::{Cell, Columns, draw, labelled};
use crate::output::{commits, when};

/// Shows what was planned, sent and left, who approved it, and which commits it brought.
pub async fn show(app: &App, session: &Session, number: u64) -> Ended {
    let document = ReconciliationDocument::new(&app.cx, session, number).await?;
    app.answer(&document, || human(&document, app.screen.columns(), app.cx.now()))?;
    Ok(Exit::Ok)
}

fn human(document: &ReconciliationDocument<'_>, columns: Columns, now: Time) -> String {
    let Deployment { plan_id, by, approved_by, .. } = &document.deployment;
    let (style, symbol) = sign(document.deployment.result);
    let result = paint(style, format_args!("{symbol} {}", document.deployment.words()));
    let began = when::both(now, document.deployment.started_at);
    let mut facts = vec![
        ("result", format!("{result}, {} unchanged", document.deployment.unchanged)),
        ("began", format!("{began}, took {}", took(&document.deployment))),
        ("by", escape(by)),
        ("approved", escape(approved_by.as_deref().unwrap_or("-"))),
        ("plan", plan_id.to_string()),
        ("revision", escape(&revision_of(&document.deployment))),
    ];
    facts.extend(document.previous.as_ref().map(|previous| ("before", escape(&previous.to_string()))));
    let head = format!("Deployment {}  {}", document.deployment.number, document.application);
    let mut out = format!("{}\n{}", paint(BOLD, escape(&head)), labelled(&facts, columns));
    out += &section("Brings", document.brings.as_ref(), columns, now);
    out += &section("Undoes", document.undoes.as_ref(), columns, now);
    if !document.steps.is_empty() {
        let _ = writeln!(out, "{}", paint(BOLD, count(document.steps.len(), "change")));
        out += &draw(&document.steps.iter().map(step).collect::<Vec<_>>(), columns);
    }
    if !document.left.is_empty() {
        let _ = writeln!(out, "{}", paint(YELLOW, "Left:"));
        out += &draw(&document.left.iter().map(left).collect::<Vec<_>>(), columns);
    }
    out
}

fn revision_of(deployment: &Deployment) -> String {
    let revision = &deployment.revision;
    let author = deployment.author.as_deref().map(commits::name);
    match (&deployment.summary, author) {
        (Some(summary), Some(author)) => format!("{revision}  \"{summary}\" ({author})"),
        _ => revision.to_string(),
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
        LeftState::Awaits => "waits",
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
