use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::{Digest, Hasher, Key, SetDigest};

/// A value with a digest of everything about it that matters.
pub trait Digested {
    /// The digest; equal values have equal digests.
    fn digest(&self) -> Digest;
}

impl<T: Digested + ?Sized> Digested for std::sync::Arc<T> {
    fn digest(&self) -> Digest {
        (**self).digest()
    }
}

/// A persistent ordered map from [`Key`] to `V` that knows its own digest.
///
/// A clone is a snapshot and costs nothing; [`changed_since`](Self::changed_since) costs what changed
/// since the snapshot, not what the map holds. Desired state, observed state and inventory are such maps.
pub struct DigestMap<V> {
    entries: OrdMap<Key, Slot<V>>,
    /// The entries when somebody last asked for a digest, of this map or of a clone: the next answer costs what differs.
    summed: Arc<Mutex<Arc<Summed<V>>>>,
}

/// Entries, and the digest of their set.
struct Summed<V> {
    entries: OrdMap<Key, Slot<V>>,
    set: SetDigest,
    digest: Digest,
}

/// A value beside its digest, so that neither a removal nor a comparison computes it again.
#[derive(Clone, Debug)]
struct Slot<V> {
    digest: Digest,
    value: V,
}

impl<V> PartialEq for Slot<V> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl<V> Default for DigestMap<V> {
    fn default() -> Self {
        let (entries, set) = (OrdMap::new(), SetDigest::default());
        let summed = Summed { entries: entries.clone(), digest: set.digest(), set };
        Self { entries, summed: Arc::new(Mutex::new(Arc::new(summed))) }
    }
}

impl<V> Clone for DigestMap<V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), summed: self.summed.clone() }
    }
}

impl<V: fmt::Debug> fmt::Debug for DigestMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|(key, slot)| (key, &slot.value))).finish()
    }
}

impl<V> DigestMap<V> {
    fn last_summed(&self) -> Arc<Summed<V>> {
        self.summed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<V: Digested + Clone> DigestMap<V> {
    /// Puts a value under a key and gives the one that it replaces.
    pub fn insert(&mut self, key: Key, value: V) -> Option<V> {
        let digest = value.digest();
        self.entries.insert(key, Slot { digest, value }).map(|old| old.value)
    }

    /// Takes the value of a key out.
    pub fn remove(&mut self, key: &Key) -> Option<V> {
        self.entries.remove(key).map(|old| old.value)
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Option<&V> {
        self.entries.get(key).map(|slot| &slot.value)
    }

    /// The digest of a key's value, without computing it.
    pub fn digest_of(&self, key: &Key) -> Option<Digest> {
        self.entries.get(key).map(|slot| slot.digest)
    }

    /// Whether the key is there.
    pub fn contains(&self, key: &Key) -> bool {
        self.entries.contains_key(key)
    }

    /// All entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &V)> {
        self.entries.iter().map(|(key, slot)| (key, &slot.value))
    }

    /// All keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.entries.keys()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The digest of all entries, whatever the order in which they came; costs what changed since it was last asked.
    pub fn digest(&self) -> Digest {
        let last = self.last_summed();
        if last.entries.ptr_eq(&self.entries) {
            return last.digest;
        }
        let mut set = last.set.clone();
        for change in last.entries.diff(&self.entries) {
            let (before, after) = match change {
                DiffItem::Add(key, new) => (None, Some((key, new))),
                DiffItem::Remove(key, old) => (Some((key, old)), None),
                DiffItem::Update { old, new } => (Some(old), Some(new)),
            };
            before.into_iter().for_each(|(key, slot)| set.remove(&element(key, &slot.digest)));
            after.into_iter().for_each(|(key, slot)| set.add(&element(key, &slot.digest)));
        }
        let digest = set.digest();
        let summed = Summed { entries: self.entries.clone(), set, digest };
        *self.summed.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(summed);
        digest
    }

    /// The keys whose value differs between an older snapshot and this one, in order.
    pub fn changed_since<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = &'a Key> {
        older.entries.diff(&self.entries).map(|item| match item {
            DiffItem::Add(key, _) | DiffItem::Remove(key, _) => key,
            DiffItem::Update { new, .. } => new.0,
        })
    }
}

fn element(key: &Key, digest: &Digest) -> Digest {
    let mut hasher = Hasher::new("gitops entry");
    hasher.field(key.to_string()).field(digest.as_bytes());
    hasher.finish()
}

impl<V: Digested + Clone> FromIterator<(Key, V)> for DigestMap<V> {
    fn from_iter<I: IntoIterator<Item = (Key, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::value::GroupKind;
    use proptest::prelude::*;

    impl Digested for u8 {
        fn digest(&self) -> Digest {
            Digest::of(&[*self])
        }
    }

    fn key(name: u8) -> Key {
        Key::new("t", GroupKind::new("", "K"), "", format!("n{name}"))
    }

    fn build(edits: &[(u8, Option<u8>)]) -> (DigestMap<u8>, BTreeMap<Key, u8>) {
        let (mut map, mut model) = (DigestMap::default(), BTreeMap::new());
        for (name, value) in edits {
            match value {
                Some(value) => {
                    assert_eq!(map.insert(key(*name), *value), model.insert(key(*name), *value));
                }
                None => assert_eq!(map.remove(&key(*name)), model.remove(&key(*name))),
            }
        }
        (map, model)
    }

    fn edits() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
        prop::collection::vec((0..12u8, prop::option::of(0..4u8)), 0..40)
    }

    proptest! {
        #[test]
        fn the_digest_depends_on_the_entries_alone(edits in edits()) {
            let (map, model) = build(&edits);
            let fresh: DigestMap<u8> = model.into_iter().rev().collect();
            prop_assert_eq!(map.digest(), fresh.digest());
        }

        #[test]
        fn what_changed_is_what_a_comparison_of_all_entries_finds(first in edits(), second in edits()) {
            let (old, old_model) = build(&first);
            let (new, new_model) = build(&second);
            let changed: Vec<Key> = new.changed_since(&old).cloned().collect();
            let mut expected: Vec<Key> = old_model.keys().chain(new_model.keys()).cloned().collect();
            expected.sort();
            expected.dedup();
            expected.retain(|key| old_model.get(key) != new_model.get(key));
            prop_assert_eq!(changed, expected);
        }
    }
}
