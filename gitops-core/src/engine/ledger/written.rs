use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::checkpoints::Snapshot;
use crate::state::inventory::Inventory;
use crate::state::record::{Intent, Owned};
use crate::value::{DigestMap, Key};

/// What the shards hold.
#[derive(Default)]
pub(super) struct Written {
    entries: DigestMap<Owned>,
    open: BTreeMap<SmolStr, Key>,
    planned: BTreeSet<Key>,
}

impl Written {
    /// After all of an inventory was written.
    pub fn of(inventory: &Inventory, planned: &[Intent]) -> Self {
        Self {
            entries: inventory.entries().clone(),
            open: inventory.open().map(|intent| (intent.op.clone(), intent.key.clone())).collect(),
            planned: planned.iter().map(|intent| intent.key.clone()).collect(),
        }
    }

    /// The keys of which the shards know something else than the snapshot.
    pub fn changed(&self, snapshot: &Snapshot<'_>) -> BTreeSet<Key> {
        let entries = snapshot.inventory.entries().changed_since(&self.entries);
        let opened = snapshot.inventory.open().filter(|intent| !self.open.contains_key(&intent.op));
        let open: BTreeSet<&SmolStr> = snapshot.inventory.open().map(|intent| &intent.op).collect();
        let closed = self.open.iter().filter(|(op, _)| !open.contains(op)).map(|(_, key)| key);
        let planned = snapshot.planned.iter().map(|intent| &intent.key).chain(&self.planned);
        entries.chain(opened.map(|intent| &intent.key)).chain(closed).chain(planned).cloned().collect()
    }
}
