//! What became of changes whose outcome nobody knows.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Engine;
use crate::capability::RecoveryClass;
use crate::cx::Time;
use crate::state::audit::AuditEvent;
use crate::state::inventory::Inventory;
use crate::state::record::{Intent, OpResult, Owned, OwnedState, Record};
use crate::value::{Action, Key, Live, Presence, Version};

impl Engine {
    /// Looks each open intent up in what was observed, and says what became of it. An intent about which nothing can
    /// be said stays open. So does one of another machine's engine that this one has not deposed yet: what is absent
    /// now may be made in a moment.
    pub(super) fn conclude_open_intents(&self, live: &BTreeMap<Key, Live>, now: Time) -> Vec<Record> {
        let may_be_at_work = self.ledger.is_recovered_from_store();
        let may_land = |intent: &Intent| {
            let info = self.targets.get(intent.key.target())?.info();
            let is_opaque = info.recovery_class == RecoveryClass::Opaque;
            let may_land = may_be_at_work || may_still_land(now, self.lands_until(intent, info.lands_within));
            (!is_opaque).then_some(may_land)
        };
        settle_all(self.inventory(), live, may_land)
    }

    /// When a change can't land any more: so long after whoever sent it was gone. A process that had the state before us was
    /// gone when this one opened it; so a target that tells at once what landed ends the doubt at once.
    pub(super) fn lands_until(&self, intent: &Intent, lands_within: Duration) -> Time {
        let taken_over = self.ledger.is_exclusive().then_some(self.opened);
        gone_by(intent.at, self.timeouts.call, taken_over).after(lands_within)
    }

    /// Whether an object that is gone may be forgotten: not while a creation of it may still land.
    pub(super) fn may_forget(&self, key: &Key) -> bool {
        may_forget(self.inventory(), key)
    }
}

const BY_A_LOOK: &str = "nobody answered; found by a look at the target";

/// What the audit log is told of changes whose outcome was looked up.
pub(super) fn looked_up(records: &[Record]) -> impl Iterator<Item = AuditEvent> {
    records.iter().filter_map(|record| {
        let Record::Outcome { op, key, result } = record else { return None };
        let mut event = AuditEvent::outcome(op.clone(), key.clone(), result);
        if let AuditEvent::Outcome { detail, .. } = &mut event {
            detail.get_or_insert_with(|| BY_A_LOOK.to_owned());
        }
        Some(event)
    })
}

/// When whoever sent a change at that time was gone at the latest. What was sent in the very instant in which this process took
/// the state over may be its own.
fn gone_by(sent: Time, call: Duration, taken_over: Option<Time>) -> Time {
    let given_up = sent.after(call);
    match taken_over {
        Some(opened) if sent < opened => given_up.min(opened),
        _ => given_up,
    }
}

/// Whether a change may still have its effect. At the bound itself it may not: nobody is promised more.
fn may_still_land(now: Time, until: Time) -> bool {
    now < until
}

/// `may_land` says whether a change may still have its effect; nothing where its target can't be believed at all.
fn settle_all(
    inventory: &Inventory,
    live: &BTreeMap<Key, Live>,
    may_land: impl Fn(&Intent) -> Option<bool>,
) -> Vec<Record> {
    let settle = |intent: &Intent| {
        let may_still_land = may_land(intent)?;
        let live = live.get(&intent.key).filter(|live| !live.is_obstructed());
        let result = verdict(intent, live, inventory.owner(), may_still_land)?;
        let half = || half_made(inventory, intent, live).or_else(|| half_changed(inventory, intent, live));
        let made = matches!(result, OpResult::NotDone { .. }).then(half);
        let outcome = Record::Outcome { op: intent.op.clone(), key: intent.key.clone(), result };
        Some([made.flatten(), Some(outcome)])
    };
    // Of one object the deletions first: what made it last knows best what it needs.
    let (deletions, others): (Vec<_>, Vec<_>) =
        inventory.open().partition(|intent| intent.action == Action::Delete);
    deletions.into_iter().chain(others).filter_map(settle).flatten().flatten().collect()
}

/// A change that was not made as a whole, or that somebody changed since, of an incarnation that carries our owner label
/// and that we do not know: it is there and ours, in a state that nobody declared.
fn half_made(inventory: &Inventory, intent: &Intent, live: Option<&Live>) -> Option<Record> {
    let owner = inventory.owner();
    let live = live.filter(|live| live.presence == Presence::Present && live.is_owned_by(owner))?;
    let known = inventory.entries().get(&intent.key).and_then(|entry| entry.uid.as_ref());
    let entry = Owned { desired: None, ..Owned::of(intent, live) };
    (known != Some(&live.uid)).then(|| Record::Adopt { key: intent.key.clone(), entry })
}

