//! What people approved, and what of it is left.

mod approvals;
mod approver;

pub use approvals::Approvals;
pub use approver::{Approver, Through};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::cx::Time;
use crate::value::{Digest, Effect, Hasher, Key, PlanId};

/// Somebody's approval of the effect of a plan.
///
/// It is bound to what would be *done*, step by step, and not to a revision or a [`PlanId`]: so it outlives a merge exactly
/// as far as the effect does. It lifts findings of gates that it names. A step is spent when its outcome is durable, and any
/// other change of the object voids it too; what is left stays valid. One that was given at the state, and not on a request, loses what
/// a later revision that is applied does not do any more. A rejection, a pin and the end of a pin void all of
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
#[non_exhaustive]
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

    /// What stands for it however much of it is done since: its plan, who gave it and when.
    pub(crate) fn origin(&self) -> Digest {
        let mut hasher = Hasher::new("gitops approval origin 1");
        hasher.field(self.plan.to_string()).field(&self.by.name);
        hasher.field(self.by.through.to_string()).field(self.at.to_string());
        hasher.finish()
    }

    /// Whether it is valid at a time.
    pub fn is_valid(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now < until) && !self.effect.is_empty()
    }
}
