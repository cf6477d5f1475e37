//! What one process keeps of a rendering for the next one: not the objects, but where each is declared, and its digest.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use smol_str::SmolStr;

use super::Render;
use super::facts::Facts;
use super::part::Part;
use super::parts::{self, Parts};
use crate::cx::Cx;
use crate::process::table::{Cells, Table};
use crate::source::{Entry, Snapshot};
use crate::value::{Digest, DigestMap, Digested, KeptEntries, Key, Object, Revision, SetDigest};

/// A rendering that an earlier process kept.
pub(crate) struct KeptRendering {
    pub revision: Revision,
    pub root: Digest,
    pub fingerprint: Digest,
    /// By key: the digest, and the path of the part that declares the object.
    pub objects: Table,
    /// By path, as [`parts::row`] writes them.
    pub parts: Table,
    /// The digest of all objects.
    pub set: SetDigest,
}

/// A rendering of this process, to be kept.
pub(crate) struct FreshRendering<'a> {
    pub snapshot: &'a Snapshot,
    pub fingerprint: Digest,
    pub(super) parts: &'a Parts,
    pub objects: &'a DigestMap<Arc<Object>>,
}

/// The rows of a rendering.
pub(crate) struct Rows {
    pub objects: Vec<(String, Vec<u8>)>,
    pub parts: Vec<(String, Vec<u8>)>,
}

impl FreshRendering<'_> {
    /// The rows of the two tables; nothing if something can't be written into one.
    pub fn rows(&self) -> Option<Rows> {
        let mut rows = Some(Rows { objects: Vec::with_capacity(self.objects.len()), parts: Vec::new() });
        self.parts.each(|path, done| {
            let Some(found) = &mut rows else { return };
            let written = parts::row(done).and_then(|row| {
                found.parts.push((path.to_owned(), row));
                done.keys.as_slice().iter().try_for_each(|key| {
                    let digest = self.objects.digest_of(key)?;
                    let row = [digest.as_bytes(), path.as_bytes()].concat();
                    found.objects.push((key.joined()?.to_owned(), row));
                    Some(())
                })
            });
            if written.is_none() {
                rows = None;
            }
        });
        let mut rows = rows.filter(|rows| rows.objects.len() == self.objects.len())?;
        rows.objects.sort();
        Some(rows)
    }
}

impl KeptRendering {
    /// The objects that were kept, each rendered again once somebody asks for it, as a part of the revision that goes on from
    /// them.
    pub fn objects(
        self: &Arc<Self>,
        cx: &Cx,
        render: &Arc<dyn Render>,
        snapshot: &Snapshot,
    ) -> DigestMap<Arc<Object>> {
        let count = self.objects.len();
        DigestMap::from_kept(Arc::new(KeptObjects {
            kept: self.clone(),
            cx: cx.shielded(),
            render: render.clone(),
            snapshot: snapshot.clone(),
            keys: Cells::new(count),
            objects: Cells::new(count),
            last: Mutex::default(),
            failed: AtomicBool::new(false),
        }))
    }
}

struct KeptObjects {
    kept: Arc<KeptRendering>,
    cx: Cx,
    render: Arc<dyn Render>,
    /// A revision that has the parts as they were kept: one that has not is asked for its own.
    snapshot: Snapshot,
    keys: Cells<Key>,
    objects: Cells<Option<Arc<Object>>>,
    /// What the part declares that was rendered last: one with many objects is asked for one after the other.
    last: Mutex<Option<(String, Vec<Arc<Object>>)>>,
    failed: AtomicBool,
}

impl KeptObjects {
    fn row(&self, index: usize) -> Option<(Digest, &str)> {
        let (digest, path) = self.kept.objects.row(index).1.split_first_chunk::<32>()?;
        Some((Digest::from_bytes(*digest), std::str::from_utf8(path).ok()?))
    }

    /// The object as it was: the same part of the same bytes by the same rules.
    fn rendered(&self, index: usize) -> Option<Arc<Object>> {
        let (digest, path) = self.row(index)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|(rendered, _)| rendered != path) {
            *last = Some((path.to_owned(), self.part(path)?));
        }
        let key = self.key(index);
        let found = last.iter().flat_map(|(_, objects)| objects).find(|object| object.key == *key);
        found.filter(|object| object.digest() == digest).cloned()
    }

    fn part(&self, path: &str) -> Option<Vec<Arc<Object>>> {
        let done = parts::done(self.kept.parts.row(self.kept.parts.find(path)?).1)?;
        let (path, revision) = (SmolStr::from(path), Arc::from(self.snapshot.revision.id()));
        let name = path.rsplit('/').next().unwrap_or_default().into();
        let entry = Entry { name, kind: done.kind, id: done.id };
        let facts = Facts::default();
        let part = Part::new(&self.snapshot, &revision, &path, &entry, &facts);
        // It reads one file, or it would not have been kept.
        let objects = self.render.render(&self.cx, &part).ok()?;
        Some(objects.into_iter().map(Arc::new).collect())
    }
}

impl KeptEntries<Arc<Object>> for KeptObjects {
    fn len(&self) -> usize {
        self.kept.objects.len()
    }

    fn find(&self, key: &Key) -> Option<usize> {
        self.kept.objects.find(key.joined()?)
    }

    fn key(&self, index: usize) -> &Key {
        self.keys.get_or_init(index, || kept_key(&self.kept.objects, index))
    }

    fn digest(&self, index: usize) -> Digest {
        self.row(index).map_or_else(|| Digest::of(&[]), |(digest, _)| digest)
    }

    fn value(&self, index: usize) -> Option<&Arc<Object>> {
        let object = self.objects.get_or_init(index, || self.rendered(index)).as_ref();
        self.failed.fetch_or(object.is_none(), Relaxed);
        object
    }

    fn has_failed(&self) -> bool {
        self.failed.load(Relaxed) || self.kept.objects.is_damaged()
    }

    fn set(&self) -> &SetDigest {
        &self.kept.set
    }
}

/// The key of a row. All rows have one, but those of a damaged page, which count for nothing.
pub(crate) fn kept_key(table: &Table, index: usize) -> Key {
    let name = table.row(index).0;
    Key::from_joined(name).unwrap_or_else(|| Key::new("", crate::value::GroupKind::default(), "", name))
}
