//! Where the simulator puts mistakes of the past back, to prove that it would find them. Without the feature
//! `simulate` every function here gives back what it got.

#[cfg(feature = "simulate")]
mod on;

#[cfg(feature = "simulate")]
pub(super) use on::{
    back_off, believes, candidates, concluded, doubts, folded, identities, missed, planned, records,
    shares_epochs, stale, suspended, told, writes_plans,
};

#[cfg(not(feature = "simulate"))]
pub(super) use off::{
    back_off, believes, candidates, concluded, doubts, folded, identities, missed, planned, records,
    shares_epochs, stale, suspended, told, writes_plans,
};

#[cfg(not(feature = "simulate"))]
mod off {
    use std::borrow::Cow;
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use crate::cx::{Cx, Time};
    use crate::engine::Suspension;
    use crate::engine::reconcile::Told;
    use crate::plan::planner::Planned;
    use crate::render::Desired;
    use crate::state::inventory::Inventory;
    use crate::state::record::Record;
    use crate::value::{Key, Live, StaleBecause};

    pub fn told(_: &Cx, told: Vec<Told>) -> Vec<Told> {
        told
    }

    pub fn records(_: &Cx, _: impl FnOnce() -> bool, records: Vec<Record>) -> Vec<Record> {
        records
    }

    pub fn planned(_: &Cx, planned: Planned) -> Planned {
        planned
    }

    pub fn candidates(_: &Cx, _: &Desired, _: &Inventory, keys: BTreeSet<Key>) -> BTreeSet<Key> {
        keys
    }

    pub fn folded<'a>(_: &Cx, inventory: &'a Inventory) -> Cow<'a, Inventory> {
        Cow::Borrowed(inventory)
    }

    pub fn concluded(_: &Cx, _: &Inventory, records: Vec<Record>) -> Vec<Record> {
        records
    }

    pub fn shares_epochs(_: &Cx) -> bool {
        false
    }

    pub fn believes(_: &Cx) -> bool {
        false
    }

    pub fn doubts(_: &Cx, doubts: BTreeMap<Key, Option<Time>>) -> BTreeMap<Key, Option<Time>> {
        doubts
    }

    pub fn missed(_: &Cx, _: &mut Inventory, _: &BTreeMap<Key, Live>) {}

    pub fn suspended(_: &Cx, suspension: Option<Suspension>) -> Option<Suspension> {
        suspension
    }

    pub fn identities(_: &Cx, _: &Desired, _: &Inventory, _: &mut BTreeMap<Key, Live>) {}

    pub fn writes_plans(_: &Cx) -> bool {
        false
    }

    pub fn stale(_: &Cx, moved: Vec<StaleBecause>) -> Vec<StaleBecause> {
        moved
    }

    pub fn back_off(_: &Cx, wait: Duration) -> Duration {
        wait
    }
}
