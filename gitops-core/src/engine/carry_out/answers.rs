//! What comes back to a reconciliation, and what came of its steps.

use std::collections::BTreeMap;

use super::super::effects::Done;
use super::super::proof::{Answer, Proof};
use super::super::readiness::record_of;
use super::super::{StepOutcome, StepResult};
use super::SyncRun;
use crate::capability::Readiness;
use crate::engine::event::Event;
use crate::engine::reconcile::{NodeState, Told};
use crate::plan::{Plan, Step};
use crate::value::{Action, Applied, Error, ErrorKind, Key, Result};

impl SyncRun<'_> {
    pub(super) fn finished(&mut self, done: Done) -> Vec<Told> {
        match done {
            Done::Answered(answers) => {
                answers.into_iter().map(|(key, answer)| self.answered(key, answer)).collect()
            }
            Done::Settled(key, readiness) => vec![self.concluded(key, readiness)],
        }
    }

    fn answered(&mut self, key: Key, answer: Result<Answer>) -> Told {
        let done = match &answer {
            Ok(_) if self.is_to_be_labelled_first(&key) => true,
            Ok(answer) => self.made(&key, answer),
            Err(error) if self.was_not_begun(error) => false,
            Err(error) => {
                self.engine.back_off.hear(error);
                let help = error.help_text().map(str::to_owned);
                self.engine.events.emit(&Event::Failed {
                    key: key.clone(),
                    error: error.to_string(),
                    help,
                    unknown: error.is_unknown(),
                });
                false
            }
        };
        self.under_way.remove(&key);
        self.answers.insert(key.clone(), answer);
        Told::Answered { key, done }
    }

    /// Tells of a change that was made; says whether it had the effect that was declared, as far as that is known.
    fn made(&mut self, key: &Key, answer: &Answer) -> bool {
        let step = self.steps[key];
        self.engine.events.emit(&Event::Applied { key: key.clone(), action: step.action });
        let Proof::Differs(fields) = &answer.proof else { return true };
        self.engine.events.emit(&Event::Differs { key: key.clone(), fields: fields.clone() });
        if let (Some(desired), Some(state)) = (step.desired, answer.state()) {
            self.engine.differing.note(key, desired, state, fields.clone());
        }
        false
    }

    fn concluded(&mut self, key: Key, readiness: Readiness) -> Told {
        // The end of a deletion says nothing of how the object ended.
        if self.steps.get(&key).is_none_or(|step| step.action != Action::Delete) {
            let inventory = self.engine.inventory();
            let is_only_new = inventory.entries().get(&key).is_some_and(|entry| !entry.may_use_more());
            let due = if is_only_new { &mut self.ready } else { &mut self.readiness };
            due.extend(record_of(inventory, &key, &readiness));
        }
        let why = readiness.reason().filter(|_| !readiness.is_ready());
        let Some(reason) = why else { return Told::Settled { key, ready: true } };
        let reason = match readiness {
            Readiness::Stuck { since, .. } => format!("{reason}; it is stuck since {since}"),
            _ => reason.to_owned(),
        };
        self.engine.events.emit(&Event::Waiting { key: key.clone(), reason: reason.clone() });
        self.unready.insert(key.clone(), reason);
        Told::Settled { key, ready: false }
    }

    pub(super) fn results(&self, states: &BTreeMap<Key, NodeState>) -> Vec<StepResult> {
        let Plan { steps, .. } = &self.planned.plan;
        let result = |step: &Step| StepResult {
            key: step.key.clone(),
            action: if self.is_half_done(&step.key) { Action::Delete } else { step.action },
            outcome: self.outcome_of(&step.key, states.get(&step.key)),
        };
        steps.iter().map(result).collect()
    }

    /// Whether an object that was to be replaced was deleted, and is not made anew yet, because that is not through.
    pub(super) fn is_half_done(&self, key: &Key) -> bool {
        let is_deleting =
            matches!(self.answers.get(key), Some(Ok(Answer { applied: Applied::Deleting, .. })));
        is_deleting && self.steps.get(key).is_some_and(|step| step.action == Action::Replace)
    }

    fn outcome_of(&self, key: &Key, state: Option<&NodeState>) -> StepOutcome {
        match (state, self.answers.get(key)) {
            (Some(NodeState::Ready), _) => StepOutcome::Done,
            (Some(NodeState::Blocked { by }), _) => StepOutcome::Blocked { by: by.clone() },
            (_, Some(Ok(Answer { proof: Proof::Differs(fields), .. }))) => {
                StepOutcome::Differs { fields: fields.clone() }
            }
            (_, Some(Ok(_))) => {
                StepOutcome::NotReady { reason: self.unready.get(key).cloned().unwrap_or_default() }
            }
            (_, Some(Err(error))) if !self.was_not_begun(error) => StepOutcome::of(error),
            _ => StepOutcome::Skipped,
        }
    }

    /// Whether a change was sent, and not begun before somebody asked to stop.
    fn was_not_begun(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Cancelled && !error.is_unknown() && self.cx.is_cancelled()
    }
}
