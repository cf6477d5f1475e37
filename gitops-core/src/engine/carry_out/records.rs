//! The records of what a reconciliation is about to do, and of what came of it.

use super::super::proof::{Answer, Proof};
use super::super::{adoption, differing};
use super::SyncRun;
use crate::cx::Cx;
use crate::engine::reconcile::Told;
use crate::plan::planner::LeftFields;
use crate::plan::{Cause, Step};
use crate::state::approval::Approval;
use crate::state::audit::{AuditEntry, AuditEvent};
use crate::state::record::{Intent, OpResult, Record};
use crate::value::{Applied, Digest, Error, ForeignField, Key, Outcome, PlanId, Result, Version};

/// How many characters of an error are kept in journal and audit log.
const ERROR_LENGTH: usize = 1024;

impl SyncRun<'_> {
    pub(super) fn intent(&mut self, cx: &Cx, key: &Key) -> (Record, AuditEntry) {
        let intent = self.intent_of(cx, key);
        let (op, action) = (intent.op.clone(), intent.action);
        let event = AuditEvent::Intent { op, key: key.clone(), action };
        (Record::Intent(intent), self.engine.audit_entry(cx, self.actor, event))
    }

    pub(super) fn intent_of(&mut self, cx: &Cx, key: &Key) -> Intent {
        let step = self.steps[key];
        let object = self.planned.objects.get(key);
        let ledger = &mut self.engine.ledger;
        let op = self.ops.entry(key.clone()).or_insert_with(|| ledger.next_op()).clone();
        let declared = self.engine.declared.as_ref();
        let needs =
            |object| declared.and_then(|declared| declared.desired.needs(object).ok()).unwrap_or_default();
        let approved = self.approved(step);
        Intent {
            op,
            plan: self.planned.plan.id,
            epoch: self.engine.ledger.epoch(),
            at: cx.now(),
            key: key.clone(),
            action: step.action,
            expect: self.taken_over.get(key).cloned().or_else(|| step.expect.clone()),
            // What is written but for a field of another owner is not remembered as equal.
            desired: step
                .desired
                .filter(|_| self.differs_by_design(key).is_none() && !self.is_to_be_labelled_first(key)),
            path: step.provenance.as_ref().map(|provenance| provenance.path.clone()).unwrap_or_default(),
            needs: object.map(|object| needs(object)).unwrap_or_default(),
            keep: object.is_some_and(|object| object.keep),
            stage: object.and_then(|object| object.stage),
            runs_once: object.is_some_and(|object| object.runs_once),
            likeness: object.and_then(|object| object.likeness),
            is_new: object.is_some() && self.engine.is_unproven_in_its_target(key),
            is_approved: self.is_named || !approved.is_empty(),
            approved,
        }
    }

    /// The plans of the approvals that cover a step. To put back what was there is no other effect, so that it voids none.
    fn approved(&self, step: &Step) -> Vec<PlanId> {
        let effect = self.planned.plan.effect();
        let covers = |approval: &&Approval| {
            step.cause == Cause::Drift || approval.effect.uncovered(&step.key, step.action, effect).is_none()
        };
        self.engine.inventory().approvals().iter().filter(covers).map(|approval| approval.plan).collect()
    }

    /// Whether a step takes an object over and has yet to do so before it changes it.
    pub(super) fn is_to_be_labelled_first(&self, key: &Key) -> bool {
        let step = self.steps[key];
        adoption::adopts(step) && !adoption::is_equal(step) && !self.taken_over.contains_key(key)
    }

    /// What is true once an answer is durable: that of an adoption is followed by the change itself.
    pub(super) fn after_outcome(&mut self, key: Key) -> Told {
        let state = self.answers.get(&key).and_then(|answer| answer.as_ref().ok()?.state());
        match state.filter(|_| self.is_to_be_labelled_first(&key)) {
            Some(state) => {
                self.taken_over.insert(key.clone(), state);
                self.answers.remove(&key);
                self.ops.remove(&key);
                Told::TakenOver(key)
            }
            None => Told::OutcomeDurable(key),
        }
    }

    /// What of a declaration a change does not write, because it is another client's: a later difference of that is told as what
    /// this write left. What is left to a client and was written before as it is declared counts as written.
    fn differs_by_design(&self, key: &Key) -> Option<String> {
        let step = self.steps[key];
        let body = self.planned.objects.get(key).map(|object| &object.body)?;
        let entry = self.engine.inventory().entries().get(key);
        let entry =
            entry.filter(|entry| entry.uid.as_ref() == step.expect.as_ref().map(|expect| &expect.uid));
        let is_left_anew = !LeftFields::of(&step.foreign, body, entry).are_as_written;
        let is_it = |field: &&ForeignField| field.is_blocked() || (field.is_left() && is_left_anew);
        let fields: Vec<String> = step.foreign.iter().filter(is_it).map(|field| field.path.clone()).collect();
        (!fields.is_empty()).then(|| differing::sentence(&fields))
    }

    pub(super) fn outcome(&self, cx: &Cx, key: &Key) -> (Record, AuditEntry) {
        let op = self.ops.get(key).cloned().unwrap_or_default();
        let step = self.steps[key];
        let result = match result(&self.answers[key], step.desired) {
            // What is left to another client is compared each time.
            OpResult::Present { uid, version } => {
                let version = if step.leaves_fields() { Version::new("") } else { version };
                match self.differs_by_design(key).filter(|_| !self.is_to_be_labelled_first(key)) {
                    Some(error) => OpResult::Differs { uid, version, desired: step.desired, error },
                    None => OpResult::Present { uid, version },
                }
            }
            result => result,
        };
        let event = AuditEvent::outcome(op.clone(), key.clone(), &result);
        let entry = self.engine.audit_entry(cx, self.actor, event);
        (Record::Outcome { op, key: key.clone(), result }, entry)
    }
}

/// An answer as it is recorded. What nobody saw is recorded in no version, so that the next plan compares it.
fn result(answer: &Result<Answer>, desired: Option<Digest>) -> OpResult {
    match answer {
        Ok(Answer { applied: Applied::Absent, .. }) => OpResult::Absent,
        Ok(Answer { applied: Applied::Deleting, .. }) => OpResult::Deleting,
        Ok(answer) => present(answer, desired),
        Err(error) if error.outcome() == Outcome::Unknown => OpResult::Unknown { error: brief(error) },
        Err(error) => OpResult::NotDone { error: brief(error) },
    }
}

fn present(Answer { applied, proof }: &Answer, desired: Option<Digest>) -> OpResult {
    let Some((uid, version)) = applied.state().map(|(uid, version)| (uid.clone(), version.clone())) else {
        return OpResult::Absent;
    };
    match proof {
        Proof::AsDeclared => OpResult::Present { uid, version },
        Proof::Unproven => OpResult::Present { uid, version: Version::new("") },
        Proof::Differs(fields) => {
            OpResult::Differs { uid, version, desired, error: cut(&differing::sentence(fields)) }
        }
    }
}

/// An error as it is kept: room for it was reserved.
fn brief(error: &Error) -> String {
    cut(&error.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(ERROR_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_error_is_kept_as_its_beginning() {
        let long = "ä".repeat(ERROR_LENGTH);
        assert_eq!(cut(&long), long);
        assert_eq!(cut(&format!("{long}b")), format!("{long}…"));
        assert_eq!(cut("short"), "short");
    }
}
