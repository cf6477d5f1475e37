//! What people approved, and what of it is left.

mod approvals;
mod approver;

pub use approvals::Approvals;
pub use approver::{Approver, Through};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::cx::Time;
use crate::gate::GateMessage;
use crate::plan::{Effect, Plan, PlanId, Uncovered};
use crate::value::{Digest, Hasher, Key};
use crate::{Error, ErrorKind, Result};

/// How long one approval may be as it is stored, in bytes. Every index of the state holds what is left of it.
const LENGTH: usize = 192 << 10;

/// Somebody's approval of the effect of a plan.
///
/// It is bound to what would be *done*, step by step, and not to a revision or a [`PlanId`]: so it outlives a merge exactly
/// as far as the effect does. It lifts findings of gates that it names. A step is spent when its outcome is durable, and any
/// other change of the object voids it too; what is left stays valid. A rejection, a pin and the end of a pin void all of
/// it.
///
/// Denials, and rules about the time, are judged anew for each plan and are never lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Approval {
    /// The plan that was shown.
    pub plan: PlanId,
    /// What of its effect is approved and not done yet.
    pub effect: Effect,
    /// The findings that it lifts.
    pub lifts: Vec<Lift>,
    /// Who approved it.
    pub by: Approver,
    /// When.
    pub at: Time,
    /// Until when it is valid; nothing if it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// A finding of a gate that an approval lifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lift {
    /// The gate.
    pub gate: String,
    /// Its rule as it was then: a changed rule asks again.
    pub rule: Digest,
    /// The objects whose steps the finding named; none if it was about the whole plan.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<Key>,
}

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
        let lifts = findings.into_iter().map(|(note, rule)| Lift {
            gate: note.gate,
            rule,
            keys: note.keys.into_iter().filter(|key| plan.step(key).is_some()).collect(),
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

    /// How long it is as it is stored, in bytes.
    pub(crate) fn length(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |stored| stored.len())
    }

    /// The same with an end.
    #[must_use]
    pub fn until(mut self, until: Option<Time>) -> Self {
        self.until = until;
        self
    }

    /// What stands for it: its plan, its effect, who gave it and when.
    pub fn id(&self) -> Digest {
        let mut hasher = Hasher::new("gitops approval 1");
        hasher.field(self.plan.to_string()).field(self.effect.digest().as_bytes());
        hasher.field(&self.by.name).field(self.by.through.to_string()).field(self.at.to_string());
        hasher.finish()
    }

    /// Whether it is valid at a time.
    pub fn is_valid(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now < until) && !self.effect.is_empty()
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
        let steps: BTreeSet<&Key> = finding.keys.iter().filter(|key| plan.step(key).is_some()).collect();
        let named = if steps.is_empty() { plan.effect().keys().collect() } else { steps };
        let knows = self.lifts.iter().any(|lift| {
            let names_it = lift.keys.is_empty() || named.iter().all(|key| lift.keys.contains(*key));
            lift.gate == finding.gate && lift.rule == rule && names_it
        });
        let uncovered = |key: &&Key| {
            if !knows {
                return Some(Uncovered::NotApproved);
            }
            let step = plan.step(key)?;
            self.effect.uncovered(key, step.action, plan.effect())
        };
        let why: Vec<_> = named.iter().filter_map(|key| Some(((*key).clone(), uncovered(key)?))).collect();
        if why.is_empty() && !named.is_empty() { Ok(()) } else { Err(why) }
    }
}
