//! `gitops history`: lists what was deployed, newest first.

use anstyle::Style;
use gitops_app::documents::deployment::{Deployment, Outcome};
use gitops_app::documents::history::HistoryDocument;
use gitops_app::rollback::good_revision_before;
use gitops_app::session::{Access, Session};
use gitops_core::{Result, Revision, Time};

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
    let next = next(app, session, &document).await?;
    app.answer(&document, || human(&document, app.screen.columns(), app.cx.now(), &next))?;
    Ok(Exit::Ok)
}

/// The commands that lead on: one in full, and the way back to the last good revision before the newest, as `rollback` finds it.
async fn next(app: &App, session: &Session, document: &HistoryDocument<'_>) -> Result<Vec<String>> {
    let Some(last) = document.deployments.first() else { return Ok(Vec::new()) };
    let good = good_revision_before(&app.cx, session.audit(), &last.revision).await?;
    let number_of = |good: &Revision| {
        let of_it = document.deployments.iter().find(|one| one.revision.id() == good.id());
        of_it.map_or_else(|| good.short().to_owned(), |one| one.number.to_string())
    };
    let back = good.as_ref().map(|good| app.command(&format!("rollback {}", number_of(good))));
    Ok(std::iter::once(app.command(&format!("history show {}", last.number))).chain(back).collect())
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
