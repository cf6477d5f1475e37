//! What the engine was told last of each object.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gitops_core::{Applied, Expect, Hasher, Key, Live, Uid, Version};

/// The last state of each object that the engine was told of, in a few bytes each.
///
/// An update can then name the resource version at once instead of reading it; a watch wakes nobody for what is
/// known already.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeMap<Key, State>>);

/// One state: its digest, and the server's own version at which it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    digest: u128,
    pub revision: u64,
}

impl State {
    /// A state that a server's version names; `None` for a server whose versions are no numbers.
    pub fn new(uid: &Uid, version: &Version, resource_version: &str) -> Self {
        let mut hasher = Hasher::new("gitops kubernetes told");
        hasher.field(uid.as_str()).field(version.as_str());
        let digest = hasher.finish();
        let half = digest.as_bytes()[..16].try_into().expect("a digest has 32 bytes");
        Self { digest: u128::from_le_bytes(half), revision: resource_version.parse().unwrap_or(0) }
    }

    /// Whether it is the same state, whenever it was seen.
    pub fn is(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object is in this state, or (with none) absent.
    pub fn tell(&self, key: &Key, state: Option<State>) {
        let mut states = self.lock();
        match state {
            Some(state) => drop(states.insert(key.clone(), state)),
            None => drop(states.remove(key)),
        }
    }

    /// The server's version at which the expected state was last seen.
    pub fn resource_version(&self, key: &Key, expect: &Expect) -> Option<String> {
        let expected = State::new(&expect.uid, &expect.version, "");
        let known = *self.lock().get(key)?;
        (known.is(&expected) && known.revision > 0).then(|| known.revision.to_string())
    }
}

/// The state that a live object is in.
pub(crate) fn state(live: &Live, resource_version: &str) -> State {
    State::new(&live.uid, &live.version, resource_version)
}

/// The state that a change left.
pub(crate) fn state_after(applied: &Applied, resource_version: &str) -> Option<State> {
    match applied {
        Applied::Present { uid, version } => Some(State::new(uid, version, resource_version)),
        _ => None,
    }
}