/// A change of an object that is made of parts, which moved and is not as the change would have left it: some parts may be. What
/// differs from the declaration before is then of our own doing as well as of anybody's, and no drift.
fn half_changed(inventory: &Inventory, intent: &Intent, live: Option<&Live>) -> Option<Record> {
    let owner = inventory.owner();
    let live = live.filter(|live| live.presence == Presence::Present && live.is_owned_by(owner))?;
    let entry = inventory.entries().get(&intent.key).filter(|entry| entry.state == OwnedState::Held)?;
    let is_the_one = entry.uid.as_ref() == Some(&live.uid) && !live.components.is_empty();
    let has_moved = entry.version.as_ref() != Some(&live.version);
    let is_other = entry.desired.is_some() && entry.desired != intent.desired;
    let left = Owned { desired: None, ..entry.clone() };
    (is_the_one && has_moved && is_other).then(|| Record::Adopt { key: intent.key.clone(), entry: left })
}

fn may_forget(inventory: &Inventory, key: &Key) -> bool {
    let makes = |intent: &Intent| matches!(intent.action, Action::Create | Action::Replace);
    !inventory.open().any(|intent| &intent.key == key && makes(intent))
}

/// What the observed state of its object says of an intent.
fn verdict(intent: &Intent, live: Option<&Live>, owner: &str, may_still_land: bool) -> Option<OpResult> {
    let not_done = |error: &str| Some(OpResult::NotDone { error: error.to_owned() });
    if live.is_some_and(|live| live.presence != Presence::Present) {
        return match (intent.action, live.map(|live| &live.presence)) {
            (Action::Delete, Some(Presence::Deleting)) => Some(OpResult::Deleting),
            _ => None,
        };
    }
    let is_expected = |live: &Live| intent.expect.as_ref().is_some_and(|expect| expect.uid == live.uid);
    match (intent.action, live) {
        (Action::Delete, Some(live)) if is_expected(live) => not_done("the object is still there"),
        (Action::Delete, Some(live)) if live.is_owned_by(owner) => {
            not_done("another of ours is in its place")
        }
        (Action::Delete, _) => Some(OpResult::Absent),
        // In whatever version it is seen: the look may be older than the one that the change was planned from.
        (Action::Replace, Some(live)) if may_still_land && is_expected(live) => None,
        (_, Some(live)) if live.is_owned_by(owner) && is_as_intended(intent, live) => {
            Some(OpResult::Present { uid: live.uid.clone(), version: version_left(intent, live) })
        }
        (Action::Create | Action::Replace, None) if may_still_land => None,
        _ => not_done("the object is not as the change would have left it"),
    }
}

/// The object carries the intent's own operation, or what the intent wanted.
fn is_as_intended(intent: &Intent, live: &Live) -> bool {
    live.op.as_ref() == Some(&intent.op) || Some(live.body.digest()) == intent.desired
}

