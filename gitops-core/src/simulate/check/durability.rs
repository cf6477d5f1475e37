//! I22 to I28 and I45: what is written down before anything is done.

use crate::engine::{Report, StepOutcome};
use crate::simulate::state::Inner;
use crate::state::inventory::Inventory;
use crate::state::record::{Intent, Record};
use crate::value::{Action, Change, Precondition, Value};

pub(super) fn i22_a_deposed_engine_sends_nothing(world: &mut Inner, life: usize, intent: &Intent) {
    let epoch = world.app_of(life).book.epoch;
    if intent.epoch != epoch {
        let (key, own) = (&intent.key, intent.epoch);
        world.broken(22, format!("{key} is sent in epoch {own}, and epoch {epoch} has begun"));
    }
    if !world.may_still_send(life, intent.action == Action::Delete) {
        world.broken(22, format!("{} is sent by an engine that should know that it was deposed", intent.key));
    }
    if !world.has_its_turn(life) {
        world.broken(22, format!("{} is sent by an engine that has not the lease", intent.key));
    }
}

/// The intent that covers a change, if it is durable and says the same.
pub(super) fn i25_the_intent_is_durable_before_the_effect(
    world: &mut Inner,
    life: usize,
    change: &Change,
    is_adoption: bool,
) -> Option<Intent> {
    let intent = world.app_of(life).book.intent(&change.owner_label().op).cloned();
    let expect = match change.expects() {
        Precondition::Absent => None,
        Precondition::Exactly(expect) => Some(expect.clone()),
    };
    let covers = |intent: &Intent| {
        intent.key == *change.key()
            && intent.action == change.action()
            && intent.expect == expect
            && (intent.desired == change.body().map(Value::digest) || is_adoption && intent.desired.is_none())
    };
    let intent = intent.filter(covers);
    if intent.is_none() {
        let (action, key, op) = (change.action(), change.key(), &change.owner_label().op);
        world.broken(25, format!("{action} of {key} is sent, and no durable intent of {op} says so"));
    }
    intent
}

/// What a report calls done has an outcome that a crash can't take back.
pub(in crate::simulate) fn i25_what_is_told_is_durable(world: &mut Inner, app: usize, report: &Report) {
    let shadow = &world.apps[app].book.shadow;
    let told = report.results.iter().filter(|result| result.outcome == StepOutcome::Done);
    if let Some(early) = told.map(|result| result.key.clone()).find(|key| shadow.is_open(key)) {
        world.broken(25, format!("{early} is said to be done, and its outcome is not durable"));
    }
}

pub(super) fn i26_what_is_read_is_what_was_written(world: &mut Inner, app: usize, inventory: &Inventory) {
    let mut shadow = world.apps[app].book.shadow.clone();
    world.apps[app].disk.unsynced().iter().for_each(|record| shadow.take_in(record));
    let shadow = &shadow;
    let open = |inventory: &Inventory| inventory.open().map(|intent| intent.op.clone()).collect::<Vec<_>>();
    let same = inventory.entries().changed_since(shadow.entries()).next().is_none()
        && open(inventory) == open(shadow)
        && inventory.accepted() == shadow.accepted()
        && inventory.standing() == shadow.standing()
        && inventory.binding() == shadow.binding();
    if !same {
        let (read, written) = (inventory.entries().len(), shadow.entries().len());
        let what =
            format!("the state that was read is not the one that was written: {read} and {written} entries");
        world.broken(26, what);
    }
}

pub(super) fn i28_nothing_is_sent_after_the_storage_failed(world: &mut Inner, life: usize, change: &Change) {
    if world.lives[life].storage_failed {
        world.broken(28, format!("{} is sent after the storage failed", change.key()));
    }
}

/// A suspension holds in every later life, until somebody lets the application go on.
pub(super) fn i49_a_suspended_engine_sends_nothing(world: &mut Inner, life: usize, change: &Change) {
    if world.app_of(life).suspended {
        world.broken(49, format!("{} is sent, and the application is suspended", change.key()));
    }
}

pub(super) fn i45_the_intent_is_in_the_audit_log(world: &mut Inner, life: usize, intent: &Intent) {
    if !world.app_of(life).book.audited.contains(&intent.op) {
        world.broken(45, format!("{} of {} is sent and is not in the audit log", intent.op, intent.key));
    }
}

pub(super) fn i45_the_outcome_has_an_intent(world: &mut Inner, app: usize, record: &Record) {
    let Record::Outcome { op, key, .. } = record else { return };
    if !world.apps[app].book.audited.contains(op) {
        world.broken(45, format!("the outcome of {op} on {key} has no intent in the audit log"));
    }
}

/// A plan that is only looked at writes nothing down.
pub(in crate::simulate) fn i47_planning_leaves_no_trace(world: &mut Inner, app: usize, before: u64) {
    let after = world.apps[app].disk.appended();
    if after != before {
        world.broken(47, format!("a{app}: a plan of another revision is in the journal: {before}, {after}"));
    }
}
