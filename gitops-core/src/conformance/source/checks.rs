//! S01 to S12: what every source owes.

use futures::future::try_join_all;

use super::{SourceBench, expected, files};
use crate::conformance::check::{Asked, Check, Checked, check, ensure};
use crate::conformance::poll::drop_at;
use crate::source::Snapshot;
use crate::value::Revision;

pub(super) const CHECKS: &[Check<SourceBench>] = &[
    check!(
        "S01",
        Asked::All,
        exact,
        "A snapshot holds exactly the files of its revision, of all names and contents."
    ),
    check!("S02", Asked::All, immutable, "A snapshot of a revision is the same for ever."),
    check!(
        "S03",
        Asked::All,
        newest,
        "To resolve names the newest revision, and the same as long as there is no newer one."
    ),
    check!(
        "S04",
        Asked::All,
        known_offline,
        "A revision that was fetched is fetched again without its place."
    ),
    check!(
        "S05",
        Asked::All,
        ids_follow_content,
        "What kept its content keeps its id, and what changed has another."
    ),
    check!("S06", Asked::All, ordered, "A folder lists its entries by name, in order, each once."),
    check!(
        "S07",
        Asked::All,
        unknown_revision,
        "A revision that does not exist is an error, never an empty tree."
    ),
    check!(
        "S08",
        Asked::All,
        unreachable,
        "A place that can't be reached is an error to be tried again, and passes."
    ),
    check!("S09", Asked::All, dropped, "A call that is dropped at any await leaves the source usable."),
    check!("S10", Asked::All, at_once, "Fetches at once give one tree."),
    check!(
        "S11",
        Asked::All,
        told,
        "The source always tells the same of itself, and its snapshots of their revision."
    ),
    check!("S12", Asked::All, emptied, "A file that left a revision is not in its snapshot."),
];

const MANY: [(&str, &str); 6] = [
    ("a.txt", "first"),
    ("empty", ""),
    ("deep/er/and/deeper/file", "deep"),
    ("deep/file with blanks", "line\nline\r\n"),
    ("naïve/日本語.yaml", "🜁"),
    ("z", "last"),
];

async fn exact(bench: &SourceBench) -> Checked {
    let revision = bench.published(&MANY).await?;
    let found = files(&bench.fetch(&revision).await?)?;
    ensure!(found == expected(&MANY), "{:?} was published, and {found:?} is there", expected(&MANY));
    Ok(())
}

async fn immutable(bench: &SourceBench) -> Checked {
    let first = bench.published(&[("a", "1"), ("b/c", "1")]).await?;
    let before = bench.fetch(&first).await?;
    let second = bench.published(&[("a", "2")]).await?;
    bench.fetch(&second).await?;
    let after = bench.fetch(&first).await?;
    ensure!(after.root == before.root, "the root of {first} was {} and is {}", before.root, after.root);
    let found = files(&after)?;
    ensure!(found == expected(&[("a", "1"), ("b/c", "1")]), "{first} holds {found:?} after a newer revision");
    Ok(())
}

async fn newest(bench: &SourceBench) -> Checked {
    let first = bench.published(&[("a", "1")]).await?;
    let second = bench.published(&[("a", "2")]).await?;
    ensure!(second != first, "a revision was published, and the newest is still {first}");
    let again = bench.source().resolve(&bench.cx).await?;
    ensure!(again == second, "nothing was published, and {second} became {again}");
    let found = files(&bench.fetch(&second).await?)?;
    ensure!(found == expected(&[("a", "2")]), "the newest revision holds {found:?}");
    Ok(())
}

async fn known_offline(bench: &SourceBench) -> Checked {
    let revision = bench.published(&MANY).await?;
    bench.fetch(&revision).await?;
    bench.cut_off().await?;
    let fetched = bench.source().fetch(&bench.cx, &revision).await;
    let read = fetched.map_err(|error| format!("{error:?}")).map(|snapshot| files(&snapshot).is_ok());
    bench.mend().await?;
    ensure!(read == Ok(true), "{revision} was fetched before, and without its place: {read:?}");
    Ok(())
}

async fn ids_follow_content(bench: &SourceBench) -> Checked {
    let ids = |snapshot: &Snapshot| snapshot.tree.list("", &snapshot.root);
    let first = bench.published(&[("kept/x", "1"), ("moved/y", "1"), ("twin/x", "1")]).await?;
    let before = ids(&bench.fetch(&first).await?)?;
    let second = bench.published(&[("kept/x", "1"), ("moved/y", "2"), ("twin/x", "1")]).await?;
    let after = ids(&bench.fetch(&second).await?)?;
    ensure!(before.len() == 3 && after.len() == 3, "three folders are {before:?} and {after:?}");
    ensure!(before[0].id == after[0].id, "`kept` kept its content and not its id");
    ensure!(before[1].id != after[1].id, "`moved` changed its content and not its id");
    ensure!(before[0].id == before[2].id, "two folders of one content have two ids");
    Ok(())
}