/// The version in which the intent left the object. Where the body is not what was wanted, nobody can say whether the
/// target wrote it down in another form or somebody edited it since: then it is none, and the next plan compares.
fn version_left(intent: &Intent, live: &Live) -> Version {
    match Some(live.body.digest()) == intent.desired {
        true => live.version.clone(),
        false => Version::new(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Digest, Expect, GroupKind, PlanId, Uid, Value};

    const OWNER: &str = "shop/1";

    fn live(uid: &str, version: &str) -> Live {
        let key = Key::new("t", GroupKind::new("", "Thing"), "", "a");
        Live::new(key, Uid::new(uid), Version::new(version), Value::Null)
    }

    fn intent(action: Action, expect: &Live) -> Intent {
        Intent {
            op: "shop/1.1.1".into(),
            plan: PlanId::new(Digest::of(b"plan")),
            epoch: 1,
            at: Time::default(),
            key: expect.key.clone(),
            action,
            expect: Some(Expect::from(expect)),
            desired: (action != Action::Delete).then(|| Digest::of(b"desired")),
            path: "a.yaml".into(),
            needs: Vec::new(),
            keep: false,
            stage: None,
            runs_once: false,
            likeness: None,
            is_new: false,
            is_approved: false,
            approved: Vec::new(),
        }
    }

    fn is_not_done(intent: &Intent, live: &Live, may_still_land: bool) -> bool {
        matches!(verdict(intent, Some(live), OWNER, may_still_land), Some(OpResult::NotDone { .. }))
    }

    #[test]
    fn a_replacement_that_may_still_land_is_not_given_up_for_an_older_look() {
        let intent = intent(Action::Replace, &live("u1", "2"));
        for seen in ["1", "2", "3"] {
            assert_eq!(verdict(&intent, Some(&live("u1", seen)), OWNER, true), None, "{seen}");
        }
        assert!(is_not_done(&intent, &live("u2", "4"), true), "another incarnation is no longer replaced");
        assert!(is_not_done(&intent, &live("u1", "2"), false));
    }

    #[test]
    fn a_deletion_says_nothing_of_what_took_the_place() {
        let intent = intent(Action::Delete, &live("u1", "2"));
        assert!(is_not_done(&intent, &live("u1", "2"), false));
        assert!(is_not_done(&intent, &live("u2", "4").owned_by(OWNER), false), "it would be forgotten");
        for gone in [None, Some(&live("u2", "4").owned_by("other/1"))] {
            assert_eq!(verdict(&intent, gone, OWNER, false), Some(OpResult::Absent));
        }
    }

    /// An inventory in which these intents are open.
    fn open(intents: &[Intent]) -> Inventory {
        let mut inventory = Inventory::new(OWNER);
        intents.iter().for_each(|intent| inventory.take_in(&Record::Intent(intent.clone())));
        inventory
    }

    fn numbered(op: u8, action: Action) -> Intent {
        Intent { op: format!("shop/1.1.{op}").into(), ..intent(action, &live("u1", "2")) }
    }

    fn concluded(inventory: &Inventory, live: Option<Live>) -> Vec<Record> {
        let live = live.into_iter().map(|live| (live.key.clone(), live)).collect();
        settle_all(inventory, &live, |_| Some(false))
    }

    #[test]
    fn a_change_may_land_until_its_bound_and_not_at_it() {
        let until = Time::default().after(Duration::from_secs(60));
        assert!(may_still_land(Time::default().after(Duration::from_secs(59)), until));
        assert!(!may_still_land(until, until));
    }

    #[test]
    fn whoever_had_the_state_before_was_gone_when_this_process_took_it_over_and_nobody_else_was() {
        let at = |second| Time::default().after(Duration::from_secs(second));
        let gone_by = |sent, taken_over| super::gone_by(at(sent), Duration::from_secs(60), taken_over);
        assert_eq!(gone_by(10, Some(at(30))), at(30), "the one before is gone");
        assert_eq!(gone_by(10, Some(at(90))), at(70), "its call was given up before");
        assert_eq!(gone_by(30, Some(at(30))), at(90), "this process may have sent it itself");
        assert_eq!(gone_by(10, None), at(70), "another may be at work beside this one");
    }

    #[test]
    fn of_one_object_deletions_are_settled_first() {
        let inventory = open(&[numbered(1, Action::Create), numbered(2, Action::Delete)]);
        let ops: Vec<String> = concluded(&inventory, None)
            .iter()
            .filter_map(|record| match record {
                Record::Outcome { op, .. } => Some(op.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(ops, ["shop/1.1.2", "shop/1.1.1"]);
    }

    #[test]
    fn only_what_is_there_and_ours_is_taken_for_half_made() {
        let inventory = open(&[numbered(1, Action::Update)]);
        let adopts = |live: Live| {
            concluded(&inventory, Some(live)).iter().any(|record| matches!(record, Record::Adopt { .. }))
        };
        assert!(adopts(live("u9", "4").owned_by(OWNER)));
        assert!(!adopts(live("u9", "4").owned_by("other/1")));
        let intent = numbered(1, Action::Update);
        let mut going = live("u9", "4").owned_by(OWNER);
        going.presence = Presence::Deleting;
        assert_eq!(half_made(&inventory, &intent, Some(&going)), None);
        let made = half_made(&inventory, &intent, Some(&live("u9", "4").owned_by(OWNER)));
        let Some(Record::Adopt { entry, .. }) = made else { panic!("{made:?}") };
        assert_eq!((entry.desired, intent.desired.is_some()), (None, true), "nobody declared what it is");
    }

    #[test]
    fn an_object_is_forgotten_unless_its_own_creation_is_open() {
        let inventory = open(&[numbered(1, Action::Create)]);
        let key = live("u1", "2").key;
        let other = Key::new("t", GroupKind::new("", "Thing"), "", "b");
        assert!(!may_forget(&inventory, &key));
        assert!(may_forget(&inventory, &other));
        assert!(may_forget(&open(&[numbered(1, Action::Update)]), &key));
    }

    #[test]
    fn a_deletion_under_way_is_accepted_and_not_open_for_ever() {
        let mut going = live("u1", "2").owned_by(OWNER);
        going.presence = Presence::Deleting;
        let delete = intent(Action::Delete, &going);
        assert_eq!(verdict(&delete, Some(&going), OWNER, false), Some(OpResult::Deleting));
        let update = intent(Action::Update, &going);
        assert_eq!(verdict(&update, Some(&going), OWNER, false), None);
    }

    #[test]
    fn what_is_ours_and_as_intended_was_made() {
        let create = intent(Action::Create, &live("u1", "2"));
        let mut made = live("u5", "9").owned_by(OWNER);
        made.op = Some(create.op.clone());
        let uid = Uid::new("u5");
        let present = OpResult::Present { uid, version: Version::new("") };
        assert_eq!(verdict(&create, Some(&made), OWNER, false), Some(present));
        made = made.owned_by("other/1");
        assert!(is_not_done(&create, &made, false), "with another's owner label it is not ours");
        let strange = live("u5", "9").owned_by(OWNER);
        assert!(is_not_done(&create, &strange, false), "ours, and not what was intended");
    }
}
