//! What became of changes whose outcome nobody knows.

use std::collections::BTreeMap;

use super::Engine;
use crate::cx::Time;
use crate::inventory::Owned;
use crate::journal::{Intent, OpResult, Record};
use crate::target::Tier;
use crate::value::{Action, Key, Live, Presence};

impl Engine {
    /// Looks each open intent up in what was observed, and says what became of it. An intent about which nothing can
    /// be said stays open.
    pub(super) fn settle_open_intents(&self, live: &BTreeMap<Key, Live>, now: Time) -> Vec<Record> {
        let owner = self.inventory().owner();
        let settle = |intent: &Intent| {
            let info = self.targets.get(intent.key.target())?.info();
            if info.tier == Tier::Opaque {
                return None;
            }
            let (live, may_still_land) = (live.get(&intent.key), now.since(intent.at) < info.lands_within);
            let result = verdict(intent, live, owner, may_still_land)?;
            let kept = self.keep_what_is_ours(intent, live, &result);
            let outcome = Record::Outcome { op: intent.op.clone(), key: intent.key.clone(), result };
            Some([Some(outcome), kept])
        };
        self.inventory().open().filter_map(settle).flatten().flatten().collect()
    }

    /// An object with our mark that is not as its change would have left it was changed again after it: it is ours, of
    /// whatever incarnation, and must not be forgotten.
    fn keep_what_is_ours(&self, intent: &Intent, live: Option<&Live>, result: &OpResult) -> Option<Record> {
        let live = live.filter(|live| live.is_owned_by(self.inventory().owner()))?;
        let known = self.inventory().entries().get(&intent.key).and_then(|entry| entry.uid.as_ref());
        let is_forgotten = matches!(result, OpResult::NotDone { .. }) && known != Some(&live.uid);
        let entry = || Owned::seen(intent, live.uid.clone());
        is_forgotten.then(|| Record::Adopt { key: intent.key.clone(), entry: entry() })
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
        (Action::Delete, _) => Some(OpResult::Absent),
        (_, Some(live)) if live.is_owned_by(owner) && Some(live.body.digest()) == intent.desired => {
            Some(OpResult::Present { uid: live.uid.clone(), version: live.version.clone() })
        }
        (Action::Create | Action::Replace, None) if may_still_land => None,
        _ => not_done("the object is not as the change would have left it"),
    }
}
