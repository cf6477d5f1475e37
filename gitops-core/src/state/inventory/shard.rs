//! A part of an inventory, so that writing a change costs the part that it is in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Inventory, Owned};
use crate::state::record::Intent;
use crate::value::{Digest, Key, Result};

/// How many keys a shard holds on average before the next finer level is taken.
const KEYS_A_SHARD: usize = 128;

/// The name of a shard: the first digits of its keys' digests; `all` where there is one shard alone.
pub(crate) type ShardId = SmolStr;

/// How many digits of a key's digest name its shard: 1, 16, 256 or 4,096 shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub(crate) struct Level(u8);

impl Level {
    const FINEST: Self = Self(3);

    /// The level for so many keys.
    pub fn of(keys: usize) -> Self {
        let fits = |level: &u8| keys <= KEYS_A_SHARD << (4 * u32::from(*level));
        Self((0..Self::FINEST.0).find(fits).unwrap_or(Self::FINEST.0))
    }

    /// The next finer one, if there is one.
    pub fn finer(self) -> Option<Self> {
        (self < Self::FINEST).then_some(Self(self.0 + 1))
    }

    /// The shard that a key belongs to.
    pub fn shard(self, key: &Key) -> ShardId {
        match self.0 {
            0 => SmolStr::new_static("all"),
            digits => Digest::of(key.to_string().as_bytes()).to_string()[..usize::from(digits)].into(),
        }
    }
}

impl TryFrom<u8> for Level {
    type Error = &'static str;

    fn try_from(level: u8) -> Result<Self, Self::Error> {
        match level <= Self::FINEST.0 {
            true => Ok(Self(level)),
            false => Err("there is no such level of shards"),
        }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

/// What of an inventory falls into one shard.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shard {
    pub entries: Vec<(Key, Owned)>,
    /// The intents whose outcome is not known.
    pub open: Vec<Intent>,
    /// What the reconciliation that follows may make. Where the journal is, it says what of this was begun; where the journal
    /// was lost, all of it counts as begun.
    pub planned: Vec<Intent>,
}

impl Shard {
    /// Collects the shards that these keys are in.
    pub fn collect(
        level: Level,
        keys: BTreeMap<ShardId, BTreeSet<Key>>,
        inventory: &Inventory,
        planned: &[Intent],
    ) -> BTreeMap<ShardId, Self> {
        let entry = |key: Key| inventory.entries().get(&key).cloned().map(|entry| (key, entry));
        let shard = |keys: BTreeSet<Key>| Self {
            entries: keys.into_iter().filter_map(entry).collect(),
            ..Self::default()
        };
        let mut shards: BTreeMap<ShardId, Self> =
            keys.into_iter().map(|(id, keys)| (id, shard(keys))).collect();
        for intent in inventory.open() {
            if let Some(shard) = shards.get_mut(&level.shard(&intent.key)) {
                shard.open.push(intent.clone());
            }
        }
        for intent in planned {
            if let Some(shard) = shards.get_mut(&level.shard(&intent.key)) {
                shard.planned.push(intent.clone());
            }
        }
        shards
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.open.is_empty() && self.planned.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::GroupKind;

    #[test]
    fn shards_grow_in_number_and_not_in_size() {
        let levels =
            [0, 128, 129, 2048, 2049, 32_768, 32_769, 1_000_000].map(|keys| u8::from(Level::of(keys)));
        assert_eq!(levels, [0, 0, 1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn keys_spread_evenly() {
        let mut counts: BTreeMap<ShardId, usize> = BTreeMap::new();
        for index in 0..2048 {
            let key = Key::new("t", GroupKind::new("", "K"), "", format!("name-{index}"));
            *counts.entry(Level(1).shard(&key)).or_default() += 1;
        }
        assert_eq!(counts.len(), 16);
        assert!(counts.values().all(|count| (64..256).contains(count)), "{counts:?}");
    }
}
