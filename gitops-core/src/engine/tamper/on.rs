//! Seeded bugs of the engine itself: each puts one mistake back where the engine decides.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::capability::Diff;
use crate::cx::{Cx, Time};
use crate::engine::Suspension;
use crate::engine::reconcile::Told;
use crate::plan::Reason;
use crate::plan::planner::Planned;
use crate::render::Desired;
use crate::state::inventory::Inventory;
use crate::state::record::{OpResult, Owned, OwnedState, Record};
use crate::value::{Action, GroupKind, Key, Live, StaleBecause, Uid};

/// B35: a dependant is not woken. B42: a failure stops the others. B43: what needs a failed object goes on.
pub(crate) fn told(cx: &Cx, mut told: Vec<Told>) -> Vec<Told> {
    if cx.has_bug(35) {
        told.retain(|told| !matches!(told, Told::Settled { .. }));
    }
    if cx.has_bug(42) && told.iter().any(|told| matches!(told, Told::Answered { done: false, .. })) {
        told.push(Told::Stop);
    }
    for told in &mut told {
        match told {
            Told::Settled { ready, .. } if cx.has_bug(43) => *ready = true,
            _ => {}
        }
    }
    told
}

/// B47: what a reconciliation makes after a failure is forgotten. B48: what failed is taken for gone. B49: what is unknown is
/// taken for not done. B55: creations are not written down.
pub(crate) fn records(cx: &Cx, some_failed: impl FnOnce() -> bool, mut records: Vec<Record>) -> Vec<Record> {
    let some_failed = cx.has_bug(47) && some_failed();
    if cx.has_bug(55) {
        records.retain(|record| !matches!(record, Record::Intent(intent) if intent.action == Action::Create));
    }
    for record in &mut records {
        let Record::Outcome { key, result, .. } = record else { continue };
        match result {
            OpResult::Present { .. } if some_failed => {
                *record = Record::Forget { key: key.clone() };
            }
            OpResult::NotDone { .. } if cx.has_bug(48) => *result = OpResult::Absent,
            OpResult::Unknown { error } if cx.has_bug(49) => {
                *result = OpResult::NotDone { error: error.clone() }
            }
            _ => {}
        }
    }
    records
}

/// B44: deletes wait for nothing. B51: the guard against mass deletion lets all but everything pass. B63: what does not
/// change is not asked whether it is ready. B67: to adopt an object is all that is done about it. B71: what left the source
/// waits for nothing that is new there.
pub(crate) fn planned(cx: &Cx, mut planned: Planned) -> Planned {
    if cx.has_bug(71) {
        let stands_for_new = |key: &Key| *key.kind() == GroupKind::new("gitops", "New");
        planned.plan.steps.iter_mut().for_each(|step| step.after.retain(|key| !stands_for_new(key)));
    }
    if cx.has_bug(44) {
        let deletes = planned.plan.steps.iter_mut().filter(|step| step.action == Action::Delete);
        deletes.for_each(|step| step.after.clear());
    }
    if cx.has_bug(63) {
        let prerequisites: BTreeSet<Key> =
            std::mem::take(&mut planned.plan.prerequisites).into_iter().map(|found| found.key).collect();
        planned.plan.steps.iter_mut().for_each(|step| step.after.retain(|key| !prerequisites.contains(key)));
    }
    if cx.has_bug(67) {
        let adopted = planned.plan.steps.iter_mut().filter(|step| step.reason == Reason::Adopted);
        adopted.for_each(|step| step.diff = Diff::default());
    }
    if cx.has_bug(51) {
        planned.plan.owned *= 100;
    }
    planned
}

/// B31: only an object that was seen to leave the source is deleted. B37: what happened while no engine was there is
/// not looked at.
pub(crate) fn candidates(
    cx: &Cx,
    desired: &Desired,
    inventory: &Inventory,
    mut keys: BTreeSet<Key>,
) -> BTreeSet<Key> {
    if cx.has_bug(31) {
        keys.retain(|key| desired.objects().contains(key));
    }
    if cx.has_bug(37) {
        let is_as_written = |key: &Key| {
            let entry = inventory.entries().get(key).filter(|entry| entry.state == OwnedState::Held);
            let object = desired.objects().get(key);
            entry.and_then(|entry| entry.desired) == object.map(|object| object.body.digest())
                && entry.is_some()
        };
        keys.retain(|key| !is_as_written(key));
    }
    keys
}

