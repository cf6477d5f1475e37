//! The promises, by their stable numbers, and the books by which they are checked after every effect.

mod apply;
mod durability;
mod ownership;
#[cfg(test)]
mod proof;

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::server::Item;
use super::state::Inner;
use crate::state::inventory::Inventory;
use crate::state::record::{Intent, OwnedState, Record};
use crate::value::{Action, Change, Expect, Key, PlanId};

/// What a person approved: each object's action, and the state that it must be in.
pub(super) type Steps = BTreeMap<Key, (Action, Option<Expect>)>;

/// What the world knows of one application: what is durable, and what was sent under which plan.
#[derive(Default)]
pub(super) struct Book {
    /// The fold over all durable records.
    pub shadow: Inventory,
    epoch: u64,
    /// The operations whose intents are in the audit log.
    pub audited: BTreeSet<SmolStr>,
    /// The steps of the reviewed plan that is being applied.
    pub approved: Option<Steps>,
    pass: Pass,
    /// What was written, and whether an engine was told since that it is ready.
    ready: BTreeMap<Key, bool>,
    pub owner: Option<SmolStr>,
}

/// What was sent in one reconciliation.
#[derive(Default)]
struct Pass {
    plan: Option<PlanId>,
    owned: usize,
    steps: BTreeMap<Key, Sent>,
}

struct Sent {
    action: Action,
    needs: Vec<Key>,
    done: bool,
    /// It puts back what was recorded before.
    brings_back: bool,
}

impl Book {
    /// An engine was told that an object is ready.
    pub fn became_ready(&mut self, key: &Key) {
        self.ready.entry(key.clone()).and_modify(|ready| *ready = true);
    }

    fn intent(&self, op: &str) -> Option<&Intent> {
        self.shadow.open().find(|intent| intent.op == op)
    }

    /// An engine planned: what it sends from now on is of another reconciliation, be the plan the same.
    pub fn planned(&mut self) {
        self.pass.plan = None;
    }

    /// Whether a write puts back what was recorded before.
    fn brings_back(&self, intent: &Intent) -> bool {
        let entry = self.shadow.entries().get(&intent.key).filter(|entry| entry.state == OwnedState::Held);
        intent.action != Action::Delete && entry.is_some_and(|entry| entry.desired == intent.desired)
    }

    /// Turns the page when another reconciliation begins.
    fn begin_step(&mut self, intent: &Intent) {
        if self.pass.plan != Some(intent.plan) {
            let owned = self.shadow.entries().len();
            self.pass = Pass { plan: Some(intent.plan), owned, ..Pass::default() };
        }
    }

    fn note_step(&mut self, intent: &Intent) {
        let brings_back = self.brings_back(intent);
        let sent = Sent { action: intent.action, needs: intent.needs.clone(), done: false, brings_back };
        self.pass.steps.insert(intent.key.clone(), sent);
    }
}

/// A change was sent.
pub(super) fn sent(world: &mut Inner, life: usize, change: &Change) {
    durability::i28_nothing_is_sent_after_the_storage_failed(world, life, change);
    let Some(intent) = durability::i25_the_intent_is_durable_before_the_effect(world, life, change, false)
    else {
        return;
    };
    durability::i22_a_deposed_engine_sends_nothing(world, life, &intent);
    durability::i45_the_intent_is_in_the_audit_log(world, life, &intent);
    durability::i49_a_suspended_engine_sends_nothing(world, life, change);
    world.app_of(life).book.begin_step(&intent);
    ownership::i1_no_foreign_delete(world, life, change);
    ownership::i2_no_delete_of_the_desired(world, life, change);
    ownership::i3_no_prune_from_partial_knowledge(world, life, change, &intent);
    ownership::i4_no_mass_deletion(world, life, &intent);
    ownership::i7_no_second_create_in_doubt(world, life, change, &intent);
    apply::i10_only_what_was_shown(world, life, change);
    apply::i11_order(world, life, change, &intent);
    apply::i20_no_action_on_older_knowledge(world, life, change);
    apply::i37_what_was_planned_is_written(world, life, change, &intent);
    apply::i48_what_ran_runs_no_more(world, life, change);
    apply::i50_what_left_waits_for_what_is_new(world, life, change, &intent);
    world.app_of(life).book.note_step(&intent);
}

