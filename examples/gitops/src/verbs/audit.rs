//! `gitops audit`: works with the audit log.

use std::path::Path;

use gitops_core::{AuditReport, FileAudit, StateDir};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::AuditVerb;
use crate::exit::Exit;
use crate::output::Document;
use crate::output::style::{GREEN, count, paint};

/// Looks at the log only; a running engine is not in the way.
pub fn run(app: &App, verb: &AuditVerb) -> Ended {
    match verb {
        AuditVerb::Verify => verify(app),
    }
}

fn verify(app: &App) -> Ended {
    let path = StateDir::peek(&app.config()?.state)?.audit_path();
    let report = FileAudit::verify(&path)?;
    app.screen.answer(&AuditDocument { path: &path, report: &report }, || human(&path, &report))?;
    Ok(Exit::Ok)
}

/// The document of `audit verify`.
#[derive(Serialize)]
struct AuditDocument<'a> {
    path: &'a Path,
    #[serde(flatten)]
    report: &'a AuditReport,
}

impl Document for AuditDocument<'_> {
    const KIND: &'static str = "Audit";
}

fn human(path: &Path, report: &AuditReport) -> String {
    let entries = count(usize::try_from(report.entries).unwrap_or(usize::MAX), "record");
    let word = paint(GREEN, "Verified:");
    format!(
        "{word} {entries} in {}, none changed, dropped or moved.\nHash: {}\n",
        path.display(),
        report.hash
    )
}
