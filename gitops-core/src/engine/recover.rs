//! What became of changes whose outcome nobody knows.

use std::collections::BTreeMap;

use super::Engine;
use crate::cx::Time;
use crate::inventory::Owned;
use crate::journal::{Intent, OpResult, Record};
use crate::target::Tier;
use crate::value::{Action, Key, Live, Presence, Version};

impl Engine {
    /// Looks each open intent up in what was observed, and says what became of it. An intent about which nothing can
    /// be said stays open. So does one of another machine's engine that this one has not deposed yet: what is absent
    /// now may be made in a moment.
    pub(super) fn settle_open_intents(&self, live: &BTreeMap<Key, Live>, now: Time) -> Vec<Record> {
        let owner = self.inventory().owner();
        let may_be_at_work = self.ledger.is_recovered_from_store();
        let settle = |intent: &Intent| {
            let info = self.targets.get(intent.key.target())?.info();
            if info.tier == Tier::Opaque {
                return None;
            }
            let live = live.get(&intent.key);
            let may_still_land =
                may_be_at_work || now.since(intent.at) < self.timeouts.call + info.lands_within;
            let result = verdict(intent, live, owner, may_still_land)?;
            let made = matches!(result, OpResult::NotDone { .. }).then(|| self.half_made(intent, live));
            let outcome = Record::Outcome { op: intent.op.clone(), key: intent.key.clone(), result };
            Some([made.flatten(), Some(outcome)])
        };
        // Of one object the deletions first: what made it last knows best what it needs.
        let (deletions, others): (Vec<_>, Vec<_>) =
            self.inventory().open().partition(|intent| intent.action == Action::Delete);
        deletions.into_iter().chain(others).filter_map(settle).flatten().flatten().collect()
    }

    /// A change that was not made as a whole, or that somebody changed since, of an incarnation that carries our mark
    /// and that we do not know: it is there and ours, in a state that nobody declared.
    fn half_made(&self, intent: &Intent, live: Option<&Live>) -> Option<Record> {
        let owner = self.inventory().owner();
        let live = live.filter(|live| live.presence == Presence::Present && live.is_owned_by(owner))?;
        let known = self.inventory().entries().get(&intent.key).and_then(|entry| entry.uid.as_ref());
        let entry = Owned { desired: None, ..Owned::of(intent, live) };
        (known != Some(&live.uid)).then(|| Record::Adopt { key: intent.key.clone(), entry })
    }

    /// Whether an object that is gone may be forgotten: not while a creation of it may still land.
    pub(super) fn may_forget(&self, key: &Key) -> bool {
        let makes = |intent: &Intent| matches!(intent.action, Action::Create | Action::Replace);
        !self.inventory().open().any(|intent| &intent.key == key && makes(intent))
    }
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
    use crate::plan::PlanId;
    use crate::value::{Digest, Expect, GroupKind, Uid, Value};

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
}
