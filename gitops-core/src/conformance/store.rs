//! The kit for state stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;

use super::check::{Asked, Bench, Check, Checked, Stop, check, ensure};
use super::kit::Kit;
use super::poll::{drop_at, overlap};
use crate::cx::Cx;
use crate::state::store::{Document, StateStore, Stored};
use crate::value::{ErrorKind, Result, Version};

/// At how many awaits of one call it is stopped at most.
const AWAITS: usize = 64;

pub(super) const CHECKS: &[Check<StoreBench>] = &[
    check!("T01", Asked::All, absent, "A document that nobody wrote is not there."),
    check!(
        "T02",
        Asked::All,
        round_trip,
        "A document comes back whole, with its epoch: empty, of all bytes, large."
    ),
    check!(
        "T03",
        Asked::All,
        first_write,
        "A first write over a document that is there is refused, and changes nothing."
    ),
    check!("T04", Asked::All, stale_write, "A write over another version is refused, and changes nothing."),
    check!(
        "T05",
        Asked::All,
        older_epoch,
        "A write of an older epoch is refused: a deposed engine can't write."
    ),
    check!(
        "T06",
        Asked::All,
        versions_differ,
        "Each write has a version of its own, also one that brings old content back."
    ),
    check!("T07", Asked::All, names_stay_apart, "Names stay apart."),
    check!("T08", Asked::All, racing_writes, "Of writes over one version at once, one wins."),
    check!(
        "T09",
        Asked::All,
        dropped_write,
        "A write that is dropped at any await leaves the old document or the new one."
    ),
    check!("T10", Asked::All, one_step, "Check and write are one step."),
    check!("T11", Asked::All, reads_are_pure, "Reading changes nothing."),
    check!(
        "T12",
        Asked::All,
        seen_beside,
        "What was written is seen by another store over the same place, and refuses its stale writes."
    ),
    check!(
        "T13",
        Asked::All,
        damage_is_told,
        "A document that is damaged is corrupt, never absent, and is not written over."
    ),
];

type Damage = Arc<dyn Fn(&str) -> Result<()> + Send + Sync>;

/// A state store to be checked, and what the kit may do with it.
#[derive(Clone)]
pub struct StoreSubject {
    name: String,
    store: Arc<dyn StateStore>,
    beside: Option<Arc<dyn StateStore>>,
    damage: Option<Damage>,
}

impl StoreSubject {
    /// An empty store, or one in which no document begins with `conformance`.
    pub fn new(name: impl Into<String>, store: Arc<dyn StateStore>) -> Self {
        Self { name: name.into(), store, beside: None, damage: None }
    }

    /// Another store over the same documents, as another process would open it (T12).
    #[must_use]
    pub fn beside(mut self, store: Arc<dyn StateStore>) -> Self {
        self.beside = Some(store);
        self
    }

    /// A way to damage the document of a name (T13).
    #[must_use]
    pub fn damage(mut self, damage: impl Fn(&str) -> Result<()> + Send + Sync + 'static) -> Self {
        self.damage = Some(Arc::new(damage));
        self
    }
}

/// The kit for a state store; `make` gives a fresh one for each check.
pub fn store<F, Fut>(make: F) -> Kit
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<StoreSubject>> + Send + 'static,
{
    Kit::of(CHECKS, move |cx| {
        let subject = make();
        async move { Ok(StoreBench { cx, subject: subject.await?, used: AtomicUsize::new(0) }) }
    })
}

pub(super) struct StoreBench {
    cx: Cx,
    subject: StoreSubject,
    used: AtomicUsize,
}

impl Bench for StoreBench {
    fn subject(&self) -> String {
        self.subject.name.clone()
    }
}

impl StoreBench {
    /// A name that was not used yet.
    fn name(&self) -> String {
        format!("conformance-{:04}-{:08x}", self.used.fetch_add(1, Ordering::Relaxed), self.cx.random() >> 96)
    }

    async fn load(&self, name: &str) -> Checked<Option<Stored>> {
        Ok(self.subject.store.load(&self.cx, name).await?)
    }

