//! The inventory as documents of a store: shards, and an index that stands for all of them.
//!
//! A shard is written beside the one that the index names, and then the index is replaced: after a crash all shards
//! are the old ones or all are the new ones, and what is written is what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::super::tamper;
use super::documents::{Content, load_shards, put};
use super::head::{Head, TRIES, contended};
use super::unreadable;
use super::written::Written;
use crate::cx::Cx;
use crate::state::inventory::{
    Head as InventoryHead, Index, Inventory, Level, Outline, Place, Shard, ShardId, Slot,
};
use crate::state::journal::Anchor;
use crate::state::record::Intent;
use crate::state::store::{Document, StateStore};
use crate::value::{Digest, Error, Key, Result, Version};

/// A shard over this many bytes makes all shards finer: a store may take no more than twice as much.
const SHARD_LIMIT: usize = 256 << 10;

/// How many shards are written at once.
const AT_ONCE: usize = 8;

/// What of an engine's memory is to be written.
pub(super) struct Snapshot<'a> {
    pub inventory: &'a Inventory,
    /// What the reconciliation that follows may make.
    pub planned: &'a [Intent],
    pub anchor: Anchor,
    pub epoch: u64,
}

/// What a store had.
pub(super) struct Loaded {
    pub inventory: Inventory,
    pub planned: Vec<Intent>,
    pub anchor: Anchor,
    pub epoch: u64,
}

/// Writes an inventory to a store, each time what changed since the last.
pub(super) struct Checkpoints {
    store: Arc<dyn StateStore>,
    head: Head,
    level: Level,
    places: BTreeMap<ShardId, Place>,
    slots: BTreeMap<(ShardId, Slot), Version>,
    keys: BTreeMap<ShardId, BTreeSet<Key>>,
    written: Written,
    /// Any shard may hold something else than `written` says.
    in_doubt: bool,
    /// What the index says of the places of the shards, until somebody asks for them.
    outline: Option<Outline>,
    /// No shard was read yet, so that nothing is known of what they hold.
    unread: bool,
}

type Encoded = BTreeMap<ShardId, Option<Vec<u8>>>;

/// A shard that is to be written.
struct Due {
    id: ShardId,
    slot: Slot,
    expect: Option<Version>,
    bytes: Vec<u8>,
}

impl Checkpoints {
    /// Reads what a store has; writes nothing.
    pub async fn load(cx: &Cx, store: Arc<dyn StateStore>) -> Result<(Self, Option<Loaded>)> {
        let (head, stored) = Head::load(cx, store.clone()).await?;
        let mut checkpoints = Self::new(store, head);
        let Some(stored) = stored else { return Ok((checkpoints, None)) };
        let epoch = stored.document.epoch;
        let loaded = match Content::decode(&stored.document.bytes)? {
            Content::Whole { anchor, inventory } => Loaded { inventory, planned: Vec::new(), anchor, epoch },
            Content::Index(Index { anchor, head, level, shards, .. }) => {
                (checkpoints.level, checkpoints.places) = (level, shards);
                let (inventory, planned) = checkpoints.read_shards(cx, head).await?;
                Loaded { inventory, planned, anchor, epoch }
            }
        };
        Ok((checkpoints, Some(loaded)))
    }

    /// Reads the index alone, for who knows what the shards hold: gives the position of the journal that it stands for, and its
    /// epoch. Nothing if there is none, or it is of an older format. The shards are read before the first write.
    pub async fn load_index(cx: &Cx, store: Arc<dyn StateStore>) -> Result<Option<(Self, Anchor, u64)>> {
        let (head, stored) = Head::load(cx, store.clone()).await?;
        let Some(Document { epoch, bytes }) = stored.map(|stored| stored.document) else { return Ok(None) };
        let Some(outline) = Outline::decode(&bytes) else { return Ok(None) };
        let (level, anchor) = (outline.level, outline.anchor.clone());
        let checkpoints = Self { level, outline: Some(outline), unread: true, ..Self::new(store, head) };
        Ok(Some((checkpoints, anchor, epoch)))
    }

