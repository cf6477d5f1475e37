//! What we own, and what we have begun and not finished.

mod index;
mod shard;
#[cfg(test)]
mod tests;

pub(crate) use index::{Index, Outline, Place, Slot, StoredInventory};
pub(crate) use shard::{Level, Shard, ShardId};

use std::collections::BTreeMap;

use imbl::OrdSet;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::cx::Time;
use crate::state::approval::Approvals;
use crate::state::record::{
    AuditPosition, Binding, Complete, Intent, OpResult, Owned, OwnedState, Progress, Record, Standing,
};
use crate::value::{Action, DigestMap, Key, Revision, owner};

/// What one application owns in its targets.
///
/// It is a fold over the journal: taking in a record is the only way to change it, so that what is
/// remembered and what is durable can't differ. At every instant everything that was made is in an entry or in an
/// open intent.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    head: Head,
    entries: DigestMap<Owned>,
    open: BTreeMap<SmolStr, Intent>,
    /// The objects of whose readiness something is to be remembered once it is seen.
    unproven: OrdSet<Key>,
}

/// All of an inventory that is of no one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    pub owner: SmolStr,
    pub accepted: Option<Revision>,
    #[serde(default)]
    pub standing: Standing,
    /// Nothing in a state of format 2 or older, until it is written again.
    #[serde(default)]
    pub binding: Option<Binding>,
    /// How far the audit log beside the journal has come.
    #[serde(default)]
    pub audited: Option<AuditPosition>,
    /// What people approved and is not done yet.
    #[serde(default, skip_serializing_if = "Approvals::is_empty")]
    pub approvals: Approvals,
}

/// An inventory as it was stored in format 1.
#[derive(Debug, Deserialize)]
pub(crate) struct WholeInventory {
    owner: SmolStr,
    accepted: Option<Revision>,
    entries: Vec<(Key, Owned)>,
    open: Vec<Intent>,
}

impl Inventory {
    /// An empty inventory of a new owner.
    pub(crate) fn new(owner: impl Into<SmolStr>) -> Self {
        Self { head: Head { owner: owner.into(), ..Head::default() }, ..Self::default() }
    }

    /// The id that labels what it owns.
    pub fn owner(&self) -> &SmolStr {
        &self.head.owner
    }

    /// The application that it belongs to; nothing if it is not bound to one yet.
    pub fn application(&self) -> &str {
        match &self.head.binding {
            Some(binding) => &binding.application,
            None => owner::application(&self.head.owner),
        }
    }

    /// What it belongs to; nothing in a state of an older version that was not written since.
    pub fn binding(&self) -> Option<&Binding> {
        self.head.binding.as_ref()
    }

    /// The revision that was last begun on the line that the source follows: what comes next must descend from it, also
    /// if only a part of it was applied. Whether all of it is live, [`complete`](Self::complete) says.
    pub fn accepted(&self) -> Option<&Revision> {
        self.head.accepted.as_ref()
    }

    /// The revision that is live completely: the last one of which every object was applied.
    pub fn complete(&self) -> Option<&Complete> {
        self.head.standing.complete.as_ref()
    }

    /// The revision whose application began and is not complete, with what the last reconciliation left of it.
    pub fn progress(&self) -> Option<&Progress> {
        self.head.standing.progress.as_ref()
    }

    /// What people approved and is not done yet.
    pub fn approvals(&self) -> &Approvals {
        &self.head.approvals
    }

    /// How far the audit log has come, as the journal beside it knows.
    pub(crate) fn audited(&self) -> Option<&AuditPosition> {
        self.head.audited.as_ref()
    }

    /// The audit log stays with its journal: on another machine it is another one.
    pub(crate) fn forget_audit_log(&mut self) {
        self.head.audited = None;
    }

    /// How many objects a deletion is measured against: those that are owned, without what was made since the revision in
    /// progress began.
    pub(crate) fn measure(&self) -> usize {
        let owned = self.entries.len();
        let baseline = self.head.standing.baseline.filter(|baseline| *baseline > 1);
        baseline.map_or(owned, |baseline| owned.min(baseline))
    }

