//! I1 to I8: what is ours, and what may be removed.

use crate::capability::RecoveryClass;
use crate::simulate::calls::recovery_class_of;
use crate::simulate::fault::Fault;
use crate::simulate::server::Item;
use crate::simulate::state::Inner;
use crate::simulate::twins;
use crate::state::record::{Intent, OpResult, Record};
use crate::value::{Action, Change, Key};

pub(super) fn i1_no_foreign_delete(world: &mut Inner, life: usize, change: &Change) {
    let Change::Delete { key, expect, .. } = change else { return };
    let entry = world.app_of(life).book.shadow.entries().get(key);
    let is_ours = entry.is_some_and(|entry| entry.uid.as_ref() == Some(&expect.uid));
    if !is_ours {
        world.broken(1, format!("a delete of {key} {} is sent, which is not in the inventory", expect.uid));
    }
}

pub(super) fn i2_no_delete_of_the_desired(world: &mut Inner, life: usize, change: &Change) {
    let key = change.key();
    let before = world.app_of(life).book.pass.steps.get(key).map(|sent| sent.action);
    if let Some(before) = before {
        let both = before == Action::Delete || change.action() == Action::Delete;
        if both && before != change.action() {
            world.broken(2, format!("one plan writes and deletes {key}"));
        }
    }
}

pub(super) fn i3_no_prune_from_partial_knowledge(
    world: &mut Inner,
    life: usize,
    change: &Change,
    intent: &Intent,
) {
    if change.action() != Action::Delete {
        return;
    }
    let Some(revision) = world.lives[life].plans.get(&intent.plan).cloned() else {
        return world.broken(10, format!("a change of a plan that was never made: {}", intent.plan.short()));
    };
    let app = world.lives[life].app;
    let origin = world.origin(app);
    let flawed = origin
        .find(revision.id())
        .is_some_and(|commit| matches!(commit.flaw, Some(Fault::Malformed | Fault::Tangled)));
    // Under whichever of its keys.
    let keys = [change.key().clone(), twins::other(change.key())];
    let declared = keys.iter().any(|key| origin.declares(revision.id(), key) == Some(true));
    if flawed || declared {
        world.broken(3, format!("{} is pruned, and {revision} does not say so", change.key()));
    }
}

pub(super) fn i4_no_mass_deletion(world: &mut Inner, life: usize, intent: &Intent) {
    let book = &world.app_of(life).book;
    let sent = book.pass.steps.iter().filter(|(key, _)| **key != intent.key);
    let removals =
        1 + sent.filter(|(_, sent)| matches!(sent.action, Action::Delete | Action::Replace)).count();
    let owned = book.pass.owned;
    let is_much = removals > 5.max(owned / 5) || (removals == owned && owned > 1);
    let removes = matches!(intent.action, Action::Delete | Action::Replace);
    if removes && is_much && book.approved.is_none() {
        world.broken(4, format!("{removals} of {owned} objects are deleted, and nobody approved it"));
    }
}

/// Everything that was made is in the inventory, as this incarnation, or in an open intent.
pub(super) fn i5_never_forget(world: &mut Inner, app: usize, key: &Key) {
    let house = world.apps[app].house;
    let (shadow, strays) = (&world.apps[world.office(app)].book.shadow, &world.houses[house].strays);
    let forgotten = |item: &&Item| {
        let is_known = |key: &Key| {
            let entry = shadow.entries().get(key);
            let is_it = entry.is_some_and(|entry| entry.uid.as_ref().is_none_or(|uid| uid == &item.uid));
            is_it || shadow.is_open(key)
        };
        item.maker == Some(house)
            && !is_known(key)
            && !is_known(&twins::other(key))
            && !strays.contains(&(item.key.clone(), item.uid.clone()))
    };
    let uid = world.server.at(key).find(forgotten).map(|item| item.uid.clone());
    if let Some(uid) = uid {
        let what = format!("{key} {uid} was made and is in no durable record");
        world.broken(5, what);
    }
}

pub(super) fn i6_forget_only_on_observed_absence(world: &mut Inner, app: usize, record: &Record) {
    let (Record::Forget { key: forgets } | Record::Outcome { key: forgets, result: OpResult::Absent, .. }) =
        record
    else {
        return;
    };
    let entry = world.apps[app].book.shadow.entries().get(forgets);
    let Some(uid) = entry.and_then(|entry| entry.uid.clone()) else { return };
    // It is known under its other key.
    let other = world.apps[app].book.shadow.entries().get(&twins::other(forgets));
    if other.is_some_and(|other| other.uid.as_ref() == Some(&uid)) {
        return;
    }
    let house = world.apps[app].house;
    if world.server.with_uid(forgets, &uid).is_some_and(|item| item.maker == Some(house)) {
        world.broken(6, format!("{forgets} {uid} is forgotten, and it is there"));
    }
}

pub(super) fn i7_no_second_create_in_doubt(world: &mut Inner, life: usize, change: &Change, intent: &Intent) {
    let key = change.key();
    if recovery_class_of(key.target()) != RecoveryClass::Opaque || change.action() != Action::Create {
        return;
    }
    let shadow = &world.app_of(life).book.shadow;
    if shadow.open().any(|open| open.key == *key && open.op != intent.op) {
        world.broken(7, format!("{key} is created again, and nobody knows what came of the first creation"));
    }
}

pub(super) fn i7_no_duplicates(world: &mut Inner, app: usize, key: &Key) {
    let house = world.apps[app].house;
    let strays = &world.houses[house].strays;
    let ours = |item: &&Item| {
        item.maker == Some(house)
            && item.deleting.is_none()
            && !strays.contains(&(item.key.clone(), item.uid.clone()))
    };
    let made = world.server.at(key).filter(ours).count();
    if made > 1 {
        world.broken(7, format!("{key} was made {made} times"));
    }
}

pub(super) fn i8_no_silent_adoption(world: &mut Inner, app: usize, before: Option<&Item>) {
    let Some(before) = before else { return };
    let owner = world.apps[app].book.owner.clone();
    if before.owner != owner {
        world.broken(8, format!("{} belongs to {:?} and was written", before.key, before.owner));
    }
}