    fn new(store: Arc<dyn StateStore>, head: Head) -> Self {
        Self {
            store,
            head,
            level: Level::default(),
            places: BTreeMap::new(),
            slots: BTreeMap::new(),
            keys: BTreeMap::new(),
            written: Written::default(),
            in_doubt: false,
            outline: None,
            unread: false,
        }
    }

    async fn read_shards(&mut self, cx: &Cx, head: InventoryHead) -> Result<(Inventory, Vec<Intent>)> {
        let shards = load_shards(cx, &*self.store, &self.places).await?;
        let (mut entries, mut open, mut planned) = (Vec::new(), Vec::new(), Vec::new());
        for (id, (shard, version)) in shards {
            self.slots.insert((id.clone(), self.places[&id].slot), version);
            entries.extend(shard.entries);
            open.extend(shard.open);
            planned.extend(shard.planned);
        }
        let inventory = Inventory::from_parts(head, entries, open);
        self.note(&inventory, &planned, inventory.entries().keys().cloned().collect());
        self.unread = false;
        Ok((inventory, planned))
    }

    /// Whether there are documents yet.
    pub fn exist(&self) -> bool {
        self.head.exists()
    }

    /// How many bytes the documents hold.
    pub fn bytes(&mut self) -> Result<u64> {
        self.locate()?;
        Ok(self.places.values().map(|place| place.bytes).sum())
    }

    /// Reads where the shards are, if that was not asked for before.
    fn locate(&mut self) -> Result<()> {
        if let Some(outline) = &self.outline {
            self.places = outline.places()?;
            self.outline = None;
        }
        Ok(())
    }

    /// Writes the shards that changed, then the index. The index is swapped also if no shard changed: the swap shows
    /// that no other engine took over.
    ///
    /// # Errors
    /// `Conflict` if another engine wrote the index: this one must stop. After any other error the old documents are
    /// there, or the new ones, and the next write goes on from either.
    pub async fn write(&mut self, cx: &Cx, snapshot: &Snapshot<'_>) -> Result<()> {
        if self.unread {
            self.locate()?;
            self.read_shards(cx, snapshot.inventory.head().clone()).await?;
        }
        for _ in 0..TRIES {
            self.settle(cx).await?;
            match self.try_write(cx, snapshot).await {
                Err(error) if error.is_conflict() && self.head.is_unsettled() => {}
                written => return written,
            }
        }
        Err(contended())
    }

    /// As [`write`](Self::write), for an engine that takes over. If shards changed, the index goes into the new epoch before any of
    /// them is written: of two engines that take over at once, one alone writes in it.
    pub async fn take_over(&mut self, cx: &Cx, snapshot: &Snapshot<'_>) -> Result<()> {
        self.settle(cx).await?;
        if self.exist() && !self.written.changed(snapshot).is_empty() && !tamper::shares_epochs(cx) {
            self.head.begin_epoch(cx, snapshot.epoch).await?;
        }
        self.write(cx, snapshot).await
    }

    async fn try_write(&mut self, cx: &Cx, snapshot: &Snapshot<'_>) -> Result<()> {
        self.refine(Level::of(snapshot.inventory.entries().len() + snapshot.planned.len()));
        loop {
            let changed = self.written.changed(snapshot);
            let shards = self.encode(snapshot, &changed)?;
            if snapshot.inventory.entries().has_failed() {
                // An entry that could not be read would be left out, and forgotten.
                return Err(unreadable());
            }
            let too_large = shards.values().flatten().any(|bytes| bytes.len() > SHARD_LIMIT);
            match self.level.finer().filter(|_| too_large) {
                Some(finer) => self.refine(finer),
                None => return self.store(cx, snapshot, shards, changed).await,
            }
        }
    }

    /// Takes in what came of a write whose end was not seen, before a slot is written that the index may name.
    async fn settle(&mut self, cx: &Cx) -> Result<()> {
        if let Some(index) = self.head.settle(cx).await? {
            (self.level, self.places) = (index.level, index.shards);
            self.doubt();
        }
        Ok(())
    }