/// B05: what is open is not among what a journal is folded into.
pub(crate) fn folded<'a>(cx: &Cx, inventory: &'a Inventory) -> Cow<'a, Inventory> {
    match cx.has_bug(5) {
        true => Cow::Owned(inventory.without_open()),
        false => Cow::Borrowed(inventory),
    }
}

/// B61: two engines that take over at once write in one epoch.
pub(crate) fn shares_epochs(cx: &Cx) -> bool {
    cx.has_bug(61)
}

/// B10: recovery takes every open change for not done. B52: what is open stays open.
pub(crate) fn concluded(cx: &Cx, inventory: &Inventory, records: Vec<Record>) -> Vec<Record> {
    if cx.has_bug(52) {
        return Vec::new();
    }
    if !cx.has_bug(10) {
        return records;
    }
    let not_done = || OpResult::NotDone { error: "not looked up".to_owned() };
    let outcome = |op, key| Record::Outcome { op, key, result: not_done() };
    inventory.open().map(|intent| outcome(intent.op.clone(), intent.key.clone())).collect()
}

/// B26: a plan is carried out though its base has moved.
pub(crate) fn stale(cx: &Cx, moved: Vec<StaleBecause>) -> Vec<StaleBecause> {
    if cx.has_bug(26) { Vec::new() } else { moved }
}

/// B62: an answer is taken for proof; so it is where B67 takes an adoption for the whole change.
pub(crate) fn believes(cx: &Cx) -> bool {
    cx.has_bug(62) || cx.has_bug(67)
}

/// B64: a creation whose answer was lost is in doubt no longer than its caller waited.
pub(crate) fn doubts(cx: &Cx, doubts: BTreeMap<Key, Option<Time>>) -> BTreeMap<Key, Option<Time>> {
    if cx.has_bug(64) { BTreeMap::new() } else { doubts }
}

/// B68: what ran to its end and is gone is missing like anything else.
pub(crate) fn missed(cx: &Cx, inventory: &mut Inventory, live: &BTreeMap<Key, Live>) {
    if !cx.has_bug(68) {
        return;
    }
    let is_gone = |(key, entry): &(&Key, &Owned)| entry.runs_once && !live.contains_key(*key);
    let gone = inventory.entries().iter().filter(is_gone);
    let gone: Vec<(Key, Owned)> = gone
        .map(|(key, entry)| (key.clone(), Owned { runs_once: false, desired: None, ..entry.clone() }))
        .collect();
    for (key, entry) in gone {
        inventory.take_in(&Record::Adopt { key, entry });
    }
}

/// B70: a suspension is an order to whoever hears it, and to nobody after that.
pub(crate) fn suspended(cx: &Cx, suspension: Option<Suspension>) -> Option<Suspension> {
    if cx.has_bug(70) { None } else { suspension }
}

/// B69: the key is taken for the identity: what is declared under a new one is taken for another object.
pub(crate) fn identities(cx: &Cx, desired: &Desired, inventory: &Inventory, live: &mut BTreeMap<Key, Live>) {
    if !cx.has_bug(69) {
        return;
    }
    let is_new = |key: &Key| desired.objects().contains(key) && !inventory.entries().contains(key);
    for (key, live) in live.iter_mut().filter(|(key, _)| is_new(key)) {
        live.uid = Uid::new(format!("{} {key}", live.uid));
    }
}

/// B66: what is only looked at is written down.
pub(crate) fn writes_plans(cx: &Cx) -> bool {
    cx.has_bug(66)
}

/// B40: the wait after failures has no bound.
pub(crate) fn back_off(cx: &Cx, wait: Duration) -> Duration {
    if cx.has_bug(40) { wait * 600 } else { wait }
}