async fn ordered(bench: &SourceBench) -> Checked {
    let files = [("b", "1"), ("a.b", "1"), ("a/x", "1"), ("a-b", "1"), ("C", "1"), ("é", "1")];
    let revision = bench.published(&files).await?;
    let snapshot = bench.fetch(&revision).await?;
    let names: Vec<_> =
        snapshot.tree.list("", &snapshot.root)?.into_iter().map(|entry| entry.name.to_string()).collect();
    ensure!(names == ["C", "a", "a-b", "a.b", "b", "é"], "the entries are {names:?}");
    Ok(())
}

async fn unknown_revision(bench: &SourceBench) -> Checked {
    let revision = bench.published(&[("a", "1")]).await?;
    let id: String = revision.id().chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect();
    let unknown = Revision::new(id, "unknown");
    let answer = bench.source().fetch(&bench.cx, &unknown).await;
    ensure!(answer.is_err(), "the revision {unknown} does not exist, and was fetched");
    Ok(())
}

async fn unreachable(bench: &SourceBench) -> Checked {
    bench.published(&[("a", "1")]).await?;
    bench.cut_off().await?;
    let answer = bench.source().resolve(&bench.cx).await;
    bench.mend().await?;
    let is_told = answer.as_ref().is_err_and(crate::value::Error::is_retryable);
    ensure!(is_told, "while its place can't be reached, the source resolves {answer:?}");
    let revision = bench.published(&[("a", "2")]).await?;
    let found = files(&bench.fetch(&revision).await?)?;
    ensure!(found == expected(&[("a", "2")]), "after it could be reached again, the source has {found:?}");
    Ok(())
}

async fn dropped(bench: &SourceBench) -> Checked {
    for awaits in 0..bench.subject.awaits {
        let text = awaits.to_string();
        bench.publish(&[("a", &text)]).await?;
        let resolved = drop_at(bench.source().resolve(&bench.cx), awaits).await.is_some();
        let revision = bench.source().resolve(&bench.cx).await?;
        let fetched = drop_at(bench.source().fetch(&bench.cx, &revision), awaits).await.is_some();
        let found = files(&bench.fetch(&revision).await?)?;
        ensure!(
            found == expected(&[("a", &text)]),
            "after calls dropped at await {awaits} there is {found:?}"
        );
        if resolved && fetched {
            break;
        }
    }
    Ok(())
}

async fn at_once(bench: &SourceBench) -> Checked {
    let revision = bench.published(&MANY).await?;
    let snapshots = try_join_all((0..8).map(|_| bench.source().fetch(&bench.cx, &revision))).await?;
    let alone = bench.fetch(&revision).await?;
    for snapshot in &snapshots {
        ensure!(snapshot.root == alone.root, "fetched at once, {revision} has two roots");
        ensure!(files(snapshot)? == files(&alone)?, "fetched at once, {revision} is not whole");
    }
    Ok(())
}

async fn told(bench: &SourceBench) -> Checked {
    let first = bench.source().info();
    let revision = bench.published(&[("a", "1")]).await?;
    let snapshot = bench.fetch(&revision).await?;
    let now = bench.source().info();
    ensure!(now == first && !now.name.is_empty(), "the source is {first:?} and then {now:?}");
    ensure!(snapshot.revision == revision, "the snapshot of {revision} says it is {}", snapshot.revision);
    ensure!(!snapshot.source.is_empty(), "the snapshot of {revision} does not name its source");
    Ok(())
}

async fn emptied(bench: &SourceBench) -> Checked {
    bench.published(&[("a", "1"), ("folder/b", "1"), ("folder/c", "1")]).await?;
    let revision = bench.published(&[("a", "1")]).await?;
    let snapshot = bench.fetch(&revision).await?;
    let found = files(&snapshot)?;
    ensure!(found == expected(&[("a", "1")]), "a folder left the revision, and the snapshot holds {found:?}");
    let names: Vec<_> = snapshot.tree.list("", &snapshot.root)?.into_iter().map(|entry| entry.name).collect();
    ensure!(names == ["a"], "a folder that is empty is listed: {names:?}");
    Ok(())
}