    /// How many were removed since then, and nobody approved it.
    pub(crate) fn removed(&self) -> usize {
        self.head.standing.removed
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.head.standing
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// What it owns.
    pub fn entries(&self) -> &DigestMap<Owned> {
        &self.entries
    }

    /// The intents whose outcome is not known, by their operation.
    pub fn open(&self) -> impl Iterator<Item = &Intent> {
        self.open.values()
    }

    /// Whether an object has an intent whose outcome is not known.
    pub fn is_open(&self, key: &Key) -> bool {
        self.open.values().any(|intent| &intent.key == key)
    }

    /// Takes in one durable record.
    pub(crate) fn take_in(&mut self, record: &Record) {
        match record {
            Record::Intent(intent) => self.begin(intent),
            Record::Outcome { op, key, result } => self.settle(op, key, result),
            Record::Forget { key } => self.forget(key),
            Record::Adopt { key, entry } => {
                self.put(key, entry.clone());
            }
            Record::Accepted { revision } => self.head.accepted = Some(revision.clone()),
            Record::Begun { revision, at } => {
                self.head.standing.begin(revision, *at, self.entries.len());
            }
            Record::Unfinished { left } => self.head.standing.leave(left),
            Record::Completed { revision, at } => self.head.standing.finish(revision, *at),
            Record::Bound { owner, binding } => {
                self.head.owner = owner.clone();
                self.head.binding = Some(binding.clone());
            }
            Record::Audited { position } => self.head.audited = Some(position.clone()),
            Record::Approved { approval } => drop(self.head.approvals.add(approval)),
            Record::Voided => self.head.approvals.void(),
            Record::Epoch { .. } => {}
        }
    }

    /// The objects of whose readiness something is to be remembered once it is seen, in order: they may still use what
    /// their former declarations needed, or they run once and their end was not seen.
    pub fn unproven(&self) -> impl Iterator<Item = &Key> {
        self.unproven.iter()
    }

    fn put(&mut self, key: &Key, entry: Owned) {
        match entry.is_unproven() {
            true => self.unproven.insert(key.clone()),
            false => self.unproven.remove(key),
        };
        self.entries.insert(key.clone(), entry);
    }

    fn begin(&mut self, intent: &Intent) {
        let claims = matches!(intent.action, Action::Create | Action::Replace);
        if claims && !self.entries.contains(&intent.key) {
            self.entries.insert(intent.key.clone(), Owned::claimed(intent));
        }
        self.open.insert(intent.op.clone(), intent.clone());
    }

    fn settle(&mut self, op: &SmolStr, key: &Key, result: &OpResult) {
        if let OpResult::Unknown { .. } = result {
            return;
        }
        let Some(intent) = self.open.remove(op) else { return };
        if !matches!(result, OpResult::NotDone { .. }) {
            self.head.approvals.spend(key, &intent.approved);
            if intent.action.removes() && !intent.runs_once && !intent.is_approved {
                self.head.standing.remove();
            }
        }
        match result {
            OpResult::Present { uid, version } => {
                self.hold(key, Owned::held(&intent, uid.clone(), version.clone()));
            }
            OpResult::Differs { uid, version, desired, .. } => {
                let held = Owned::held(&intent, uid.clone(), version.clone());
                self.hold(key, Owned { desired: None, left_otherwise: *desired, ..held });
            }
            // It is declared and was deleted because it ended: its end is remembered.
            OpResult::Absent | OpResult::Deleting if intent.action == Action::Delete && intent.runs_once => {
                self.open.retain(|_, older| &older.key != key);
            }
            OpResult::Absent => self.forget(key),
            OpResult::Deleting => self.mark_deleting(key),
            OpResult::NotDone { .. } => self.drop_claim(key),
            OpResult::Unknown { .. } => {}
        }
    }

    fn hold(&mut self, key: &Key, entry: Owned) {
        let former = self.entries.get(key);
        let entry = entry.after(former).leaving(former);
        self.put(key, entry);
        self.open.retain(|_, older| &older.key != key);
    }

    fn forget(&mut self, key: &Key) {
        self.entries.remove(key);
        self.unproven.remove(key);
        self.open.retain(|_, intent| &intent.key != key);
    }

    fn mark_deleting(&mut self, key: &Key) {
        if let Some(mut entry) = self.entries.get(key).cloned() {
            entry.state = OwnedState::Deleting;
            self.put(key, entry);
        }
    }

    /// A claim goes when its creation is known not to have happened and none other is open.
    fn drop_claim(&mut self, key: &Key) {
        let claimed = self.entries.get(key).is_some_and(|entry| entry.state == OwnedState::Claimed);
        if claimed && !self.is_open(key) {
            self.entries.remove(key);
        }
    }

    /// Takes everything that is open for begun at this time: another engine may have been at it until then.
    pub(crate) fn reopen(&mut self, at: Time) {
        self.open.values_mut().for_each(|intent| intent.at = at);
    }

    /// What it owns, without what is not finished.
    #[cfg(feature = "simulate")]
    pub(crate) fn without_open(&self) -> Self {
        Self { open: BTreeMap::new(), ..self.clone() }
    }

    /// As it was kept beside the journal, at a position of that.
    pub(crate) fn from_kept(
        head: Head,
        entries: DigestMap<Owned>,
        open: Vec<Intent>,
        unproven: impl IntoIterator<Item = Key>,
    ) -> Self {
        let open = open.into_iter().map(|intent| (intent.op.clone(), intent)).collect();
        Self { head, entries, open, unproven: unproven.into_iter().collect() }
    }

    pub(crate) fn from_parts(head: Head, entries: Vec<(Key, Owned)>, open: Vec<Intent>) -> Self {
        let open = open.into_iter().map(|intent| (intent.op.clone(), intent)).collect();
        let unproven = entries.iter().filter(|(_, entry)| entry.is_unproven());
        let unproven = unproven.map(|(key, _)| key.clone()).collect();
        Self { head, entries: entries.into_iter().collect(), open, unproven }
    }
}

impl From<WholeInventory> for Inventory {
    fn from(stored: WholeInventory) -> Self {
        let WholeInventory { owner, accepted, entries, open } = stored;
        Self::from_parts(Head { owner, accepted, ..Head::default() }, entries, open)
    }
}
