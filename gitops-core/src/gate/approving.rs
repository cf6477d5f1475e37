//! What an approval lifts of what gates found.

use std::collections::BTreeSet;

use super::GateMessage;
use crate::cx::Time;
use crate::plan::Plan;
use crate::state::approval::{Approval, Approvals, Approver, Lift};
use crate::value::{Digest, Error, ErrorKind, Key, Result, Uncovered};

/// How long one approval may be as it is stored, in bytes. Every index of the state holds what is left of it.
const LENGTH: usize = 192 << 10;

impl Approval {
    /// An approval of all that a plan would do, which lifts these findings, each with the fingerprint of its gate's rule.
    ///
    /// # Errors
    /// `Invalid` if the plan has more steps than one approval can name: a thousand and more.
    pub fn new(
        plan: &Plan,
        findings: impl IntoIterator<Item = (GateMessage, Digest)>,
        by: Approver,
        at: Time,
    ) -> Result<Self> {
        let steps = plan.by_key();
        let lifts = findings.into_iter().map(|(note, rule)| Lift {
            gate: note.gate,
            rule,
            keys: note.keys.into_iter().filter(|key| steps.contains_key(key)).collect(),
        });
        let effect = plan.effect().clone();
        let approval = Self { plan: plan.id, effect, lifts: lifts.collect(), by, at, until: None };
        let length = approval.length();
        if length > LENGTH {
            let steps = plan.effect().keys().count();
            let message =
                format!("an approval of {steps} steps is too long to be kept: {length} of {LENGTH} bytes");
            let help = "apply this plan by its id instead, or make the change in smaller commits";
            return Err(Error::new(ErrorKind::Invalid, message).help(help));
        }
        Ok(approval)
    }

    /// Whether it lifts a finding of a plan: if it named the gate with this rule, and if it covers *every* step that the
    /// finding names. Two small approvals never make a large one, and a plan that does nothing has nothing to approve.
    ///
    /// # Errors
    /// Why not, step by step.
    pub(crate) fn lifts(
        &self,
        finding: &GateMessage,
        rule: Digest,
        plan: &Plan,
    ) -> Result<(), Vec<(Key, Uncovered)>> {
        let by_key = plan.by_key();
        let steps: BTreeSet<&Key> = finding.keys.iter().filter(|key| by_key.contains_key(key)).collect();
        let named = if steps.is_empty() { plan.effect().keys().collect() } else { steps };
        let mut of_gate = self.lifts.iter().filter(|lift| {
            let names_it = lift.keys.is_empty() || named.iter().all(|key| lift.keys.contains(*key));
            lift.gate == finding.gate && names_it
        });
        let is_of_another_rule = of_gate.clone().next().is_some();
        let is_known = of_gate.any(|lift| lift.rule == rule);
        let uncovered = |key: &&Key| {
            let step = by_key.get(key);
            let why = step.and_then(|step| self.effect.uncovered(key, step.action, plan.effect()));
            match why {
                why if is_known => why,
                None if is_of_another_rule => Some(Uncovered::OtherRule),
                _ => Some(Uncovered::NotApproved),
            }
        };
        let why: Vec<_> = named.iter().filter_map(|key| Some(((*key).clone(), uncovered(key)?))).collect();
        if why.is_empty() && !named.is_empty() { Ok(()) } else { Err(why) }
    }
}

impl Approvals {
    /// The approval that lifts a finding, among those that are `meant`.
    ///
    /// # Errors
    /// Why the newest valid one does not, step by step; nothing if there is no valid one.
    pub(crate) fn lifting(
        &self,
        finding: &GateMessage,
        rule: Digest,
        plan: &Plan,
        now: Time,
        meant: impl Fn(&Approval) -> bool,
    ) -> Result<&Approval, Vec<(Key, Uncovered)>> {
        let mut why = Vec::new();
        let valid = self.newest_first().filter(|approval| approval.is_valid(now));
        for approval in valid.filter(|approval| meant(approval)) {
            match approval.lifts(finding, rule, plan) {
                Ok(()) => return Ok(approval),
                Err(uncovered) if why.is_empty() => why = uncovered,
                Err(_) => {}
            }
        }
        Err(why)
    }
}