    async fn swap(&self, name: &str, expect: Option<&Version>, document: Document) -> Result<Version> {
        self.subject.store.swap(&self.cx, name, expect, document).await
    }

    /// Makes a write that must be refused as a conflict and leave what is there.
    async fn refused(&self, name: &str, expect: Option<&Version>, document: Document) -> Checked {
        let before = self.load(name).await?;
        let answer = self.swap(name, expect, document).await;
        let is_conflict = answer.as_ref().is_err_and(|error| error.is_conflict() && !error.is_unknown());
        ensure!(is_conflict, "a write over {expect:?} was answered {answer:?}");
        let now = self.load(name).await?;
        ensure!(now == before, "a refused write left {now:?} in the place of {before:?}");
        Ok(())
    }
}

fn document(epoch: u64, text: &str) -> Document {
    Document { epoch, bytes: text.as_bytes().to_vec() }
}

async fn absent(bench: &StoreBench) -> Checked {
    let found = bench.load(&bench.name()).await?;
    ensure!(found.is_none(), "a document that nobody wrote is {found:?}");
    Ok(())
}

async fn round_trip(bench: &StoreBench) -> Checked {
    let all_bytes: Vec<u8> = (0..=255).collect();
    for (epoch, bytes) in [(0, Vec::new()), (1, all_bytes.clone()), (u64::MAX, all_bytes.repeat(1024))] {
        let (name, written) = (bench.name(), Document { epoch, bytes });
        let version = bench.swap(&name, None, written.clone()).await?;
        let stored = bench.load(&name).await?;
        let is_whole = stored.is_some_and(|stored| stored.document == written && stored.version == version);
        ensure!(is_whole, "{} bytes of epoch {epoch} did not come back whole", written.bytes.len());
    }
    Ok(())
}

async fn first_write(bench: &StoreBench) -> Checked {
    let name = bench.name();
    bench.swap(&name, None, document(1, "first")).await?;
    bench.refused(&name, None, document(1, "second")).await
}

async fn stale_write(bench: &StoreBench) -> Checked {
    let name = bench.name();
    let old = bench.swap(&name, None, document(1, "old")).await?;
    bench.swap(&name, Some(&old), document(1, "new")).await?;
    bench.refused(&name, Some(&old), document(1, "stale")).await?;
    bench.refused(&bench.name(), Some(&old), document(1, "of nothing")).await
}

async fn older_epoch(bench: &StoreBench) -> Checked {
    let name = bench.name();
    let first = bench.swap(&name, None, document(5, "first")).await?;
    let taken_over = bench.swap(&name, Some(&first), document(6, "taken over")).await?;
    bench.refused(&name, Some(&taken_over), document(5, "deposed")).await?;
    bench.swap(&name, Some(&taken_over), document(6, "the same epoch")).await?;
    Ok(())
}

async fn versions_differ(bench: &StoreBench) -> Checked {
    let name = bench.name();
    let mut versions = vec![bench.swap(&name, None, document(1, "a")).await?];
    for text in ["b", "a", "a", "b", "a"] {
        let next = bench.swap(&name, versions.last(), document(1, text)).await?;
        ensure!(!versions.contains(&next), "the version {next} comes back with an old content");
        versions.push(next);
    }
    Ok(())
}

async fn names_stay_apart(bench: &StoreBench) -> Checked {
    let name = bench.name();
    let names = [name.clone(), format!("{name}.a"), format!("{name}-a"), format!("{name}a")];
    for name in &names {
        bench.swap(name, None, document(1, name)).await?;
    }
    for name in &names {
        let found = bench.load(name).await?.map(|stored| stored.document);
        ensure!(found == Some(document(1, name)), "under {name} is {found:?}");
    }
    Ok(())
}