    /// Whether the index is still the one that this engine wrote or read.
    ///
    /// # Errors
    /// `Conflict` if it is not.
    pub async fn check(&self, cx: &Cx) -> Result<()> {
        self.head.check(cx).await
    }

    /// Goes to a finer level, if this one is coarser: every shard is then written anew.
    fn refine(&mut self, level: Level) {
        if level > self.level {
            self.level = level;
            self.places.clear();
            self.doubt();
        }
    }

    fn doubt(&mut self) {
        self.keys.clear();
        self.written = Written::default();
        self.in_doubt = true;
    }

    /// The shards that changed, as bytes; nothing for one that is empty.
    fn encode(&self, snapshot: &Snapshot<'_>, changed: &BTreeSet<Key>) -> Result<Encoded> {
        let mut keys: BTreeMap<ShardId, BTreeSet<Key>> = BTreeMap::new();
        if self.in_doubt {
            keys.extend(self.places.keys().map(|id| (id.clone(), BTreeSet::new())));
        }
        for key in changed {
            let id = self.level.shard(key);
            let known = || self.keys.get(&id).cloned().unwrap_or_default();
            keys.entry(id.clone()).or_insert_with(known).insert(key.clone());
        }
        let shards = Shard::collect(self.level, keys, snapshot.inventory, snapshot.planned);
        let encode = |(id, shard): (ShardId, Shard)| match shard.is_empty() {
            true => Ok((id, None)),
            false => Ok((id, Some(serde_json::to_vec(&shard)?))),
        };
        shards.into_iter().map(encode).collect()
    }

    async fn store(
        &mut self,
        cx: &Cx,
        snapshot: &Snapshot<'_>,
        shards: Encoded,
        changed: BTreeSet<Key>,
    ) -> Result<()> {
        let mut places = self.places.clone();
        let mut due = Vec::new();
        for (id, bytes) in shards {
            match bytes {
                None => drop(places.remove(&id)),
                Some(bytes) => due.extend(self.due(&mut places, id, bytes)),
            }
        }
        let store = &self.store;
        let put = |Due { id, slot, expect, bytes }: Due| async move {
            let document = Document { epoch: snapshot.epoch, bytes };
            let version = put(cx, &**store, &slot.document(&id), expect, document).await?;
            Ok::<_, Error>(((id, slot), version))
        };
        let written: Vec<_> =
            stream::iter(due.into_iter().map(put)).buffer_unordered(AT_ONCE).try_collect().await?;
        self.slots.extend(written);
        let index = Index {
            format: Index::FORMAT,
            writer: self.head.writer().clone(),
            anchor: snapshot.anchor.clone(),
            head: snapshot.inventory.head().clone(),
            level: self.level,
            shards: places.clone(),
        };
        self.head.swap(cx, snapshot.epoch, &index).await?;
        self.places = places;
        self.in_doubt = false;
        self.note(snapshot.inventory, snapshot.planned, changed);
        Ok(())
    }

    /// A shard that is to be written, into the slot that the index does not name; nothing if it did not change.
    fn due(&self, places: &mut BTreeMap<ShardId, Place>, id: ShardId, bytes: Vec<u8>) -> Option<Due> {
        let digest = Digest::of(&bytes);
        let named = self.places.get(&id);
        if named.is_some_and(|place| place.digest == digest) {
            return None;
        }
        let slot = named.map(|place| place.slot.other()).unwrap_or_default();
        places.insert(id.clone(), Place { slot, digest, bytes: bytes.len() as u64 });
        let expect = self.slots.get(&(id.clone(), slot)).cloned();
        Some(Due { id, slot, expect, bytes })
    }

    fn note(&mut self, inventory: &Inventory, planned: &[Intent], changed: BTreeSet<Key>) {
        for key in changed {
            let keys = self.keys.entry(self.level.shard(&key)).or_default();
            match inventory.entries().contains(&key) {
                true => keys.insert(key),
                false => keys.remove(&key),
            };
        }
        self.written = Written::of(inventory, planned);
    }
}
