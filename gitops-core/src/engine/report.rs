use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::plan::{Blocked, Plan};
use crate::state::audit::{AuditEvent, LeftObject, LeftState, SyncResult};
use crate::value::{Action, Error, Key};

/// How many characters of a reason are recorded.
const REASON: usize = 300;

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
#[non_exhaustive]
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
    /// It was done, and the target holds something else than was declared.
    Differs {
        /// The fields that differ: JSON pointers, the first few.
        fields: Vec<String>,
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
    /// It was not tried, because this step did not succeed or this object is blocked.
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
        matches!(self, Self::Unknown { .. }) || self.is_done()
    }

    /// Whether the change is made, whatever came of it.
    fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::NotReady { .. } | Self::Differs { .. })
    }
}

impl Report {
    /// What came of this plan and of the next one, which took up what this one had to leave.
    #[must_use]
    pub fn followed_by(mut self, mut next: Self) -> Self {
        let left: BTreeSet<Key> = self.left_to_the_next().cloned().collect();
        self.results.retain(|result| !left.contains(&result.key));
        self.results.append(&mut next.results);
        Self { plan: next.plan, results: self.results }
    }

    /// How many steps were done, ready or not.
    pub fn applied(&self) -> usize {
        self.results.iter().filter(|result| result.outcome.is_done()).count()
    }

    /// How many steps failed, are blocked or unknown, or were made and are not ready or not as declared.
    pub fn failed(&self) -> usize {
        let fine = |result: &&StepResult| matches!(result.outcome, StepOutcome::Done | StepOutcome::Skipped);
        self.results.len() - self.results.iter().filter(fine).count()
    }

    /// How many steps were done whose objects are not ready.
    pub fn not_ready(&self) -> usize {
        let waits = |result: &&StepResult| matches!(result.outcome, StepOutcome::NotReady { .. });
        self.results.iter().filter(waits).count()
    }

    /// The objects that keep the revision from being live completely after this: those that were not applied, and those
    /// that are blocked. One that was applied and is not ready is not among them, but for one that is still to go.
    pub fn missing(&self) -> Vec<Key> {
        let in_part = self.in_part();
        let is_there = |result: &&StepResult| match result.outcome {
            StepOutcome::Done => !in_part.contains(&result.key),
            StepOutcome::NotReady { .. } => result.action != Action::Delete && !in_part.contains(&result.key),
            _ => false,
        };
        // What was put back as it was recorded comes before what came of the plan.
        let last: BTreeMap<&Key, &StepResult> =
            self.results.iter().map(|result| (&result.key, result)).collect();
        let there: BTreeSet<&Key> = last.into_values().filter(is_there).map(|result| &result.key).collect();
        self.plan.missing().filter(|key| !there.contains(key)).cloned().collect()
    }

    /// The objects of steps that are written but for declared fields of other owners.
    fn in_part(&self) -> BTreeSet<&Key> {
        self.plan.steps.iter().filter(|step| !step.is_whole()).map(|step| &step.key).collect()
    }

    /// What was not tried, is blocked or is not ready, as it is recorded.
    pub(super) fn left(&self) -> Vec<LeftObject> {
        let (in_part, awaiting) = (self.in_part(), self.awaiting());
        let of_step = |result: &StepResult| {
            let (state, reason) = match &result.outcome {
                StepOutcome::Done if in_part.contains(&result.key) => {
                    (LeftState::Blocked, "declared fields of it have another owner".to_owned())
                }
                StepOutcome::NotReady { reason } => (LeftState::NotReady, reason.clone()),
                StepOutcome::Blocked { by } => (LeftState::Blocked, format!("it waits for {by}")),
                StepOutcome::Skipped => (LeftState::NotTried, "somebody asked to stop".to_owned()),
                _ => return None,
            };
            Some(LeftObject { key: result.key.clone(), action: Some(result.action), state, reason })
        };
        let of_blocked = |blocked: &Blocked| LeftObject {
            key: blocked.key.clone(),
            action: None,
            state: if awaiting.contains(&blocked.key) { LeftState::Awaits } else { LeftState::Blocked },
            reason: blocked.why.to_string(),
        };
        let all = self.results.iter().filter_map(of_step).chain(self.plan.blocked.iter().map(of_blocked));
        let cut = |left: LeftObject| LeftObject { reason: cut(&left.reason), ..left };
        all.take(AuditEvent::MOST_LEFT).map(cut).collect()
    }

