use std::collections::BTreeSet;
use std::sync::Arc;

use crate::plan::planner::Planned;
use crate::render::Desired;
use crate::state::inventory::Inventory;
use crate::state::record::Owned;
use crate::value::{DigestMap, Key, Object};

/// The last plan's knowledge, from which the next plan starts: what was declared and owned then, and which objects
/// were not concluded by it or may have moved since.
#[derive(Default)]
pub(super) struct Base {
    known: Option<Known>,
    moved: BTreeSet<Key>,
}

struct Known {
    desired: Desired,
    entries: DigestMap<Owned>,
}

impl Base {
    /// Whether the next plan looks at everything.
    pub fn looks_at_everything(&self) -> bool {
        self.known.is_none()
    }

    /// Goes on from what an earlier process knew, and what it had not settled.
    pub fn go_on_from(
        objects: DigestMap<Arc<Object>>,
        entries: DigestMap<Owned>,
        noted: impl IntoIterator<Item = Key>,
    ) -> Self {
        let desired = Desired::from_kept(objects);
        Self { known: Some(Known { desired, entries }), moved: noted.into_iter().collect() }
    }

    /// What was declared when the last plan was made.
    pub fn declared(&self) -> impl Iterator<Item = &Key> {
        self.known.iter().flat_map(|known| known.desired.objects().keys())
    }

    /// Notes objects that may have moved.
    pub fn moved(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.moved.extend(keys);
    }

    /// What is to be looked at whether it is declared otherwise or not.
    pub fn noted(&self) -> impl Iterator<Item = &Key> {
        self.moved.iter()
    }

    /// The objects that the next plan must look at.
    pub fn candidates(&self, desired: &Desired, inventory: &Inventory) -> BTreeSet<Key> {
        let mut keys: BTreeSet<Key> = match &self.known {
            None => desired.objects().keys().chain(inventory.entries().keys()).cloned().collect(),
            Some(known) => {
                let declared = || desired.objects().changed_since(known.desired.objects());
                // What they need is in our entries of them, by which deletions are brought into their order.
                let needing = desired.needing_others(&known.desired, declared());
                let entries = inventory.entries().changed_since(&known.entries);
                declared().chain(entries).cloned().chain(needing).collect()
            }
        };
        keys.extend(inventory.open().map(|intent| intent.key.clone()));
        let is_known = |key: &&Key| desired.objects().contains(key) || inventory.entries().contains(key);
        keys.extend(self.moved.iter().filter(is_known).cloned());
        with_users(desired, keys)
    }

    /// Takes a plan as the new start. What it did not settle stays to be looked at.
    ///
    /// What was learned stays to be looked at too: a plan that is not carried out writes none of it down.
    pub fn planned(&mut self, desired: &Desired, inventory: &Inventory, planned: &Planned) {
        let plan = &planned.plan;
        self.known = Some(Known { desired: desired.clone(), entries: inventory.entries().clone() });
        let unsettled = plan.steps.iter().chain(&plan.drift).map(|step| &step.key);
        let unsettled =
            unsettled.chain(plan.blocked.iter().map(|blocked| &blocked.key)).chain(&plan.orphaned);
        let unsettled = unsettled.chain(planned.learned.keys()).chain(&planned.gone).chain(&planned.leaving);
        self.moved = unsettled.cloned().collect();
        self.moved.extend(plan.blocked.iter().filter_map(|blocked| blocked.why.awaited()).cloned());
    }
}

/// The objects, and all that use outputs of them, directly or through others.
fn with_users(desired: &Desired, mut keys: BTreeSet<Key>) -> BTreeSet<Key> {
    let mut due: Vec<Key> = keys.iter().cloned().collect();
    while let Some(key) = due.pop() {
        due.extend(desired.users(&key).filter(|user| keys.insert((*user).clone())).cloned());
    }
    keys
}
