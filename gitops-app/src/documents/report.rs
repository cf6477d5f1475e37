//! The document of `apply` and `rollback`: what came of a plan.

use gitops_core::{Action, Key, Pin, PlanId, Report, Revision, StepOutcome, StepResult};
use serde::Serialize;

use super::Document;
use super::blocked::{self, BlockedPart};
use super::health::Unready;
use super::plan::Summary;

/// The document of `apply` and `rollback`.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ReportDocument<'a> {
    /// The plan.
    pub plan_id: PlanId,
    /// The application.
    pub application: &'a str,
    /// The revision that was applied.
    pub revision: &'a Revision,
    /// The revision to which the application is pinned, and by whom.
    pub pinned: Option<&'a Pin>,
    /// How the program ends after it.
    pub exit_code: u8,
    /// How many changes were made.
    pub applied: usize,
    /// How many were not, have no known outcome, or are not ready.
    pub failed: usize,
    /// How many were not tried, because somebody asked to stop.
    pub skipped: usize,
    /// How many objects awaited what is there now.
    pub deferred: usize,
    /// What the plan was to change, in numbers.
    pub summary: Summary,
    /// What came of each step.
    pub results: Vec<ResultPart<'a>>,
    /// The objects about which nothing may be done now.
    pub blocked: Vec<BlockedPart<'a>>,
    /// Roots that were applied before and do not work.
    pub unready: &'a [Unready],
}

impl Document for ReportDocument<'_> {
    const KIND: &'static str = "Report";
}

/// What came of one step.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ResultPart<'a> {
    /// The object.
    pub key: &'a Key,
    /// What was to be done to it.
    pub action: Action,
    /// What came of that.
    #[serde(flatten)]
    pub outcome: &'a StepOutcome,
}

impl<'a> ReportDocument<'a> {
    /// The document of a report; `pinned` is the revision to which the application is pinned, `unready` what does not work
    /// besides what the plan changed, `exit_code` how the program ends.
    pub fn new(report: &'a Report, pinned: Option<&'a Pin>, unready: &'a [Unready], exit_code: u8) -> Self {
        let part = |result: &'a StepResult| ResultPart {
            key: &result.key,
            action: result.action,
            outcome: &result.outcome,
        };
        Self {
            plan_id: report.plan.id,
            application: &report.plan.application,
            revision: &report.plan.revision,
            pinned,
            exit_code,
            applied: report.applied(),
            failed: report.failed(),
            skipped: report.skipped(),
            deferred: report.deferred(),
            summary: Summary::of(&report.plan),
            results: report.results.iter().map(part).collect(),
            blocked: blocked::all(&report.plan),
            unready,
        }
    }
}
