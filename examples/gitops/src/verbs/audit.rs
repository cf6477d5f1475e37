//! `gitops audit`: works with the audit log.

use gitops_app::documents::Document;
use gitops_app::{home, place};
use gitops_core::{AuditReport, Request};
use serde::Serialize;

use super::ask::order;
use super::{Ended, audited};
use crate::app::App;
use crate::cli::AuditVerb;
use crate::exit::Exit;
use crate::output::style::{GREEN, count, paint};

/// Looks at the log only; a running engine is not in the way.
pub async fn run(app: &App, verb: &AuditVerb) -> Ended {
    match verb {
        AuditVerb::Show(args) => audited::show(app, args).await,
        AuditVerb::Verify => verify(app).await,
        AuditVerb::Restart(_) => restart(app).await,
    }
}

/// Begins a new log that says how much the old one had, or has the process at work do it, and shows the new one.
async fn restart(app: &App) -> Ended {
    order(app, &Request::RestartAudit).await?;
    verify(app).await
}

async fn verify(app: &App) -> Ended {
    let config = place::checked(&app.cx, app.config().clone(), None).await?;
    let log = home::audit_log(&app.cx, &config).await?;
    let (path, report) = (log.place(), log.verify(&app.cx).await?);
    app.answer(&AuditDocument { path: &path, report: &report }, || human(&path, &report))?;
    Ok(Exit::Ok)
}

/// The document of `audit verify`.
#[derive(Serialize)]
struct AuditDocument<'a> {
    /// Where it is: a path, or a place in a cluster.
    path: &'a str,
    #[serde(flatten)]
    report: &'a AuditReport,
}

impl Document for AuditDocument<'_> {
    const KIND: &'static str = "Audit";
}

fn human(path: &str, report: &AuditReport) -> String {
    let entries = count(usize::try_from(report.entries).unwrap_or(usize::MAX), "record");
    let word = paint(GREEN, "Verified:");
    format!("{word} {entries} in {path}, none changed, dropped or moved.\nHash: {}\n", report.hash)
}
