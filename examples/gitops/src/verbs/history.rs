//! `gitops history`: lists what was deployed, newest first.

use anstyle::Style;
use gitops_app::documents::deployment::{Deployment, Outcome};
use gitops_app::documents::history::HistoryDocument;
use gitops_app::session::{Access, Session};
use gitops_core::Time;

use super::Ended;
use super::reconciliation;
use crate::app::App;
use crate::cli::{HistoryArgs, HistoryVerb};
use crate::exit::Exit;
use crate::output::style::{BOLD, DIM, GREEN, RED, YELLOW};
use crate::output::table::{Cell, Columns, draw};
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
    app.answer(&document, || {
        let show =
            document.deployments.first().map(|last| app.command(&format!("history show {}", last.number)));
        human(&document, app.screen.columns(), app.cx.now(), show)
    })?;
    Ok(Exit::Ok)
}

fn human(document: &HistoryDocument<'_>, columns: Columns, now: Time, show: Option<String>) -> String {
    let Some(show) = show else { return "Nothing was deployed yet.\n".to_owned() };
    let head = ["#", "WHEN", "REVISION", "RESULT", "BY", "APPROVED", "TOOK", "PLAN", "WHAT"];
    let head = head.iter().map(|name| Cell::styled(BOLD, *name)).collect();
    let rows = document.deployments.iter().map(|deployment| row(deployment, now));
    let table = draw(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), columns);
    format!("{table}Each in full:  {show}\n")
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
        Cell::styled(DIM, deployment.plan_id.short()),
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
