//! I50 to I53: what people order holds.

use super::apply;
use crate::engine::Report;
use crate::simulate::state::Inner;
use crate::source::Relation;
use crate::state::approval::Approval;
use crate::state::record::{Intent, OpResult, Record};
use crate::value::{Change, Precondition, Revision};

/// Whether a plan is of an earlier revision than was accepted: somebody went back. No unreadiness stands in the way of that.
pub(super) fn goes_back(world: &Inner, life: usize, intent: &Intent) -> bool {
    let app = world.lives[life].app;
    let (plans, accepted) = (&world.lives[life].plans, world.apps[app].book.shadow.accepted());
    let (Some(revision), Some(accepted)) = (plans.get(&intent.plan), accepted) else { return false };
    world.origin(app).relation(accepted.id(), revision.id()) == Some(Relation::Older)
}

/// While the application is known to be pinned, in whichever life, nothing of another revision is sent.
pub(super) fn i50_a_pin_holds(world: &mut Inner, life: usize, change: &Change, intent: &Intent) {
    let Some(revision) = world.lives[life].plans.get(&intent.plan).cloned() else { return };
    let Some(pinned) = world.app_of(life).ordered.pinned.clone() else { return };
    if pinned.id() != revision.id() {
        let what =
            format!("{} of {revision} is sent, and the application is pinned to {pinned}", change.key());
        world.broken(50, what);
    }
}

/// Two reconciliations after somebody went back, what is there is what that revision declares.
pub(in crate::simulate) fn i51_a_rollback_reaches_its_revision(
    world: &mut Inner,
    app: usize,
    revision: &Revision,
    report: &Report,
) {
    let Some(commit) = world.origin(app).find(revision.id()).cloned() else { return };
    if let Some(what) = apply::otherwise(world, app, &commit, report) {
        world.broken(51, format!("after a rollback to {revision}: {what}"));
    }
}

/// What a gate wants approved is sent only if somebody approved something of it.
pub(super) fn i52_nothing_gated_is_sent_unapproved(
    world: &mut Inner,
    life: usize,
    change: &Change,
    intent: &Intent,
) {
    let is_approved = |world: &mut Inner| {
        let approved = &world.app_of(life).ordered.approved;
        approved.iter().any(|effects| effects.contains_key(change.key()))
    };
    if asks_for(world, life, intent) && !is_approved(world) {
        world.broken(52, format!("{} of {} is sent, and nobody approved it", change.action(), change.key()));
    }
}

/// What is sent is what was approved: an effect that moved needs another approval.
pub(super) fn i53_what_was_approved_is_sent(
    world: &mut Inner,
    life: usize,
    change: &Change,
    intent: &Intent,
) {
    if !asks_for(world, life, intent) {
        return;
    }
    let uid = match change.expects() {
        Precondition::Absent => None,
        Precondition::Exactly(expect) => Some(expect.uid.clone()),
    };
    let sent = (change.action(), uid, intent.desired);
    let approved = &world.app_of(life).ordered.approved;
    let mut of_key = approved.iter().filter_map(|effects| effects.get(change.key())).peekable();
    if of_key.peek().is_some() && !of_key.any(|effect| *effect == sent) {
        let what =
            format!("{} of {} is sent, and another effect was approved", change.action(), change.key());
        world.broken(53, what);
    }
}

/// Whether the gate asked for an approval. A person who names a plan gives it: that is for I10 to judge.
fn asks_for(world: &mut Inner, life: usize, intent: &Intent) -> bool {
    let is_asked = world.lives[life].gated.contains(&(intent.plan, intent.key.clone()));
    is_asked && world.app_of(life).book.approved.is_none()
}

/// What is recorded of approvals: nothing but what somebody gave, until it is done or void.
pub(super) fn take_in(world: &mut Inner, app: usize, record: &Record) {
    let ordered = &mut world.apps[app].ordered;
    match record {
        Record::Approved { approval } => {
            let Approval { plan, .. } = &**approval;
            match ordered.given.get(plan).cloned() {
                Some(effects) => ordered.approved.push(effects),
                None => world.broken(52, format!("an approval of {plan} is recorded, and nobody gave it")),
            }
        }
        Record::Voided => ordered.approved.clear(),
        Record::Outcome { key, result, .. }
            if !matches!(result, OpResult::Unknown { .. } | OpResult::NotDone { .. }) =>
        {
            ordered.approved.iter_mut().for_each(|effects| drop(effects.remove(key)));
        }
        _ => {}
    }
}
