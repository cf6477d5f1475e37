//! The inventory as documents of a store: shards, and an index that stands for all of them.
//!
//! A shard is written beside the one that the index names, and then the index is replaced: after a crash all shards
//! are the old ones or all are the new ones, and what is written is what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use smol_str::{SmolStr, format_smolstr};

use super::super::tamper;
use super::documents::{Content, load_index, load_shards, put};
use crate::inventory::{Index, Inventory, Level, Owned, Place, Shard, ShardId, Slot};
use crate::journal::{Anchor, Intent};
use crate::store::{Document, StateStore};
use crate::value::{Digest, DigestMap, Key, Version};
use crate::{Cx, Error, ErrorKind, Result};

/// A shard over this many bytes makes all shards finer: a store may take no more than twice as much.
const SHARD_LIMIT: usize = 256 << 10;

/// How many shards are written at once.
const AT_ONCE: usize = 8;

/// How often a write is begun anew after one of its own got in between.
const TRIES: usize = 5;

/// What of an engine's memory is to be written.
pub(super) struct Snapshot<'a> {
    pub inventory: &'a Inventory,
    /// What the pass that follows may make.
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
    writer: SmolStr,
    /// The version of the index, to be named by the next swap.
    version: Option<Version>,
    level: Level,
    places: BTreeMap<ShardId, Place>,
    slots: BTreeMap<(ShardId, Slot), Version>,
    keys: BTreeMap<ShardId, BTreeSet<Key>>,
    written: Written,
    /// Any shard may hold something else than `written` says.
    in_doubt: bool,
    /// A swap of the index was begun, and its answer has not been seen.
    unsettled: bool,
}

type Encoded = BTreeMap<ShardId, Option<Vec<u8>>>;

/// A shard that is to be written.
struct Due {
    id: ShardId,
    slot: Slot,
    expect: Option<Version>,
    bytes: Vec<u8>,
}

/// What the shards hold.
#[derive(Default)]
struct Written {
    entries: DigestMap<Owned>,
    open: BTreeMap<SmolStr, Key>,
    planned: BTreeSet<Key>,
}

impl Checkpoints {
    /// Reads what a store has; writes nothing.
    pub async fn load(cx: &Cx, store: Arc<dyn StateStore>) -> Result<(Self, Option<Loaded>)> {
        let mut checkpoints = Self {
            store,
            writer: format_smolstr!("{:032x}", cx.random()),
            version: None,
            level: Level::default(),
            places: BTreeMap::new(),
            slots: BTreeMap::new(),
            keys: BTreeMap::new(),
            written: Written::default(),
            in_doubt: false,
            unsettled: false,
        };
        let Some(stored) = load_index(cx, &*checkpoints.store).await? else { return Ok((checkpoints, None)) };
        checkpoints.version = Some(stored.version);
        let (epoch, index) = (stored.epoch, stored.content);
        let loaded = match index {
            Content::Whole { anchor, inventory } => Loaded { inventory, planned: Vec::new(), anchor, epoch },
            Content::Index(index) => checkpoints.take_in(cx, index, epoch).await?,
        };
        Ok((checkpoints, Some(loaded)))
    }

    async fn take_in(&mut self, cx: &Cx, index: Index, epoch: u64) -> Result<Loaded> {
        let shards = load_shards(cx, &*self.store, &index.shards).await?;
        let (mut entries, mut open, mut planned) = (Vec::new(), Vec::new(), Vec::new());
        for (id, (shard, version)) in shards {
            self.slots.insert((id.clone(), index.shards[&id].slot), version);
            entries.extend(shard.entries);
            open.extend(shard.open);
            planned.extend(shard.planned);
        }
        let Index { anchor, owner, accepted, level, shards, .. } = index;
        (self.level, self.places) = (level, shards);
        let inventory = Inventory::from_parts(owner, accepted, entries, open);
        self.note(&inventory, &planned, inventory.entries().keys().cloned().collect());
        Ok(Loaded { inventory, planned, anchor, epoch })
    }

    /// Whether there are documents yet.
    pub fn exist(&self) -> bool {
        self.version.is_some()
    }

    /// How many bytes the documents hold.
    pub fn bytes(&self) -> u64 {
        self.places.values().map(|place| place.bytes).sum()
    }

    /// Writes the shards that changed, then the index. The index is swapped also if no shard changed: the swap shows
    /// that no other engine took over.
    ///
    /// # Errors
    /// `Conflict` if another engine wrote the index: this one must stop. After any other error the old documents are
    /// there, or the new ones, and the next write goes on from either.
    pub async fn write(&mut self, cx: &Cx, snapshot: &Snapshot<'_>) -> Result<()> {
        for _ in 0..TRIES {
            self.settled(cx).await?;
            match self.try_write(cx, snapshot).await {
                Err(error) if error.is_conflict() && self.unsettled => {}
                written => return written,
            }
        }
        Err(contended())
    }

    /// As [`write`](Self::write), for an engine that takes over. If shards changed, the index goes into the new epoch before any of
    /// them is written: of two engines that take over at once, one alone writes in it.
    pub async fn take_over(&mut self, cx: &Cx, snapshot: &Snapshot<'_>) -> Result<()> {
        self.settled(cx).await?;
        if self.exist() && !self.changed(snapshot).is_empty() && !tamper::shares_epochs(cx) {
            self.begin_epoch(cx, snapshot.epoch).await?;
        }
        self.write(cx, snapshot).await
    }

