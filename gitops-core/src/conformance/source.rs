//! The kit for sources.

mod checks;
mod history;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::check::{Bench, Check, Checked, Stop};
use super::kit::Kit;
use crate::cx::Cx;
use crate::source::{Entry, EntryKind, Snapshot, Source};
use crate::value::{Error, ErrorKind, Result, Revision};

/// Every check of a source, in the order of the numbers.
pub(super) fn checks() -> impl Iterator<Item = &'static Check<SourceBench>> {
    [checks::CHECKS, history::CHECKS].into_iter().flatten()
}

/// A source to be checked, and the way to put something into it.
#[derive(Clone)]
pub struct SourceSubject {
    source: Arc<dyn Source>,
    publisher: Arc<dyn Publisher>,
    patience: Duration,
    awaits: usize,
}

impl SourceSubject {
    /// A source in which nothing need be yet, and who publishes into it.
    pub fn new(source: Arc<dyn Source>, publisher: Arc<dyn Publisher>) -> Self {
        Self { source, publisher, patience: Duration::from_secs(10), awaits: 64 }
    }

    /// At how many awaits of one call it is stopped at most (S09); 64 if nothing is said.
    #[must_use]
    pub fn awaits(mut self, awaits: usize) -> Self {
        self.awaits = awaits;
        self
    }

    /// How long a new revision may need to be told of; ten seconds if nothing is said.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// Puts revisions into what a source follows, as its users do.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Makes a new revision, newer than all before, that holds exactly these files.
    async fn publish(&self, files: &[(&str, &str)]) -> Result<()>;

    /// Makes the place of the source unreachable, until it is [mended](Self::mend).
    async fn cut_off(&self) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "the kit was given no way to cut the source off"))
    }

    /// Makes the place reachable again.
    async fn mend(&self) -> Result<()> {
        Ok(())
    }
}

/// The kit for a source; `make` gives a fresh one, with its publisher, for each check.
pub fn source<F, Fut>(make: F) -> Kit
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<SourceSubject>> + Send + 'static,
{
    Kit::of(checks(), move |cx| {
        let subject = make();
        async move { Ok(SourceBench { cx, subject: subject.await? }) }
    })
}

pub(super) struct SourceBench {
    cx: Cx,
    subject: SourceSubject,
}

impl Bench for SourceBench {
    fn subject(&self) -> String {
        let info = self.source().info();
        format!("{} ({})", info.name, info.follows)
    }

    fn powers(&self) -> Vec<&'static str> {
        let offered =
            [(self.source().history().is_some(), "history"), (self.source().watch().is_some(), "a watch")];
        offered.into_iter().filter_map(|(is_offered, name)| is_offered.then_some(name)).collect()
    }
}

/// The files of a snapshot, by path.
type Files = BTreeMap<String, String>;

impl SourceBench {
    fn source(&self) -> &dyn Source {
        &*self.subject.source
    }

    async fn publish(&self, files: &[(&str, &str)]) -> Checked {
        let published = self.subject.publisher.publish(files).await;
        published.map_err(|error| Stop::Fail(format!("the kit can't publish: {error:?}")))
    }

    /// Publishes files, and gives the revision that the source then says is newest.
    async fn published(&self, files: &[(&str, &str)]) -> Checked<Revision> {
        self.publish(files).await?;
        Ok(self.source().resolve(&self.cx).await?)
    }

    async fn fetch(&self, revision: &Revision) -> Checked<Snapshot> {
        Ok(self.source().fetch(&self.cx, revision).await?)
    }

    async fn cut_off(&self) -> Checked {
        self.subject.publisher.cut_off().await.map_err(|error| match error.kind() {
            ErrorKind::Unsupported => Stop::Skip(error.message().to_owned()),
            _ => Stop::Fail(format!("the kit can't cut the source off: {error:?}")),
        })
    }

    async fn mend(&self) -> Checked {
        Ok(self.subject.publisher.mend().await?)
    }
}

fn expected(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// Everything in a snapshot.
fn files(snapshot: &Snapshot) -> Checked<Files> {
    let mut found = Files::new();
    let mut folders = vec![(String::new(), snapshot.root)];
    while let Some((path, id)) = folders.pop() {
        for Entry { name, kind, id } in snapshot.tree.list(&path, &id)? {
            let path = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
            match kind {
                EntryKind::Folder => folders.push((path, id)),
                EntryKind::Link => {}
                EntryKind::File { .. } => {
                    let bytes = snapshot.tree.read(&path, &id)?;
                    found.insert(path, String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
    }
    Ok(found)
}
