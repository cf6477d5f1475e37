//! What we own, and what we have begun and not finished.

mod index;
mod owned;
mod shard;

pub(crate) use index::{Index, Place, Slot, StoredInventory};
pub use owned::{Owned, OwnedState};
pub(crate) use shard::{Level, Shard, ShardId};

use std::collections::BTreeMap;

use serde::Deserialize;
use smol_str::SmolStr;

use crate::cx::Time;
use crate::journal::{Intent, OpResult, Record};
use crate::value::{Action, DigestMap, Key, Revision};

/// What one application owns in its targets.
///
/// It is a fold over the journal: [`take_in`](Self::take_in) is the only way to change it, so that what is
/// remembered and what is durable can't differ. At every instant everything that was made is in an entry or in an
/// open intent.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    owner: SmolStr,
    accepted: Option<Revision>,
    entries: DigestMap<Owned>,
    open: BTreeMap<SmolStr, Intent>,
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
    pub fn new(owner: impl Into<SmolStr>) -> Self {
        Self { owner: owner.into(), ..Self::default() }
    }

    /// The id that marks what it owns.
    pub fn owner(&self) -> &SmolStr {
        &self.owner
    }

    /// The revision that was last applied.
    pub fn accepted(&self) -> Option<&Revision> {
        self.accepted.as_ref()
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
    pub fn take_in(&mut self, record: &Record) {
        match record {
            Record::Intent(intent) => self.begin(intent),
            Record::Outcome { op, key, result } => self.settle(op, key, result),
            Record::Forget { key } => self.forget(key),
            Record::Adopt { key, entry } => {
                self.entries.insert(key.clone(), entry.clone());
            }
            Record::Accepted { revision } => self.accepted = Some(revision.clone()),
            Record::Epoch { .. } => {}
        }
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
        match result {
            OpResult::Present { uid, version } => {
                self.entries.insert(key.clone(), Owned::held(&intent, uid.clone(), version.clone()));
                self.open.retain(|_, older| &older.key != key);
            }
            OpResult::Absent => self.forget(key),
            OpResult::Deleting => self.mark_deleting(key),
            OpResult::NotDone { .. } => self.drop_claim(key),
            OpResult::Unknown { .. } => {}
        }
    }

    fn forget(&mut self, key: &Key) {
        self.entries.remove(key);
        self.open.retain(|_, intent| &intent.key != key);
    }

    fn mark_deleting(&mut self, key: &Key) {
        if let Some(mut entry) = self.entries.remove(key) {
            entry.state = OwnedState::Deleting;
            self.entries.insert(key.clone(), entry);
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

    pub(crate) fn from_parts(
        owner: SmolStr,
        accepted: Option<Revision>,
        entries: Vec<(Key, Owned)>,
        open: Vec<Intent>,
    ) -> Self {
        let open = open.into_iter().map(|intent| (intent.op.clone(), intent)).collect();
        Self { owner, accepted, entries: entries.into_iter().collect(), open }
    }
}

impl From<WholeInventory> for Inventory {
    fn from(stored: WholeInventory) -> Self {
        Self::from_parts(stored.owner, stored.accepted, stored.entries, stored.open)
    }
}