    /// What failed first, and why.
    pub(super) fn first_error(&self) -> Option<String> {
        self.results.iter().find_map(|result| match &result.outcome {
            StepOutcome::Failed { error, .. } | StepOutcome::Unknown { error, .. } => {
                Some(format!("{}: {error}", result.key))
            }
            _ => None,
        })
    }

    /// How it ended as a whole.
    pub fn result(&self) -> SyncResult {
        let in_part = self.in_part();
        let is_in_part = |result: &&StepResult| {
            let is_written = matches!(result.outcome, StepOutcome::Done | StepOutcome::NotReady { .. });
            is_written && in_part.contains(&result.key)
        };
        let not_done = self.failed() - self.not_ready() + self.results.iter().filter(is_in_part).count();
        match (self.skipped(), not_done + self.plan.blocked.len(), self.applied(), self.not_ready()) {
            (1.., ..) => SyncResult::Stopped,
            (0, 0, _, 0) => SyncResult::Succeeded,
            (0, 0, ..) => SyncResult::NotReady,
            (0, _, 0, _) => SyncResult::Failed,
            (0, ..) => SyncResult::Partial,
        }
    }

    /// How many steps were not tried, because somebody asked to stop.
    pub fn skipped(&self) -> usize {
        self.results.iter().filter(|result| result.outcome == StepOutcome::Skipped).count()
    }

    /// How many objects awaited an output of an object that this reconciliation changed: another reconciliation, at once, takes them up.
    pub fn deferred(&self) -> usize {
        let done = self.done();
        let awaited = self.plan.blocked.iter().filter_map(|blocked| blocked.why.awaited());
        awaited.filter(|of| done.contains(of)).count()
    }

    /// Whether another reconciliation, at once, can do what this one had to leave, and nothing went wrong: all that was not done waits for
    /// objects which [awaited](Self::deferred) what this one made. So does the deletion of what those used before.
    pub fn leads_on(&self) -> bool {
        let left: BTreeSet<&Key> = self.left_to_the_next().collect();
        let is_fine = |result: &StepResult| result.outcome == StepOutcome::Done || left.contains(&result.key);
        self.deferred() > 0 && self.results.iter().all(is_fine)
    }

    /// The steps that were not tried because of what awaits only what this reconciliation made.
    fn left_to_the_next(&self) -> impl Iterator<Item = &Key> {
        let awaiting = self.awaiting();
        let waits = move |result: &&StepResult| match &result.outcome {
            StepOutcome::Blocked { by } => awaiting.contains(by),
            _ => false,
        };
        self.results.iter().filter(waits).map(|result| &result.key)
    }

    fn done(&self) -> BTreeSet<&Key> {
        let done = self.results.iter().filter(|result| result.outcome == StepOutcome::Done);
        done.map(|result| &result.key).collect()
    }

    /// The objects that await nothing but what comes of changes that this reconciliation made: each uses an output of one of
    /// those, or of another object that does.
    fn awaiting(&self) -> BTreeSet<&Key> {
        let (mut settled, mut awaiting) = (self.done(), BTreeSet::new());
        loop {
            let is_next = |blocked: &&Blocked| {
                !awaiting.contains(&blocked.key)
                    && blocked.why.awaited().is_some_and(|of| settled.contains(of))
            };
            let next: Vec<&Key> =
                self.plan.blocked.iter().filter(is_next).map(|blocked| &blocked.key).collect();
            if next.is_empty() {
                return awaiting;
            }
            settled.extend(&next);
            awaiting.extend(next);
        }
    }

    /// Whether everything is as declared now: all steps done and ready, and no object blocked.
    pub fn is_converged(&self) -> bool {
        self.failed() == 0 && self.skipped() == 0 && self.plan.blocked.is_empty()
    }
}

/// A reason as it is recorded.
pub(super) fn cut(reason: &str) -> String {
    reason.chars().take(REASON).collect()
}
