//! S13 to S18: the optional powers of a source.

use std::time::Duration;

use super::SourceBench;
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::conformance::poll::drop_at;
use crate::source::{History, Relation, SourceWatch};

pub(super) const CHECKS: &[Check<SourceBench>] = &[
    check!("S13", Asked::Power("history"), relations, "History tells newer from older."),
    check!("S14", Asked::Power("history"), found, "A revision is found by its id, and described."),
    check!(
        "S15",
        Asked::Power("history"),
        logged,
        "The log of a file has the revisions that changed it, newest first, and its lines their last."
    ),
    check!("S16", Asked::Power("a watch"), told, "A watch tells of a new revision."),
    check!("S17", Asked::Power("a watch"), loses_nothing, "A wait that is dropped loses no new revision."),
    check!(
        "S18",
        Asked::Power("history"),
        between,
        "What a revision brings over another is told, newest first, and no more than was asked for."
    ),
];

fn history(bench: &SourceBench) -> Checked<&dyn History> {
    bench.source().history().ok_or_else(|| Stop::Fail("history was offered, and then not".to_owned()))
}

fn watch(bench: &SourceBench) -> Checked<&dyn SourceWatch> {
    bench.source().watch().ok_or_else(|| Stop::Fail("a watch was offered, and then not".to_owned()))
}

async fn relations(bench: &SourceBench) -> Checked {
    let old = bench.published(&[("a", "1")]).await?;
    bench.fetch(&old).await?;
    let new = bench.published(&[("a", "2")]).await?;
    bench.fetch(&new).await?;
    let history = history(bench)?;
    for (from, to, expected) in
        [(&old, &old, Relation::Same), (&old, &new, Relation::Newer), (&new, &old, Relation::Older)]
    {
        let relation = history.relation(&bench.cx, from, to).await?;
        ensure!(relation == expected, "from {from} to {to} is {relation:?} and not {expected:?}");
    }
    Ok(())
}

async fn found(bench: &SourceBench) -> Checked {
    let revision = bench.published(&[("a", "1")]).await?;
    bench.fetch(&revision).await?;
    let history = history(bench)?;
    let found = history.find(&bench.cx, revision.id()).await?;
    ensure!(found == revision, "{} is found as {found}", revision.id());
    let commit = history.describe(&bench.cx, &revision).await?;
    ensure!(commit.id == revision.id(), "{revision} is described as {commit:?}");
    let missing = history.find(&bench.cx, "no-such-revision").await;
    ensure!(missing.is_err(), "`no-such-revision` is found as {missing:?}");
    Ok(())
}

async fn logged(bench: &SourceBench) -> Checked {
    let first = bench.published(&[("a", "1\n1\n"), ("b", "1")]).await?;
    bench.fetch(&first).await?;
    let second = bench.published(&[("a", "1\n2\n"), ("b", "1")]).await?;
    bench.fetch(&second).await?;
    let third = bench.published(&[("a", "1\n2\n"), ("b", "2")]).await?;
    bench.fetch(&third).await?;
    let history = history(bench)?;
    let log: Vec<_> =
        history.log(&bench.cx, &third, "a", 10).await?.into_iter().map(|commit| commit.id).collect();
    ensure!(
        log == [second.id(), first.id()],
        "`a` was changed by {first} and {second}, and its log is {log:?}"
    );
    for (lines, revision) in [(1..=1, &first), (2..=2, &second), (1..=2, &second)] {
        let commit = history.blame(&bench.cx, &third, "a", lines.clone()).await?;
        ensure!(
            commit.id == revision.id(),
            "of the lines {lines:?} of `a`, {revision} is the newest, and blamed is {commit:?}"
        );
    }
    Ok(())
}

async fn between(bench: &SourceBench) -> Checked {
    let mut revisions = Vec::new();
    for text in ["1", "2", "3"] {
        let revision = bench.published(&[("a", text)]).await?;
        bench.fetch(&revision).await?;
        revisions.push(revision);
    }
    let [first, second, third] = [0, 1, 2].map(|n| &revisions[n]);
    let history = history(bench)?;
    let cases = [
        (first, third, 10, vec![third.id(), second.id()]),
        (first, third, 1, vec![third.id()]),
        (third, first, 10, vec![]),
        (third, third, 10, vec![]),
    ];
    for (from, to, limit, expected) in cases {
        let found = history.between(&bench.cx, from, to, limit).await?;
        let found: Vec<&str> = found.iter().map(|commit| commit.id.as_str()).collect();
        ensure!(
            found == expected,
            "at most {limit} of {to} and not of {from} are {expected:?} and not {found:?}"
        );
    }
    Ok(())
}

/// Waits for the watch to say that there may be something new.
async fn changed(bench: &SourceBench) -> Checked {
    let cx = bench.cx.within(bench.subject.patience);
    let changed = cx.bounded(watch(bench)?.changed(&cx)).await;
    changed.map_err(|error| Stop::Fail(format!("a revision was published, and the watch: {error:?}")))
}

/// Begins the watch: the first calls may tell of what was before them.
async fn watched(bench: &SourceBench) -> Checked {
    bench.published(&[("a", "1")]).await?;
    let cx = bench.cx.within(bench.subject.patience.min(Duration::from_secs(1)));
    while cx.bounded(watch(bench)?.changed(&cx)).await.is_ok() {}
    Ok(())
}

async fn told(bench: &SourceBench) -> Checked {
    watched(bench).await?;
    for text in ["2", "3"] {
        bench.publish(&[("a", text)]).await?;
        changed(bench).await?;
    }
    Ok(())
}

async fn loses_nothing(bench: &SourceBench) -> Checked {
    watched(bench).await?;
    for awaits in 1..4 {
        bench.publish(&[("a", &format!("next {awaits}"))]).await?;
        if drop_at(watch(bench)?.changed(&bench.cx), awaits).await.is_none() {
            changed(bench).await?;
        }
    }
    Ok(())
}