    /// Swaps the index for itself, in a new epoch.
    async fn begin_epoch(&mut self, cx: &Cx, epoch: u64) -> Result<()> {
        let stored = self.store.load(cx, Index::DOCUMENT).await?;
        let same = stored.filter(|stored| Some(&stored.version) == self.version.as_ref());
        let Content::Index(index) = Content::decode(&same.ok_or_else(deposed)?.document.bytes)? else {
            return Ok(());
        };
        self.swap_index(cx, epoch, &Index { writer: self.writer.clone(), ..index }).await
    }

    async fn try_write(&mut self, cx: &Cx, snapshot: &Snapshot<'_>) -> Result<()> {
        self.refine(Level::of(snapshot.inventory.entries().len() + snapshot.planned.len()));
        loop {
            let changed = self.changed(snapshot);
            let shards = self.encode(snapshot, &changed)?;
            let too_large = shards.values().flatten().any(|bytes| bytes.len() > SHARD_LIMIT);
            match self.level.finer().filter(|_| too_large) {
                Some(finer) => self.refine(finer),
                None => return self.store(cx, snapshot, shards, changed).await,
            }
        }
    }

    async fn settled(&mut self, cx: &Cx) -> Result<()> {
        for _ in 0..TRIES {
            self.settle(cx).await?;
            if !self.unsettled {
                return Ok(());
            }
        }
        Err(contended())
    }

    /// Finds out what came of a swap of the index whose answer was not seen, before a slot is written that it may
    /// name. If it did not happen, the index is swapped for itself, and then it can't happen any more.
    async fn settle(&mut self, cx: &Cx) -> Result<()> {
        if !self.unsettled {
            return Ok(());
        }
        let Some(stored) = self.store.load(cx, Index::DOCUMENT).await? else {
            self.unsettled = false;
            return if self.version.is_none() { Ok(()) } else { Err(deposed()) };
        };
        if Some(&stored.version) == self.version.as_ref() {
            match self.store.swap(cx, Index::DOCUMENT, self.version.as_ref(), stored.document).await {
                // It did happen, just now.
                Err(error) if error.is_conflict() => return Ok(()),
                swapped => self.version = Some(swapped?),
            }
        } else {
            match Content::decode(&stored.document.bytes)? {
                Content::Index(index) if index.writer == self.writer => {
                    (self.version, self.level, self.places) =
                        (Some(stored.version), index.level, index.shards);
                    self.doubt();
                }
                _ => return Err(deposed()),
            }
        }
        self.unsettled = false;
        Ok(())
    }

    /// Whether the index is still the one that this engine wrote or read.
    ///
    /// # Errors
    /// `Conflict` if it is not.
    pub async fn check(&self, cx: &Cx) -> Result<()> {
        let stored = self.store.load(cx, Index::DOCUMENT).await?;
        match stored.map(|stored| stored.version) == self.version {
            true => Ok(()),
            false => Err(deposed()),
        }
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

    /// The keys of which the shards know something else than the snapshot.
    fn changed(&self, snapshot: &Snapshot<'_>) -> BTreeSet<Key> {
        let written = &self.written;
        let entries = snapshot.inventory.entries().changed_since(&written.entries);
        let opened = snapshot.inventory.open().filter(|intent| !written.open.contains_key(&intent.op));
        let open: BTreeSet<&SmolStr> = snapshot.inventory.open().map(|intent| &intent.op).collect();
        let closed = written.open.iter().filter(|(op, _)| !open.contains(op)).map(|(_, key)| key);
        let planned = snapshot.planned.iter().map(|intent| &intent.key).chain(&written.planned);
        entries.chain(opened.map(|intent| &intent.key)).chain(closed).chain(planned).cloned().collect()
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
            writer: self.writer.clone(),
            anchor: snapshot.anchor.clone(),
            owner: snapshot.inventory.owner().clone(),
            accepted: snapshot.inventory.accepted().cloned(),
            level: self.level,
            shards: places.clone(),
        };
        self.swap_index(cx, snapshot.epoch, &index).await?;
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

    async fn swap_index(&mut self, cx: &Cx, epoch: u64, index: &Index) -> Result<()> {
        let document = Document { epoch, bytes: serde_json::to_vec(index)? };
        self.unsettled = true;
        let version = self.store.swap(cx, Index::DOCUMENT, self.version.as_ref(), document).await?;
        self.version = Some(version);
        self.unsettled = false;
        Ok(())
    }

    fn note(&mut self, inventory: &Inventory, planned: &[Intent], changed: BTreeSet<Key>) {
        for key in changed {
            let keys = self.keys.entry(self.level.shard(&key)).or_default();
            match inventory.entries().contains(&key) {
                true => keys.insert(key),
                false => keys.remove(&key),
            };
        }
        self.written = Written {
            entries: inventory.entries().clone(),
            open: inventory.open().map(|intent| (intent.op.clone(), intent.key.clone())).collect(),
            planned: planned.iter().map(|intent| intent.key.clone()).collect(),
        };
    }
}

fn contended() -> Error {
    Error::new(ErrorKind::Unavailable, "the index of the inventory is written by somebody else all the time")
}

fn deposed() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "another engine took over: the stored inventory is no longer ours to write",
    )
    .help("stop this engine, or start it again: what the other one did is taken in first")
}
