//! How far the revision of a plan has come: written before its first change, and after its last.

use super::prepare::Line;
use super::report::cut;
use super::{Engine, Report};
use crate::cx::Cx;
use crate::plan::{Cause, Plan};
use crate::state::audit::{AuditEvent, Purpose};
use crate::state::record::{Left, Record};
use crate::value::Result;

impl Engine {
    /// What a plan is applied for.
    pub(super) fn purpose(&self, plan: &Plan, goes_back: bool) -> Purpose {
        let standing = self.inventory().standing();
        if !plan.steps.is_empty() && plan.steps.iter().all(|step| step.cause == Cause::Drift) {
            Purpose::Repair
        } else if standing.is_in_progress(&plan.revision) {
            Purpose::Retry
        } else if goes_back && !standing.is_complete(&plan.revision) {
            Purpose::Rollback
        } else {
            Purpose::Change
        }
    }

    /// Before the first change: a revision of which something is missing is in progress from now on. One of which nothing
    /// is missing is live completely, whatever drift there is.
    pub(super) fn beginning(&self, cx: &Cx, plan: &Plan) -> Option<Record> {
        let (standing, revision, at) = (self.inventory().standing(), plan.revision.clone(), cx.now());
        let changes = plan.steps.iter().any(|step| step.cause != Cause::Drift);
        match plan.missing().next() {
            None => (!standing.is_complete(&revision)).then_some(Record::Completed { revision, at }),
            Some(_) if standing.is_in_progress(&revision) => None,
            // What is blocked without being changed was applied before.
            Some(_) if !changes && standing.is_complete(&revision) => None,
            Some(_) => Some(Record::Begun { revision, at }),
        }
    }

    /// After the last change: the revision is live completely, or this is what is missing.
    pub(super) async fn note_end(&mut self, cx: &Cx, report: &Report, line: Line) -> Result<()> {
        let standing = if line.is_of_record { None } else { self.ending(cx, report) };
        let audited = match report.results.is_empty() {
            true => None,
            false => self.audited().await,
        };
        let records: Vec<Record> = standing.into_iter().chain(audited).collect();
        self.ledger.commit(&records).await
    }

    fn ending(&self, cx: &Cx, report: &Report) -> Option<Record> {
        let (standing, revision) = (self.inventory().standing(), report.plan.revision.clone());
        if !standing.is_in_progress(&revision) {
            return None;
        }
        let known = standing.progress.as_ref().and_then(|progress| progress.left.as_ref());
        let mut left = Left::of(report.missing());
        left.error = match report.results.is_empty() {
            // Nothing was tried: what was left failed as it did before, also while what is next waits for somebody.
            true => known.and_then(|known| known.error.clone()),
            false => report.first_error().as_deref().map(cut),
        };
        match left.count() {
            0 => Some(Record::Completed { revision, at: cx.now() }),
            _ if known == Some(&left) => None,
            _ => Some(Record::Unfinished { left }),
        }
    }

    /// Whether nothing of a revision is missing any more though no change was made for what was: it was left by a plan before,
    /// or awaits only what comes of a repair.
    pub(super) fn completes(&self, plan: &Plan) -> bool {
        let standing = self.inventory().standing();
        let was_left = standing.progress.as_ref().is_some_and(|progress| progress.left.is_some())
            && standing.is_in_progress(&plan.revision);
        let was_awaited = self.awaited.as_ref() == Some(&plan.revision);
        (was_left || was_awaited) && plan.steps.is_empty() && plan.blocked.is_empty()
    }

    /// The audit log says so, before the journal does. With a change, the end of its plan says it.
    pub(super) async fn audit_completed(&self, cx: &Cx, actor: &str, plan: &Plan) -> Result<()> {
        match self.completes(plan) {
            true => {
                let completed = AuditEvent::Completed { revision: plan.revision.clone() };
                self.audit(cx, actor, vec![completed]).await
            }
            false => Ok(()),
        }
    }

    /// The audit log says that the state moves, before the journal does.
    pub(super) async fn audit_rebound(&self, cx: &Cx, actor: &str, plan: &Plan) -> Result<()> {
        match plan.rebound.is_empty() {
            true => Ok(()),
            false => self.audit(cx, actor, vec![AuditEvent::Rebound { moved: plan.rebound.clone() }]).await,
        }
    }
}
