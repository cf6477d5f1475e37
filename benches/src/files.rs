use std::sync::Arc;

use gitops_core::{Cx, Digest, Result, Revision, Snapshot, Source, SourceInfo, async_trait};

/// Files in memory: no repository, so that what follows it alone is measured.
pub struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    /// A source of these files, by path, that never changes.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Arc<Self> {
        Arc::new(Self(files.into_iter().collect()))
    }
}

#[async_trait]
impl Source for Files {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("files", "")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new(Digest::of(b"1").to_string(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files("files", revision.clone(), self.0.iter().cloned())
    }
}
