#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::iter::Peekable;
use std::sync::{Arc, Mutex, PoisonError};

use imbl::OrdMap;
use imbl::ordmap::{DiffItem, Iter};

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

/// Entries that an earlier process kept, in the order of their keys: each is read when somebody asks for it.
pub(crate) trait KeptEntries<V>: Send + Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Where the entry of a key is.
    fn find(&self, key: &Key) -> Option<usize>;

    /// The key of an entry.
    fn key(&self, index: usize) -> &Key;

    /// The digest of an entry's value, without reading that.
    fn digest(&self, index: usize) -> Digest;

    /// The value of an entry. Nothing if it can't be read any more: whoever keeps the entries remembers why, and what was
    /// found out meanwhile counts for nothing.
    fn value(&self, index: usize) -> Option<&V>;

    /// Whether a value that somebody asked for could not be read.
    fn has_failed(&self) -> bool;

    /// The digest of all of them.
    fn set(&self) -> &SetDigest;
}

/// An ordered map from [`Key`] to `V`: the objects of a desired state, or what an inventory holds.
///
/// A clone is a snapshot and costs nothing.
pub struct DigestMap<V> {
    /// What an earlier process kept of the map.
    kept: Option<Arc<dyn KeptEntries<V>>>,
    /// What was put in since, and nothing for what is gone.
    own: Own<V>,
    len: usize,
    /// The entries when somebody last asked for a digest, of this map or of a clone: the next answer costs what differs.
    summed: Arc<Mutex<Arc<Summed<V>>>>,
}

// The digest is why maps are compared at the cost of what changed: `changed_since` looks at no other entry.
type Own<V> = OrdMap<Key, Option<Slot<V>>>;

/// Entries, and the digest of their set.
struct Summed<V> {
    own: Own<V>,
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
        Self::over(None, SetDigest::default(), 0)
    }
}

impl<V> Clone for DigestMap<V> {
    fn clone(&self) -> Self {
        let Self { kept, own, len, summed } = self;
        Self { kept: kept.clone(), own: own.clone(), len: *len, summed: summed.clone() }
    }
}

impl<V: Digested + Clone + fmt::Debug> fmt::Debug for DigestMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<V> DigestMap<V> {
    fn over(kept: Option<Arc<dyn KeptEntries<V>>>, set: SetDigest, len: usize) -> Self {
        let summed = Summed { own: OrdMap::new(), digest: set.digest(), set };
        Self { kept, own: OrdMap::new(), len, summed: Arc::new(Mutex::new(Arc::new(summed))) }
    }

    fn last_summed(&self) -> Arc<Summed<V>> {
        self.summed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn kept_digest(&self, key: &Key) -> Option<Digest> {
        let kept = self.kept.as_ref()?;
        kept.find(key).map(|index| kept.digest(index))
    }
}

impl<V: Digested + Clone> DigestMap<V> {
    /// The map that an earlier process kept.
    pub(crate) fn from_kept(kept: Arc<dyn KeptEntries<V>>) -> Self {
        let (set, len) = (kept.set().clone(), kept.len());
        Self::over(Some(kept), set, len)
    }

    /// The map as it was kept, without what became of it since; an empty one, if it was not.
    pub(crate) fn as_kept(&self) -> Self {
        self.kept.clone().map_or_else(Self::default, Self::from_kept)
    }

    /// Whether a kept value could not be read: then what was found out from the map counts for nothing.
    pub(crate) fn has_failed(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.has_failed())
    }

    /// Whether the value of a key is the one that was kept: nobody has put another in its place.
    pub(crate) fn is_kept(&self, key: &Key) -> bool {
        !self.own.contains_key(key) && self.kept_digest(key).is_some()
    }

    /// Puts a value under a key.
    pub(crate) fn insert(&mut self, key: Key, value: V) {
        self.len += usize::from(!self.contains(&key));
        let digest = value.digest();
        self.own.insert(key, Some(Slot { digest, value }));
    }

    /// Takes a key out; says whether it was there.
    pub(crate) fn remove(&mut self, key: &Key) -> bool {
        if !self.contains(key) {
            return false;
        }
        self.len -= 1;
        match self.kept_digest(key) {
            None => drop(self.own.remove(key)),
            Some(_) => drop(self.own.insert(key.clone(), None)),
        }
        true
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Option<&V> {
        match self.own.get(key) {
            Some(own) => own.as_ref().map(|slot| &slot.value),
            None => self.kept.as_ref().and_then(|kept| kept.value(kept.find(key)?)),
        }
    }

    /// The digest of a key's value, without computing it.
    pub(crate) fn digest_of(&self, key: &Key) -> Option<Digest> {
        match self.own.get(key) {
            Some(own) => own.as_ref().map(|slot| slot.digest),
            None => self.kept_digest(key),
        }
    }

    /// Whether the key is there.
    pub fn contains(&self, key: &Key) -> bool {
        self.digest_of(key).is_some()
    }

    /// All entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &V)> {
        let value = |place| match place {
            Place::Own(slot) => Some(&slot.value),
            Place::Kept(kept, index) => kept.value(index),
        };
        self.places().filter_map(move |(key, place)| Some((key, value(place)?)))
    }

