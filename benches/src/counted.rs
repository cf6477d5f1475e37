use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gitops_core::{
    Cx, Digest, Entry, History, Result, Revision, Snapshot, Source, SourceInfo, Tree, async_trait,
};

/// A source whose tree counts what is read of it.
pub struct CountedTree {
    inner: Arc<dyn Source>,
    blobs: Arc<AtomicU64>,
    folders: Arc<AtomicU64>,
    entries: Arc<AtomicU64>,
}

impl CountedTree {
    /// Counts over a source.
    pub fn new(inner: Arc<dyn Source>) -> Self {
        Self { inner, blobs: Arc::default(), folders: Arc::default(), entries: Arc::default() }
    }

    /// How many files were read so far.
    pub fn blobs(&self) -> u64 {
        self.blobs.load(Relaxed)
    }

    /// How many folders were listed so far.
    pub fn folders(&self) -> u64 {
        self.folders.load(Relaxed)
    }

    /// How many entries those folders had.
    pub fn entries(&self) -> u64 {
        self.entries.load(Relaxed)
    }
}

#[async_trait]
impl Source for CountedTree {
    fn info(&self) -> SourceInfo {
        self.inner.info()
    }

    async fn resolve(&self, cx: &Cx) -> Result<Revision> {
        self.inner.resolve(cx).await
    }

    async fn fetch(&self, cx: &Cx, revision: &Revision) -> Result<Snapshot> {
        let mut snapshot = self.inner.fetch(cx, revision).await?;
        let (blobs, folders, entries) = (self.blobs.clone(), self.folders.clone(), self.entries.clone());
        snapshot.tree = Arc::new(Counting { inner: snapshot.tree.clone(), blobs, folders, entries });
        Ok(snapshot)
    }

    fn history(&self) -> Option<&dyn History> {
        self.inner.history()
    }
}

struct Counting {
    inner: Arc<dyn Tree>,
    blobs: Arc<AtomicU64>,
    folders: Arc<AtomicU64>,
    entries: Arc<AtomicU64>,
}

impl Tree for Counting {
    fn list(&self, path: &str, id: &Digest) -> Result<Vec<Entry>> {
        self.folders.fetch_add(1, Relaxed);
        let listed = self.inner.list(path, id)?;
        self.entries.fetch_add(listed.len() as u64, Relaxed);
        Ok(listed)
    }

    fn read(&self, path: &str, id: &Digest) -> Result<Arc<[u8]>> {
        self.blobs.fetch_add(1, Relaxed);
        self.inner.read(path, id)
    }
}