/// An adoption was sent: it writes the owner label, and says nothing of a body.
pub(super) fn adopting(world: &mut Inner, life: usize, change: &Change) {
    durability::i28_nothing_is_sent_after_the_storage_failed(world, life, change);
    let intent = durability::i25_the_intent_is_durable_before_the_effect(world, life, change, true);
    let Some(intent) = intent else { return };
    durability::i22_a_deposed_engine_sends_nothing(world, life, &intent);
    durability::i45_the_intent_is_in_the_audit_log(world, life, &intent);
    durability::i49_a_suspended_engine_sends_nothing(world, life, change);
    apply::i10_only_what_was_shown(world, life, change);
    apply::i20_no_action_on_older_knowledge(world, life, change);
}

/// A change had its effect; `before` is what it was done to.
pub(super) fn took_effect(world: &mut Inner, call: usize, change: &Change, before: Option<&Item>) {
    let (app, life) = (world.calls[&call].app, world.calls[&call].life);
    match change.action() {
        Action::Delete => world.apps[app].book.ready.remove(change.key()),
        _ => world.apps[app].book.ready.insert(change.key().clone(), false),
    };
    if let Some(before) = before {
        apply::i21_identity_not_name(world, life, change, before);
    }
    ownership::i5_never_forget(world, app, change.key());
    ownership::i7_no_duplicates(world, app, change.key());
    let is_adopted = world.calls[&call].adopts() && before.is_some_and(|before| before.owner.is_none());
    if !is_adopted {
        ownership::i8_no_silent_adoption(world, app, before);
    }
}

/// Records became durable.
pub(super) fn durable(world: &mut Inner, app: usize, records: &[Record]) {
    let is_in_office = !world.is_deposed(app);
    for record in records {
        if is_in_office {
            ownership::i6_forget_only_on_observed_absence(world, app, record);
        }
        apply::i33_no_rollback(world, app, record);
        durability::i45_the_outcome_has_an_intent(world, app, record);
        let book = &mut world.apps[app].book;
        if let Record::Epoch { epoch } = record {
            book.epoch = *epoch;
        }
        if let Record::Outcome { key, result, .. } = record
            && let Some(sent) = book.pass.steps.get_mut(key)
        {
            use crate::state::record::OpResult::{Absent, Deleting, Present};
            sent.done = matches!(result, Present { .. } | Absent | Deleting);
        }
        book.shadow.take_in(record);
        if let Some(key) = key_of(record) {
            ownership::i5_never_forget(world, app, &key);
        }
    }
}

/// An engine opened what the last one left.
pub(super) fn opened(world: &mut Inner, app: usize, inventory: &Inventory) {
    if !world.is_deposed(app) {
        durability::i26_what_is_read_is_what_was_written(world, app, inventory);
    }
    world.apps[app].disk.accepted();
    took_office(world, app);
}

/// What an engine knows is what is known from now on.
pub(super) fn took_office(world: &mut Inner, app: usize) {
    let keys: Vec<Key> = world.origin(app).keys().cloned().collect();
    keys.iter().for_each(|key| ownership::i5_never_forget(world, app, key));
}

pub(super) use apply::{
    excused, i12_containment, i13_idempotence, i16_converged, i17_level_triggered, i19_bounded_load,
};
pub(super) use durability::{i25_what_is_told_is_durable, i47_planning_leaves_no_trace};

fn key_of(record: &Record) -> Option<Key> {
    match record {
        Record::Intent(intent) => Some(intent.key.clone()),
        Record::Outcome { key, .. } | Record::Forget { key } | Record::Adopt { key, .. } => Some(key.clone()),
        _ => None,
    }
}