async fn racing_writes(bench: &StoreBench) -> Checked {
    let name = bench.name();
    let mut version = Some(bench.swap(&name, None, document(1, "first")).await?);
    for round in 0..4 {
        let texts: Vec<String> = (0..8).map(|number| format!("{round}-{number}")).collect();
        let writes = texts.iter().map(|text| bench.swap(&name, version.as_ref(), document(1, text)));
        let answers = join_all(writes).await;
        let won: Vec<usize> = (0..8).filter(|number| answers[*number].is_ok()).collect();
        ensure!(won.len() == 1, "of 8 writes over one version at once, {} won", won.len());
        let now = bench.load(&name).await?;
        let is_won = now.as_ref().is_some_and(|now| now.document == document(1, &texts[won[0]]));
        ensure!(is_won, "{} won, and {now:?} is there", texts[won[0]]);
        version = now.map(|now| now.version);
    }
    Ok(())
}

async fn dropped_write(bench: &StoreBench) -> Checked {
    for awaits in 0..AWAITS {
        let name = bench.name();
        let old = bench.swap(&name, None, document(1, "old")).await?;
        let store = &bench.subject.store;
        let write = store.swap(&bench.cx, &name, Some(&old), document(1, "new"));
        let done = drop_at(write, awaits).await.transpose()?.is_some();
        let now = bench.load(&name).await?;
        let text = now.as_ref().map(|now| now.document.clone());
        let is_whole = text == Some(document(1, "new")) || (text == Some(document(1, "old")) && !done);
        ensure!(is_whole, "a write dropped at await {awaits} left {now:?}");
        let version = now.map(|now| now.version);
        bench.swap(&name, version.as_ref(), document(1, "after")).await?;
        if done {
            break;
        }
    }
    Ok(())
}

async fn one_step(bench: &StoreBench) -> Checked {
    for awaits in 0..AWAITS {
        let name = bench.name();
        let old = bench.swap(&name, None, document(1, "old")).await?;
        let store = &bench.subject.store;
        let first = store.swap(&bench.cx, &name, Some(&old), document(1, "first"));
        let both = overlap(first, awaits, bench.swap(&name, Some(&old), document(1, "second"))).await;
        let won = [both.first.is_ok(), both.second.is_ok()];
        ensure!(won[0] != won[1], "of two writes over one version, {won:?} won");
        let expected = document(1, if won[0] { "first" } else { "second" });
        let now = bench.load(&name).await?.map(|now| now.document);
        ensure!(now == Some(expected), "the write that won was written over: {now:?}");
        if !both.overlapped {
            break;
        }
    }
    Ok(())
}

async fn reads_are_pure(bench: &StoreBench) -> Checked {
    let name = bench.name();
    bench.swap(&name, None, document(1, "text")).await?;
    let first = bench.load(&name).await?;
    for _ in 0..10 {
        let again = bench.load(&name).await?;
        ensure!(again == first, "{first:?} and then {again:?}");
    }
    Ok(())
}

async fn seen_beside(bench: &StoreBench) -> Checked {
    let beside = bench.subject.beside.clone();
    let beside = beside.ok_or_else(|| Stop::Skip("no second store over the same place was given".into()))?;
    let name = bench.name();
    let first = bench.swap(&name, None, document(1, "first")).await?;
    let seen = beside.load(&bench.cx, &name).await?;
    ensure!(seen.is_some_and(|seen| seen.version == first), "the store beside does not see {name}");
    beside.swap(&bench.cx, &name, Some(&first), document(2, "taken over")).await?;
    bench.refused(&name, Some(&first), document(1, "deposed")).await
}

async fn damage_is_told(bench: &StoreBench) -> Checked {
    let damage = bench.subject.damage.clone();
    let damage = damage.ok_or_else(|| Stop::Skip("no way to damage a document was given".into()))?;
    let name = bench.name();
    let version = bench.swap(&name, None, document(1, "text")).await?;
    damage(&name)?;
    let found = bench.subject.store.load(&bench.cx, &name).await;
    let is_told = found.as_ref().is_err_and(|error| error.kind() == ErrorKind::Corrupt);
    ensure!(is_told, "a damaged document is read as {found:?}");
    for expect in [None, Some(&version)] {
        let answer = bench.swap(&name, expect, document(1, "over")).await;
        ensure!(answer.is_err(), "a damaged document was written over");
    }
    Ok(())
}
