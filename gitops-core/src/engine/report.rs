use serde::Serialize;

use crate::Error;
use crate::plan::Plan;
use crate::value::{Action, Key};

/// What came of carrying out a plan.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The plan.
    pub plan: Plan,
    /// What came of each step, in the plan's order.
    pub results: Vec<StepResult>,
}

/// What came of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepResult {
    /// The object.
    pub key: Key,
    /// What was to be done.
    pub action: Action,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: StepOutcome,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepOutcome {
    /// It was done, and the object is ready.
    Done,
    /// It was done, and the object is not ready.
    NotReady {
        /// Why.
        reason: String,
    },
    /// It was not done.
    Failed {
        /// Why, in one line.
        error: String,
        /// What a person can do about it.
        help: Option<String>,
    },
    /// Nobody knows whether it was done; the next plan looks it up first.
    Unknown {
        /// Why, in one line.
        error: String,
        /// What a person can do about it.
        help: Option<String>,
    },
    /// It was not tried, because this step did not succeed or this object is held.
    Blocked {
        /// Which one.
        by: Key,
    },
    /// It was not tried, because somebody asked to stop.
    Skipped,
}

impl StepOutcome {
    /// What an error says of a step.
    pub(super) fn of(error: &Error) -> Self {
        let (text, help) = (error.to_string(), error.help_text().map(str::to_owned));
        match error.is_unknown() {
            true => Self::Unknown { error: text, help },
            false => Self::Failed { error: text, help },
        }
    }

    /// Whether the change is made, or may be.
    pub(super) fn may_be_done(&self) -> bool {
        matches!(self, Self::Done | Self::NotReady { .. } | Self::Unknown { .. })
    }
}

impl Report {
    /// How many steps were done, ready or not.
    pub fn applied(&self) -> usize {
        let done =
            |result: &&StepResult| matches!(result.outcome, StepOutcome::Done | StepOutcome::NotReady { .. });
        self.results.iter().filter(done).count()
    }

    /// How many steps failed, are blocked or unknown, or were made and are not ready.
    pub fn failed(&self) -> usize {
        let fine = |result: &&StepResult| matches!(result.outcome, StepOutcome::Done | StepOutcome::Skipped);
        self.results.len() - self.results.iter().filter(fine).count()
    }

    /// How many steps were not tried, because somebody asked to stop.
    pub fn skipped(&self) -> usize {
        self.results.iter().filter(|result| result.outcome == StepOutcome::Skipped).count()
    }

    /// How many objects awaited an output of an object that this pass changed: another pass, at once, takes them up.
    pub fn deferred(&self) -> usize {
        let is_done = |key: &Key| {
            self.results.iter().any(|result| &result.key == key && result.outcome == StepOutcome::Done)
        };
        self.plan.held.iter().filter_map(|held| held.why.awaited()).filter(|of| is_done(of)).count()
    }

    /// Whether everything is as declared now: all steps done and ready, and no object held.
    pub fn is_converged(&self) -> bool {
        self.failed() == 0 && self.skipped() == 0 && self.plan.held.is_empty()
    }
}
