//! The reviewable difference between what is declared and what is there, and how it is found and ordered.

mod basis;
mod beside;
mod blocked;
mod effect;
pub mod graph;
mod obstacle;
mod orphaned;
pub(crate) mod planner;
mod prerequisite;
mod step;

pub use basis::Basis;
pub use beside::{DriftBeside, FoundBeside};
pub use blocked::{Blocked, BlockedBecause};
pub(crate) use effect::{EffectContext, is_repair};
pub use obstacle::Obstacle;
pub use orphaned::OrphanedBecause;
pub use prerequisite::Prerequisite;
pub use step::{Cause, Reason, Step};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cx::Time;
use crate::state::record::Rebound;
use crate::value::{Action, Effect, Key, PlanId, Revision};

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
    /// What the state would belong to instead of what it belongs to: another name of the application, another source or
    /// place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rebound: Vec<Rebound>,
    /// What would be done, the riskiest first: deletes, replaces, updates, creates, each by key.
    pub steps: Vec<Step>,
    /// Objects that differ from what was applied and are left alone, because drift is not corrected.
    pub drift: Vec<Step>,
    /// Objects of the steps that the source changes, and that are not as they were applied last either. Only a plan that looked
    /// for drift has them ([`Engine::plan`](crate::Engine::plan)), and one of a [run](crate::Engine::run) that is not carried out whole. Neither a part of the id nor of what is saved.
    #[serde(skip)]
    pub beside: Vec<DriftBeside>,
    /// Objects about which nothing may be done now; what needs them is blocked.
    pub blocked: Vec<Blocked>,
    /// What does not change and steps wait for. Neither a part of the id nor of what is saved.
    #[serde(skip)]
    pub prerequisites: Vec<Prerequisite>,
    /// Objects that the state still has and the target no longer: a deletion has ended. The next apply forgets them. Neither a
    /// part of the id nor of what is saved.
    #[serde(skip)]
    pub gone: Vec<Key>,
    /// Objects that stay in the target though they left the source.
    pub orphaned: Vec<Key>,
    /// Why each of them stays. Neither a part of the id nor of what is saved.
    #[serde(skip)]
    pub orphaned_because: BTreeMap<Key, OrphanedBecause>,
    /// What the plan would do, as far as people approve it.
    #[serde(default)]
    pub(crate) effect: Effect,
    /// How many objects we own before the plan is applied, without those that were made since the revision in progress began:
    /// what the mass-delete guard measures against.
    pub owned: usize,
    /// How many objects were removed since the revision in progress began, and nobody approved it: they count for the mass-delete guard.
    /// Neither a part of the id nor of what is saved.
    #[serde(skip)]
    pub removed: usize,
    /// How many objects are as they should be.
    pub unchanged: usize,
}

impl Plan {
    /// Whether nothing would be done and nothing stands in the way.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.blocked.is_empty() && self.rebound.is_empty()
    }

    /// What the plan would do, step by step: what people approve.
    pub fn effect(&self) -> &Effect {
        &self.effect
    }

    /// Whether the id is the digest of what the plan says. It is not in a plan that was edited.
    pub fn has_its_id(&self) -> bool {
        self.basis.plan_id(&self.application, &self.revision, &self.rebound, &self.steps) == self.id
    }

    /// Objects that stay, whatever is declared.
    pub(crate) fn leave(&mut self, keys: impl IntoIterator<Item = Key>, why: OrphanedBecause) {
        for key in keys {
            self.orphaned_because.insert(key, why);
        }
        self.orphaned = self.orphaned_because.keys().cloned().collect();
    }

    /// The objects that keep the revision from being live completely: those that this plan would change because of the
    /// revision, and those that are blocked. Repairs of drift are not among them, nor conflict loops.
    pub fn missing(&self) -> impl Iterator<Item = &Key> {
        let steps = self.steps.iter().filter(|step| step.cause != Cause::Drift).map(|step| &step.key);
        let counts = |why: &BlockedBecause| {
            // What is not ready was applied: health is told beside.
            !matches!(why, BlockedBecause::Flapping { .. } | BlockedBecause::NotReady { .. })
        };
        let blocked = self.blocked.iter().filter(move |blocked| counts(&blocked.why));
        steps.chain(blocked.map(|blocked| &blocked.key))
    }

    /// How many steps are of an action.
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|step| step.action == action).count()
    }

    /// What is known beside a step of how its object differs from what was applied last.
    pub fn drift_beside(&self, key: &Key) -> Option<&DriftBeside> {
        self.beside.iter().find(|beside| &beside.key == key)
    }

    /// The steps by their objects, for who looks for many.
    pub(crate) fn by_key(&self) -> BTreeMap<&Key, &Step> {
        self.steps.iter().map(|step| (&step.key, step)).collect()
    }

    /// The step of an object.
    pub fn step(&self, key: &Key) -> Option<&Step> {
        self.steps.iter().find(|step| &step.key == key)
    }

    /// The deletes that wait for what is blocked, directly or through others: each with one such object, and why that is blocked.
    pub fn held_deletes(&self) -> BTreeMap<&Key, &Blocked> {
        let blocks = |blocked: &&Blocked| blocked.why.blocks_what_needs_it();
        let blocked: BTreeMap<&Key, &Blocked> =
            self.blocked.iter().filter(blocks).map(|blocked| (&blocked.key, blocked)).collect();
        let held = self.behind(blocked.keys().copied());
        let deletes = self.steps.iter().filter(|step| step.action == Action::Delete);
        deletes.filter_map(|step| Some((&step.key, blocked[held.get(&step.key)?]))).collect()
    }

    /// All that waits for one of these, directly or through others: each with the one.
    pub(crate) fn behind<'a>(&'a self, first: impl Iterator<Item = &'a Key>) -> BTreeMap<&'a Key, &'a Key> {
        let of_steps = self.steps.iter().map(|step| (&step.key, &step.after));
        let nodes = of_steps.chain(self.prerequisites.iter().map(|found| (&found.key, &found.after)));
        let mut before: BTreeMap<&Key, Vec<&Key>> = BTreeMap::new();
        for (key, after) in nodes {
            after.iter().for_each(|need| before.entry(need).or_default().push(key));
        }
        let mut due: Vec<(&Key, &Key)> = first.map(|key| (key, key)).collect();
        let mut held: BTreeMap<&Key, &Key> = BTreeMap::new();
        while let Some((key, by)) = due.pop() {
            for next in before.get(key).into_iter().flatten() {
                if held.insert(next, by).is_none() {
                    due.push((next, by));
                }
            }
        }
        held
    }
}
