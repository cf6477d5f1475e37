//! `gitops history`: lists what was deployed, newest first.

use std::collections::BTreeSet;

use anstyle::Style;
use gitops_app::documents::deployment::{Deployment, Outcome};
use gitops_app::documents::history::HistoryDocument;
use gitops_app::session::{Access, Session};
use gitops_core::{Purpose, Time};

use super::Ended;
use super::reconciliation;
use crate::app::App;
use crate::cli::{HistoryArgs, HistoryVerb};
use crate::exit::Exit;
use crate::output::style::{BOLD, GREEN, RED, YELLOW, paint};
use crate::output::table::{Cell, Columns, draw, fit};
use crate::output::{commits, when};
use crate::progress;

/// Reads the audit log; a running engine is not in the way.
pub async fn run(app: &App, args: &HistoryArgs) -> Ended {
    let session = app.open(Access::Look, progress::sink(app)).await?;
    match &args.verb {
        Some(HistoryVerb::Show(show)) => reconciliation::show(app, &session, show.number).await,
        None => list(app, &session, args).await,
    }
}

async fn list(app: &App, session: &Session, args: &HistoryArgs) -> Ended {
    let document = HistoryDocument::new(&app.cx, session, args.limit, args.all).await?;
    app.note_orders(session).await?;
    app.answer(&document, || human(&document, app.screen.columns(), app.cx.now(), &next(app, &document)))?;
    Ok(Exit::Ok)
}

/// The commands that lead on: one in full, and the way back to the last revision before the newest that was applied well.
fn next(app: &App, document: &HistoryDocument<'_>) -> Vec<String> {
    let Some((last, earlier)) = document.deployments.split_first() else { return Vec::new() };
    let left = left_behind(&document.deployments);
    let is_good = |one: &&Deployment| {
        let id = one.revision.id();
        one.result == Outcome::Succeeded && id != last.revision.id() && !left.contains(id)
    };
    let back = earlier.iter().find(is_good).map(|good| app.command(&format!("rollback {}", good.number)));
    std::iter::once(app.command(&format!("history show {}", last.number))).chain(back).collect()
}

/// The revisions from which somebody went back to another one: nobody is sent there again.
fn left_behind(newest_first: &[Deployment]) -> BTreeSet<&str> {
    let is_left = |pair: &&[Deployment]| {
        pair[0].purpose == Purpose::Rollback && pair[0].revision.id() != pair[1].revision.id()
    };
    newest_first.windows(2).filter(is_left).map(|pair| pair[1].revision.id()).collect()
}

fn human(document: &HistoryDocument<'_>, columns: Columns, now: Time, next: &[String]) -> String {
    if document.deployments.is_empty() {
        return "Nothing was deployed yet.\n".to_owned();
    }
    let head = ["#", "WHEN", "REVISION", "RESULT", "BY", "APPROVED", "TOOK", "WHAT"];
    let head = head.iter().map(|name| Cell::styled(BOLD, *name)).collect();
    let rows = document.deployments.iter().map(|deployment| row(deployment, now));
    let table = draw(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), columns);
    table + &fit(&format!("Next:  {}\n", paint(BOLD, next.join(" · "))), columns)
}

fn row(deployment: &Deployment, now: Time) -> Vec<Cell> {
    let (style, symbol) = sign(deployment.result);
    vec![
        deployment.number.to_string().into(),
        when::both(now, deployment.last_started_at).into(),
        deployment.revision.to_string().into(),
        Cell::styled(style, format!("{symbol} {}", deployment.words())),
        deployment.by.clone().into(),
        deployment.approved_by.as_deref().unwrap_or("-").into(),
        took(deployment).into(),
        what(deployment).into(),
    ]
}

/// How long the last attempt took.
pub fn took(deployment: &Deployment) -> String {
    let ended = deployment.ended_at.map(|ended| when::took(ended.since(deployment.last_started_at)));
    ended.unwrap_or_else(|| "-".to_owned())
}

/// The style of a result, and its sign.
pub const fn sign(result: Outcome) -> (Style, &'static str) {
    match result {
        Outcome::Succeeded => (GREEN, "✓"),
        Outcome::NotReady => (YELLOW, "!"),
        Outcome::Partial => (RED, "~"),
        Outcome::Failed => (RED, "✗"),
        _ => (YELLOW, "?"),
    }
}

/// The revision's message with its author; of a rollback, what it goes back to.
fn what(deployment: &Deployment) -> String {
    let Some(summary) = &deployment.summary else { return String::new() };
    let back = if deployment.purpose == gitops_core::Purpose::Rollback { "back to " } else { "" };
    let author = deployment.author.as_deref().map(|author| format!(" ({})", commits::name(author)));
    format!("{back}\"{summary}\"{}", author.unwrap_or_default())
}
