//! The reviewable difference between what is declared and what is there.

mod basis;
mod held;
mod id;
mod step;

pub use basis::{Basis, Moved};
pub use held::{Held, HeldBecause};
pub use id::PlanId;
pub use step::{Cause, Reason, Risk, Step};

use serde::{Deserialize, Serialize};

use crate::cx::Time;
use crate::value::{Action, Key, Revision};

/// All that would be done, and why; nothing else is done when it is applied.
///
/// A plan is a value: the same inputs give the same plan, byte for byte, apart from
/// [`observed_at`](Self::observed_at). It holds no secret and nothing that can be applied by itself: an apply
/// plans again and goes on only if the [`PlanId`] is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The digest of everything that the plan was made from.
    pub id: PlanId,
    /// The application.
    pub application: String,
    /// The revision that would be applied.
    pub revision: Revision,
    /// When the targets were looked at. No part of the id.
    pub observed_at: Time,
    /// What the plan was made from, apart from the steps.
    pub basis: Basis,
    /// What would be done, the riskiest first: deletes, replaces, updates, creates, each by key.
    pub steps: Vec<Step>,
    /// Objects that differ from what was applied and are left alone, because drift is not corrected.
    pub drift: Vec<Step>,
    /// Objects about which nothing may be done now; what needs them is blocked.
    pub held: Vec<Held>,
    /// Objects that stay in the target though they left the source, because pruning is off or they say so.
    pub kept: Vec<Key>,
    /// How many objects we own before the plan is applied: what the mass-delete guard measures against.
    pub owned: usize,
    /// How many objects are as they should be.
    pub unchanged: usize,
}

impl Plan {
    /// Whether nothing would be done and nothing stands in the way.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.held.is_empty()
    }

    /// How many steps are of an action.
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|step| step.action == action).count()
    }

    /// The step of an object.
    pub fn step(&self, key: &Key) -> Option<&Step> {
        self.steps.iter().find(|step| &step.key == key)
    }
}
