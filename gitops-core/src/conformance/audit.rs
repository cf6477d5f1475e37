//! The kit for audit sinks.

use std::sync::Arc;

use futures::future::try_join_all;

use super::check::{Asked, Bench, Check, Checked, check, ensure};
use super::kit::Kit;
use super::poll::drop_at;
use crate::cx::Cx;
use crate::state::audit::{AuditEntry, AuditEvent, AuditSink};
use crate::value::Result;

pub(super) const CHECKS: &[Check<AuditBench>] = &[
    check!(
        "A01",
        Asked::All,
        in_order,
        "Entries are there when they are recorded, whole and in their order."
    ),
    check!(
        "A02",
        Asked::All,
        odd_texts,
        "Texts of all kinds come back: of many lines, with control characters, of all languages."
    ),
    check!("A03", Asked::All, nothing, "To record nothing records nothing."),
    check!("A04", Asked::All, at_once, "Of calls at once, each has its entries together and in their order."),
    check!(
        "A05",
        Asked::All,
        dropped,
        "A call that is dropped at any await has recorded the first of its entries, and what comes after it is recorded."
    ),
];

type Read = Arc<dyn Fn() -> Result<Vec<AuditEntry>> + Send + Sync>;

/// An audit sink to be checked, and how to read what it holds.
#[derive(Clone)]
pub struct AuditSubject {
    name: String,
    sink: Arc<dyn AuditSink>,
    read: Read,
}

impl AuditSubject {
    /// An empty sink; `read` gives all its entries, the newest last, from where they are kept.
    pub fn new(
        name: impl Into<String>,
        sink: Arc<dyn AuditSink>,
        read: impl Fn() -> Result<Vec<AuditEntry>> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), sink, read: Arc::new(read) }
    }
}

/// The kit for an audit sink; `make` gives a fresh one for each check.
pub fn audit<F, Fut>(make: F) -> Kit
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<AuditSubject>> + Send + 'static,
{
    Kit::of(CHECKS, move |cx| {
        let subject = make();
        async move { Ok(AuditBench { cx, subject: subject.await? }) }
    })
}

pub(super) struct AuditBench {
    cx: Cx,
    subject: AuditSubject,
}

impl Bench for AuditBench {
    fn subject(&self) -> String {
        self.subject.name.clone()
    }
}

impl AuditBench {
    fn entry(&self, text: &str) -> AuditEntry {
        AuditEntry {
            time: self.cx.now(),
            application: "conformance".to_owned(),
            actor: "kit".to_owned(),
            what: AuditEvent::Unpinned { by: text.to_owned() },
        }
    }

    fn entries(&self, call: usize, count: usize) -> Vec<AuditEntry> {
        (0..count).map(|number| self.entry(&format!("{call}: {number}"))).collect()
    }

    async fn record(&self, entries: &[AuditEntry]) -> Checked {
        Ok(self.subject.sink.record(&self.cx, entries).await?)
    }

    fn read(&self) -> Checked<Vec<AuditEntry>> {
        Ok((self.subject.read)()?)
    }

    fn holds(&self, expected: &[AuditEntry]) -> Checked {
        let found = self.read()?;
        ensure!(found == expected, "{expected:?} was recorded, and {found:?} is there");
        Ok(())
    }
}

async fn in_order(bench: &AuditBench) -> Checked {
    let mut all = Vec::new();
    for call in 0..5 {
        let entries = bench.entries(call, call + 1);
        bench.record(&entries).await?;
        all.extend(entries);
        bench.holds(&all)?;
    }
    Ok(())
}

async fn odd_texts(bench: &AuditBench) -> Checked {
    let texts =
        ["", "two\nlines\r\n", "\u{1b}[31m\u{0}\u{7f}", "naïve 日本語 🜁", "\"}\\,{", &"long ".repeat(1000)];
    let entries: Vec<_> = texts.iter().map(|text| bench.entry(text)).collect();
    bench.record(&entries).await?;
    bench.holds(&entries)
}

async fn nothing(bench: &AuditBench) -> Checked {
    bench.record(&[]).await?;
    let entries = bench.entries(0, 1);
    bench.record(&entries).await?;
    bench.record(&[]).await?;
    bench.holds(&entries)
}

async fn at_once(bench: &AuditBench) -> Checked {
    let calls: Vec<Vec<AuditEntry>> = (0..8).map(|call| bench.entries(call, 3)).collect();
    try_join_all(calls.iter().map(|entries| bench.record(entries))).await?;
    let found = bench.read()?;
    ensure!(found.len() == 24, "24 entries were recorded, and {} are there", found.len());
    for together in found.chunks(3) {
        ensure!(calls.iter().any(|entries| entries == together), "the calls are mixed: {together:?}");
    }
    Ok(())
}

async fn dropped(bench: &AuditBench) -> Checked {
    let mut before = Vec::new();
    for awaits in 0..64 {
        let (entries, after) = (bench.entries(awaits, 3), bench.entry("after"));
        let done = drop_at(bench.subject.sink.record(&bench.cx, &entries), awaits).await.is_some();
        bench.record(std::slice::from_ref(&after)).await?;
        let found = bench.read()?;
        let is_whole = (0..=3).any(|kept| {
            let expected = before.iter().chain(&entries[..kept]).chain([&after]);
            found.iter().eq(expected) && (kept == 3 || !done)
        });
        ensure!(is_whole, "dropped at await {awaits}, a record of {entries:?} left {found:?}");
        before = found;
        if done {
            break;
        }
    }
    Ok(())
}
