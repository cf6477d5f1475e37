//! Other people, who have hands on the same targets.

use super::calls::recovery_class_of;
use super::fault::Fault;
use super::server::fields;
use super::state::Inner;
use crate::capability::RecoveryClass;
use crate::value::{Key, Uid, Value};

/// Somebody does something, if the fault is on.
pub(super) fn acts(world: &mut Inner) {
    let keys: Vec<Key> = world.origin(0).keys().cloned().collect();
    if world.faults.strikes(Fault::ConflictStorm) {
        for key in keys.iter().take(10) {
            meddle_with_any(world, key);
        }
    }
    let Some(hand) = world.faults.strength(Fault::ForeignHand, 6) else { return };
    let Some(key) = world.random.pick(&keys).cloned() else { return };
    // What vanishes before its end was seen, only a person can settle.
    if hand > 2 && world.origin(0).runs_once(&key) {
        return;
    }
    let is_there = world.server.at(&key).next().is_some();
    match hand {
        0..=2 => meddle_with_any(world, &key),
        3 => {
            world.say(format_args!("somebody deletes {key}"));
            world.server.vanish(&key);
        }
        _ if is_there && hand == 4 => {
            world.say(format_args!("somebody makes {key} anew"));
            world.server.vanish(&key);
            intrude(world, &key);
        }
        _ if !is_there => {
            world.say(format_args!("somebody makes {key}"));
            intrude(world, &key);
        }
        _ => {}
    }
    world.tell(&key);
}

fn meddle_with_any(world: &mut Inner, key: &Key) {
    let uid = world.server.at(key).next().map(|item| item.uid.clone());
    if let Some(uid) = uid {
        meddle(world, key, &uid);
    }
}

/// Somebody edits this incarnation.
pub(super) fn meddle(world: &mut Inner, key: &Key, uid: &Uid) {
    let salt = world.random.below(1000);
    let edit = |body: &Value| {
        let mut fields = fields(body);
        fields.insert("value".to_owned(), Value::from(format!("theirs {salt}").as_str()));
        Value::map(fields)
    };
    if world.server.meddle(key, uid, edit) {
        world.say(format_args!("somebody edits {key}"));
        world.tell(key);
    }
}

fn intrude(world: &mut Inner, key: &Key) {
    let owner = world.apps[0].book.owner.clone();
    let owner = owner.filter(|_| {
        recovery_class_of(key.target()) == RecoveryClass::Keyed && world.faults.strikes(Fault::LabelCopied)
    });
    world.server.intrude(key, Value::map([("value", Value::from("theirs"))]), owner);
}

/// They take away what stands in the way, so that all can settle.
pub(super) fn tidy_up(world: &mut Inner) {
    let theirs: Vec<Key> =
        world.server.items().filter(|item| item.maker.is_none()).map(|item| item.key.clone()).collect();
    for key in theirs {
        world.server.vanish(&key);
    }
}
