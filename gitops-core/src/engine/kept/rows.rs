use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::process::table::{Cells, Table};
use crate::render::kept_key;
use crate::value::{Digest, DigestMap, Digested, KeptEntries, Key, SetDigest};

/// From what comes after a row's digest to its value.
type Read<V> = dyn Fn(&[u8]) -> Option<V> + Send + Sync;

/// Rows that begin with the digest of their values.
pub(super) struct Rows<V> {
    table: Table,
    set: SetDigest,
    keys: Cells<Key>,
    values: Cells<Option<V>>,
    read: Box<Read<V>>,
    failed: AtomicBool,
}

impl<V: Digested + Clone + Send + Sync + 'static> Rows<V> {
    pub fn map(
        table: Table,
        set: SetDigest,
        read: impl Fn(&[u8]) -> Option<V> + Send + Sync + 'static,
    ) -> DigestMap<V> {
        let count = table.len();
        let (keys, values) = (Cells::new(count), Cells::new(count));
        let (read, failed) = (Box::new(read), AtomicBool::new(false));
        DigestMap::from_kept(Arc::new(Self { table, set, keys, values, read, failed }))
    }
}

impl<V: Digested + Send + Sync> KeptEntries<V> for Rows<V> {
    fn len(&self) -> usize {
        self.table.len()
    }

    fn find(&self, key: &Key) -> Option<usize> {
        self.table.find(key.joined()?)
    }

    fn key(&self, index: usize) -> &Key {
        self.keys.get_or_init(index, || kept_key(&self.table, index))
    }

    fn digest(&self, index: usize) -> Digest {
        let digest = self.table.row(index).1.first_chunk::<32>();
        digest.map_or_else(|| Digest::of(&[]), |digest| Digest::from_bytes(*digest))
    }

    fn value(&self, index: usize) -> Option<&V> {
        let read = || {
            let value = self.table.row(index).1.get(32..).and_then(&self.read);
            value.filter(|value| value.digest() == self.digest(index))
        };
        let value = self.values.get_or_init(index, read).as_ref();
        self.failed.fetch_or(value.is_none(), Relaxed);
        value
    }

    fn has_failed(&self) -> bool {
        self.failed.load(Relaxed) || self.table.is_damaged()
    }

    fn set(&self) -> &SetDigest {
        &self.set
    }
}