    /// All keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.places().map(|(key, _)| key)
    }

    /// All keys in order, with the digests of their values.
    pub(crate) fn digests(&self) -> impl Iterator<Item = (&Key, Digest)> {
        let digest = |place| match place {
            Place::Own(slot) => slot.digest,
            Place::Kept(kept, index) => kept.digest(index),
        };
        self.places().map(move |(key, place)| (key, digest(place)))
    }

    fn places(&self) -> Places<'_, V> {
        Places { kept: self.kept.as_deref(), next: 0, own: self.own.iter().peekable() }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The digest of all entries, whatever the order in which they came; costs what changed since it was last asked.
    #[doc(hidden)]
    pub fn digest(&self) -> Digest {
        self.summed().digest
    }

    /// The digest of all entries as one that can be gone on with.
    pub(crate) fn set(&self) -> SetDigest {
        self.summed().set.clone()
    }

    fn summed(&self) -> Arc<Summed<V>> {
        let last = self.last_summed();
        if last.own.ptr_eq(&self.own) {
            return last;
        }
        let mut set = last.set.clone();
        for change in last.own.diff(&self.own) {
            let (key, before, after) = match change {
                DiffItem::Add(key, new) => (key, self.kept_digest(key), digest_in(new.as_ref())),
                DiffItem::Remove(key, old) => (key, digest_in(old.as_ref()), self.kept_digest(key)),
                DiffItem::Update { old, new } => {
                    (new.0, digest_in(old.1.as_ref()), digest_in(new.1.as_ref()))
                }
            };
            before.into_iter().for_each(|digest| set.remove(&element(key, &digest)));
            after.into_iter().for_each(|digest| set.add(&element(key, &digest)));
        }
        let summed = Arc::new(Summed { own: self.own.clone(), digest: set.digest(), set });
        *self.summed.lock().unwrap_or_else(PoisonError::into_inner) = summed.clone();
        summed
    }

    /// The keys whose value differs between an older snapshot and this one, in order.
    pub(crate) fn changed_since<'a>(&'a self, older: &'a Self) -> Box<dyn Iterator<Item = &'a Key> + 'a> {
        let share = match (&self.kept, &older.kept) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        let moved = |item: DiffItem<'a, 'a, Key, Option<Slot<V>>>| match item {
            DiffItem::Add(key, new) => (self.kept_digest(key) != digest_in(new.as_ref())).then_some(key),
            DiffItem::Remove(key, old) => (self.kept_digest(key) != digest_in(old.as_ref())).then_some(key),
            DiffItem::Update { new, .. } => Some(new.0),
        };
        match share {
            true => Box::new(older.own.diff(&self.own).filter_map(moved)),
            false => Box::new(self.compared_with(older).into_iter()),
        }
    }

    /// What differs from a map over other entries: all are compared.
    fn compared_with<'a>(&'a self, older: &'a Self) -> std::collections::BTreeSet<&'a Key> {
        let differs = |(key, digest): &(&'a Key, Digest)| older.digest_of(key) != Some(*digest);
        let written = self.digests().filter(differs).map(|(key, _)| key);
        written.chain(older.keys().filter(|key| !self.contains(key))).collect()
    }
}

fn digest_in<V>(own: Option<&Slot<V>>) -> Option<Digest> {
    own.map(|slot| slot.digest)
}

/// Where an entry is.
enum Place<'a, V> {
    Own(&'a Slot<V>),
    Kept(&'a dyn KeptEntries<V>, usize),
}

/// The entries that were kept and those that are otherwise, side by side.
struct Places<'a, V> {
    kept: Option<&'a dyn KeptEntries<V>>,
    next: usize,
    own: Peekable<Iter<'a, Key, Option<Slot<V>>, imbl::shared_ptr::DefaultSharedPtr>>,
}

impl<'a, V> Iterator for Places<'a, V> {
    type Item = (&'a Key, Place<'a, V>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let kept =
                self.kept.filter(|kept| self.next < kept.len()).map(|kept| (kept, kept.key(self.next)));
            let order = match (&kept, self.own.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((_, kept)), Some((own, _))) => kept.cmp(own),
            };
            if let (Some((kept, key)), Ordering::Less) = (kept, order) {
                self.next += 1;
                return Some((key, Place::Kept(kept, self.next - 1)));
            }
            // What is otherwise stands for what was kept under its key.
            self.next += usize::from(order == Ordering::Equal);
            match self.own.next() {
                Some((key, Some(slot))) => return Some((key, Place::Own(slot))),
                Some((_, None)) => {}
                None => return None,
            }
        }
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
