//! What the engine was told last of each object.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gitops_core::{Expect, GroupKind, Hasher, Key, OwnerLabel, Uid, Version};

use crate::live::object::{Eye, Seen};

/// The last state of each object that the engine was told of, in a few bytes each.
///
/// An update can then name the resource version at once instead of reading it; a watch wakes nobody for what is
/// known already.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeMap<Key, State>>);

/// One state: its digest, and the server's own version at which it was last seen (0 where that is no number).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    digest: [u8; 16],
    revision: u64,
    /// Whose owner label it carries; 0 for nobody's.
    owner: u64,
}

/// What is kept of each object is what bounds the memory of a watch.
const _: () = assert!(size_of::<State>() == 32);

/// What no object's digest is.
const ABSENT: [u8; 16] = [0; 16];

impl State {
    /// The object is not there, as of a version of the server's.
    pub fn absent(resource_version: &str) -> Self {
        Self { digest: ABSENT, revision: resource_version.parse().unwrap_or(0), owner: 0 }
    }

    pub fn is_absent(&self) -> bool {
        self.digest == ABSENT
    }

    /// Whether it is there with somebody's owner label.
    pub fn is_marked(&self) -> bool {
        self.owner != 0
    }

    /// The state of an object as the server shows it.
    pub fn of(seen: &Seen, eye: &Eye) -> Self {
        Self::at(seen, &seen.version(eye))
    }

    /// The same, where the [version](Seen::version) of what we own is known.
    pub fn at(seen: &Seen, version: &Version) -> Self {
        let revision = seen.resource_version().parse().unwrap_or(0);
        let owner = seen.owner_label.as_ref().map_or(0, |owner_label| owner(&owner_label.owner));
        Self { digest: digest(&seen.uid(), version, seen.is_deleting()), revision, owner }
    }

    #[cfg(test)]
    pub fn test(digest: u8, revision: u64) -> Self {
        Self { digest: [digest; 16], revision, owner: 0 }
    }

    /// Whether it is the same state, whenever it was seen.
    pub fn is(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Whether it was seen at this version of the server's, or later.
    pub fn is_as_of(&self, revision: u64) -> bool {
        revision > 0 && self.revision >= revision
    }

    /// Whether it was seen later; the server's versions grow.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.revision > other.revision && other.revision > 0
    }
}

fn owner(name: &str) -> u64 {
    let mut hasher = Hasher::new("gitops kubernetes told owner");
    hasher.field(name);
    u64::from_le_bytes(hasher.finish().as_bytes()[..8].try_into().expect("a digest has 32 bytes")).max(1)
}

fn digest(uid: &Uid, version: &Version, deleting: bool) -> [u8; 16] {
    let mut hasher = Hasher::new("gitops kubernetes told");
    hasher.field(uid.as_str()).field(version.as_str()).field([u8::from(deleting)]);
    hasher.finish().as_bytes()[..16].try_into().expect("a digest has 32 bytes")
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tell(&self, key: &Key, state: State) {
        self.lock().insert(key.clone(), state);
    }

    /// Nobody asks about the object any more.
    pub fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    pub fn get(&self, key: &Key) -> Option<State> {
        self.lock().get(key).copied()
    }

    /// The same state was seen at a later version of the server's.
    pub fn renew(&self, key: &Key, state: State) {
        if let Some(told) = self.lock().get_mut(key) {
            told.revision = told.revision.max(state.revision);
        }
    }

    /// The server's version at which the expected state was last seen, if it carried the owner's owner label.
    pub fn resource_version(&self, key: &Key, expect: &Expect, owner_label: &OwnerLabel) -> Option<String> {
        let told = self.get(key)?;
        let is_expected = told.digest == digest(&expect.uid, &expect.version, false);
        let is_ours = told.owner == owner(&owner_label.owner);
        (is_expected && is_ours && told.revision > 0).then(|| told.revision.to_string())
    }

    /// The objects of a kind, in one namespace or (with none) in all, that somebody asked about.
    pub fn of_kind(&self, target: &str, kind: &GroupKind, namespace: &str) -> Vec<Key> {
        let first = Key::new(target, kind.clone(), namespace, "");
        let states = self.lock();
        let fits = |key: &&Key| {
            key.target() == target
                && key.kind() == kind
                && (namespace.is_empty() || key.namespace() == namespace)
        };
        states.range(first..).map(|(key, _)| key).take_while(fits).cloned().collect()
    }
}
