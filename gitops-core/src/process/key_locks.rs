//! One lock for each key that somebody is at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::value::Key;

type Lock = Arc<tokio::sync::Mutex<()>>;

/// Locks by key; a key that nobody is at costs nothing.
#[derive(Clone, Default)]
pub(crate) struct Locks(Arc<Mutex<BTreeMap<Key, Lock>>>);

/// The lock of one key, held until it is dropped.
pub(crate) struct Held {
    locks: Locks,
    key: Key,
    guard: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl Locks {
    /// Waits for the lock of a key.
    pub(crate) async fn hold(&self, key: &Key) -> Held {
        // Made before the wait: a wait that is given up leaves no entry behind.
        let mut held = Held { locks: self.clone(), key: key.clone(), guard: None };
        let lock = Lock::clone(self.entries().entry(key.clone()).or_default());
        held.guard = Some(lock.lock_owned().await);
        held
    }

    /// Waits until everybody who is at one of the keys now has done.
    pub(crate) async fn settled(&self, keys: impl Iterator<Item = &Key>) {
        let busy: Vec<Key> = {
            let entries = self.entries();
            keys.filter(|key| entries.contains_key(key)).cloned().collect()
        };
        for key in &busy {
            drop(self.hold(key).await);
        }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Key, Lock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut entries = self.locks.entries();
        self.guard = None;
        if entries.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            entries.remove(&self.key);
        }
    }
}
