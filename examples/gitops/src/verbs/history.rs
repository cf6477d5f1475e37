//! `gitops history`: lists what was deployed, newest first.

use std::path::Path;

use gitops_core::{AuditEntry, AuditEvent, Pin, PlanId, Result, Revision, Time};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::HistoryArgs;
use crate::exit::Exit;
use crate::output::Document;
use crate::output::style::{DIM, GREEN, RED, YELLOW};
use crate::output::table::{Cell, Columns, draw};
use crate::progress;
use crate::session::{self, Access, Session};

/// Reads the audit log; a running engine is not in the way.
pub async fn run(app: &App, args: &HistoryArgs) -> Ended {
    let session = Session::open(app, Access::Look, progress::sink(app)).await?;
    let mut deployments = deployments(&session.audit_path(), args.limit)?;
    for deployment in &mut deployments {
        deployment.summary = session.summary(app, &deployment.revision).await;
    }
    let pinned = session.engine.pinned(&app.cx).await?;
    session.note_pin(app).await?;
    let document = HistoryDocument { application: session.engine.name(), pinned, deployments };
    app.screen.answer(&document, || human(&document, app.screen.columns()))?;
    Ok(Exit::Ok)
}

/// The document of `history`.
#[derive(Serialize)]
struct HistoryDocument<'a> {
    application: &'a str,
    pinned: Option<Pin>,
    deployments: Vec<Deployment>,
}

impl Document for HistoryDocument<'_> {
    const KIND: &'static str = "History";
}

/// One plan that was carried out, as far as it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deployment {
    started_at: Time,
    ended_at: Option<Time>,
    plan_id: PlanId,
    revision: Revision,
    by: String,
    approved_by: Option<String>,
    result: Outcome,
    applied: usize,
    failed: usize,
    unchanged: usize,
    /// The first line of the revision's message, where the source still knows it.
    summary: Option<String>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// Everything was done.
    Done,
    /// Something was not.
    Failed,
    /// It did not come to an end: it is under way, or the process was killed.
    Unfinished,
}

impl Deployment {
    fn begun(entry: &AuditEntry, plan: PlanId, revision: &Revision, approved_by: Option<&String>) -> Self {
        Self {
            started_at: entry.time,
            ended_at: None,
            plan_id: plan,
            revision: revision.clone(),
            by: entry.actor.clone(),
            approved_by: approved_by.cloned(),
            result: Outcome::Unfinished,
            applied: 0,
            failed: 0,
            unchanged: 0,
            summary: None,
        }
    }

    /// In a few words.
    pub fn line(&self) -> String {
        format!("{} {} by {}: {}", self.started_at, self.revision, self.by, self.words())
    }

    fn words(&self) -> String {
        match self.result {
            Outcome::Done => format!("{} applied", self.applied),
            Outcome::Failed => format!("{} applied, {} not", self.applied, self.failed),
            Outcome::Unfinished => "not finished".to_owned(),
        }
    }
}

/// The last deployments of an audit log, newest first; reads back no further than it must.
pub fn deployments(path: &Path, limit: usize) -> Result<Vec<Deployment>> {
    let mut window = 1 << 10;
    loop {
        let entries = session::audit_entries(path, window)?;
        let mut found: Vec<Deployment> = Vec::new();
        entries.iter().for_each(|entry| take(&mut found, entry));
        if found.len() >= limit || entries.len() < window {
            found.reverse();
            found.truncate(limit);
            return Ok(found);
        }
        window <<= 3;
    }
}

fn take(found: &mut Vec<Deployment>, entry: &AuditEntry) {
    match &entry.what {
        AuditEvent::PassStarted { plan, revision, approved_by } => {
            found.push(Deployment::begun(entry, *plan, revision, approved_by.as_ref()));
        }
        AuditEvent::PassEnded { plan, applied, failed, unchanged, .. } => {
            let Some(last) = found.last_mut().filter(|last| last.plan_id == *plan) else { return };
            last.ended_at = Some(entry.time);
            (last.applied, last.failed, last.unchanged) = (*applied, *failed, *unchanged);
            last.result = if *failed == 0 { Outcome::Done } else { Outcome::Failed };
        }
        _ => {}
    }
}

fn human(document: &HistoryDocument<'_>, columns: Columns) -> String {
    match document.deployments.is_empty() {
        true => "Nothing was deployed yet.\n".to_owned(),
        false => draw(&document.deployments.iter().map(row).collect::<Vec<_>>(), columns),
    }
}

fn row(deployment: &Deployment) -> Vec<Cell> {
    let (style, word) = match deployment.result {
        Outcome::Done => (GREEN, "done"),
        Outcome::Failed => (RED, "failed"),
        Outcome::Unfinished => (YELLOW, "unfinished"),
    };
    vec![
        deployment.started_at.to_string().into(),
        Cell::styled(style, word),
        deployment.revision.to_string().into(),
        deployment.words().into(),
        format!("by {}", deployment.by).into(),
        Cell::styled(DIM, deployment.plan_id.short()),
        deployment.summary.clone().unwrap_or_default().into(),
    ]
}
