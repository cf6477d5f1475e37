//! A source with something done around each of its calls, powers included.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;

use super::around::{Around, Call};
use crate::cx::Cx;
use crate::source::{
    Commit, Commits, History, Merge, Merged, Relation, Snapshot, Source, SourceInfo, SourceWatch,
};
use crate::value::{Error, ErrorKind, Result, Revision};

/// The inner source seen through `A`. It offers a power exactly if the inner source does.
pub(super) struct LayeredSource<A> {
    around: A,
    inner: Arc<dyn Source>,
}

impl<A: Around> LayeredSource<A> {
    pub(super) fn wrap(around: &A, inner: Arc<dyn Source>) -> Arc<dyn Source> {
        Arc::new(Self { around: around.clone(), inner })
    }

    fn inner_history(&self) -> Result<&dyn History> {
        let lost = "the source has lost a power that it offered";
        self.inner.history().ok_or_else(|| Error::new(ErrorKind::Unsupported, lost))
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Source for LayeredSource<A> {
    fn info(&self) -> SourceInfo {
        self.inner.info()
    }

    async fn resolve(&self, cx: &Cx) -> Result<Revision> {
        let run = |cx: Cx| async move { self.inner.resolve(&cx).await };
        self.around.around(cx, Call::read("resolve"), run).await
    }

    async fn fetch(&self, cx: &Cx, revision: &Revision) -> Result<Snapshot> {
        let run = |cx: Cx| async move { self.inner.fetch(&cx, revision).await };
        self.around.around(cx, Call::read("fetch"), run).await
    }

    fn history(&self) -> Option<&dyn History> {
        self.inner.history().map(|_| self as &dyn History)
    }

    fn watch(&self) -> Option<&dyn SourceWatch> {
        self.inner.watch().map(|_| self as &dyn SourceWatch)
    }

    fn merge(&self) -> Option<&dyn Merge> {
        self.inner.merge().map(|_| self as &dyn Merge)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> Merge for LayeredSource<A> {
    async fn merged(&self, cx: &Cx, base: &Revision, head: &Revision) -> Result<Merged> {
        let lost = || Error::new(ErrorKind::Unsupported, "the source has lost a power that it offered");
        let inner = self.inner.merge().ok_or_else(lost)?;
        let run = |cx: Cx| async move { inner.merged(&cx, base, head).await };
        self.around.around(cx, Call::read("merge"), run).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> SourceWatch for LayeredSource<A> {
    async fn changed(&self, cx: &Cx) -> Result<()> {
        let lost = || Error::new(ErrorKind::Unsupported, "the source has lost a power that it offered");
        let inner = self.inner.watch().ok_or_else(lost)?;
        self.around.around(cx, Call::wait("watch"), |cx: Cx| async move { inner.changed(&cx).await }).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> History for LayeredSource<A> {
    async fn relation(&self, cx: &Cx, from: &Revision, to: &Revision) -> Result<Relation> {
        let inner = self.inner_history()?;
        let run = |cx: Cx| async move { inner.relation(&cx, from, to).await };
        self.around.around(cx, Call::read("relation"), run).await
    }

    async fn find(&self, cx: &Cx, name: &str) -> Result<Revision> {
        let inner = self.inner_history()?;
        let run = |cx: Cx| async move { inner.find(&cx, name).await };
        self.around.around(cx, Call::read("find"), run).await
    }

    async fn describe(&self, cx: &Cx, revision: &Revision) -> Result<Commit> {
        let inner = self.inner_history()?;
        let run = |cx: Cx| async move { inner.describe(&cx, revision).await };
        self.around.around(cx, Call::read("describe"), run).await
    }

    async fn log(&self, cx: &Cx, revision: &Revision, path: &str, limit: usize) -> Result<Vec<Commit>> {
        let inner = self.inner_history()?;
        let run = |cx: Cx| async move { inner.log(&cx, revision, path, limit).await };
        self.around.around(cx, Call::read("log"), run).await
    }

    async fn between(&self, cx: &Cx, from: &Revision, to: &Revision, limit: usize) -> Result<Vec<Commit>> {
        let inner = self.inner_history()?;
        let run = |cx: Cx| async move { inner.between(&cx, from, to, limit).await };
        self.around.around(cx, Call::read("between"), run).await
    }

    fn most_commits(&self) -> usize {
        self.inner.history().map_or(Commits::MOST, History::most_commits)
    }

    async fn blame(
        &self,
        cx: &Cx,
        revision: &Revision,
        path: &str,
        lines: RangeInclusive<u32>,
    ) -> Result<Commit> {
        let (inner, lines) = (self.inner_history()?, &lines);
        let run = |cx: Cx| async move { inner.blame(&cx, revision, path, lines.clone()).await };
        self.around.around(cx, Call::read("blame"), run).await
    }
}
