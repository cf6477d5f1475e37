//! C09 to C15: what is read is what is there.

use std::collections::BTreeMap;

use super::bench::TargetBench;
use super::outside::Fault;
use crate::capability::Scope;
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::conformance::poll::overlap;
use crate::value::{ErrorKind, Key, Live};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!("C09", Asked::Keyed, reads_its_writes, "A read sees what was just written."),
    check!("C10", Asked::Labelled, list_sees_writes, "A list of objects has what was just written."),
    check!("C11", Asked::All, pages_are_whole, "A long list has every object once."),
    check!("C12", Asked::All, pages_hide_nothing, "Changes during a long list hide no other object."),
    check!(
        "C13",
        Asked::All,
        cut_page_is_an_error,
        "A list that was cut short is an error, never a shorter list."
    ),
    check!(
        "C14",
        Asked::All,
        absent_is_known,
        "Only what is known to be absent is left out: forbidden, unreachable and unknown kinds are told apart."
    ),
    check!("C15", Asked::All, observe_is_pure, "To observe changes nothing and answers in one order."),
];

async fn reads_its_writes(bench: &TargetBench) -> Checked {
    let key = bench.key();
    let made = bench.make_at(&key, bench.body(0)).await?;
    bench.holds(&made, &bench.body(0)).await?;
    let updated = bench.rewrite(&made, bench.body(1)).await?;
    bench.holds(&updated, &bench.body(1)).await?;
    bench.done(&bench.replacement(&updated, bench.body(2)).await).await?;
    bench.holds(&bench.there(&key).await?, &bench.body(2)).await
}

async fn list_sees_writes(bench: &TargetBench) -> Checked {
    let mut keys = Vec::new();
    for number in 0..bench.subject.samples.many.min(20) {
        let key = bench.key();
        bench.done(&bench.creation(&key, bench.body(number)).await).await?;
        keys.push(key);
        let found = bench.look(&keys).await?;
        ensure!(found.len() == keys.len(), "{} of {} objects are listed", found.len(), keys.len());
    }
    Ok(())
}

/// Makes many objects, a few at once.
async fn make_many(bench: &TargetBench) -> Checked<Vec<Key>> {
    let keys = bench.keys(bench.subject.samples.many);
    for few in keys.chunks(bench.target().info().concurrency.min(4)) {
        let make =
            few.iter().map(|key| async { bench.done(&bench.creation(key, bench.body(0)).await).await });
        futures::future::try_join_all(make).await?;
    }
    Ok(keys)
}

fn counted(found: &[Live]) -> BTreeMap<&Key, usize> {
    let mut counts = BTreeMap::new();
    found.iter().for_each(|live| *counts.entry(&live.key).or_default() += 1);
    counts
}

async fn pages_are_whole(bench: &TargetBench) -> Checked {
    let keys = make_many(bench).await?;
    let asked: Vec<Key> = keys.iter().cloned().chain(bench.keys(10)).collect();
    let pages = bench.later_pages().await?;
    let found = bench.look(&asked).await?;
    let counts = counted(&found);
    for key in &keys {
        let count = counts.get(key).copied().unwrap_or_default();
        ensure!(count == 1, "of {} objects in one list, {key} is there {count} times", keys.len());
    }
    ensure!(counts.len() == keys.len(), "the list has objects that are absent: {counts:?}");
    bench.read_pages(pages, keys.len()).await
}

async fn pages_hide_nothing(bench: &TargetBench) -> Checked {
    let keys = make_many(bench).await?;
    let (leaving, staying) = keys.split_at(keys.len() / 4);
    let leaving = bench.look(leaving).await?;
    let scope: Scope = keys.iter().cloned().collect();
    let pages = bench.later_pages().await?;
    let list = bench.target().observe(&bench.cx, &scope);
    let leave = async {
        for live in &leaving {
            bench.done(&bench.deletion(live).await).await?;
        }
        Ok::<_, Stop>(())
    };
    let both = overlap(list, 1, leave).await;
    both.second?;
    // A target that saw the changes may say so, instead of a list that is of no one time; then it is asked again.
    let found = match both.first {
        Err(error) if error.is_retryable() => bench.target().observe(&bench.cx, &scope).await?,
        listed => listed?,
    };
    let counts = counted(&found);
    for key in staying {
        let count = counts.get(key).copied().unwrap_or_default();
        ensure!(count == 1, "while others were deleted, {key} was listed {count} times");
    }
    bench.read_pages(pages, keys.len()).await
}

async fn cut_page_is_an_error(bench: &TargetBench) -> Checked {
    let keys = make_many(bench).await?;
    let scope: Scope = keys.iter().cloned().collect();
    bench.fault(Fault::CutAnswer).await?;
    let answer = bench.target().observe(&bench.cx, &scope).await;
    bench.outside().mend().await?;
    let listed = answer.as_ref().map_or(0, Vec::len);
    ensure!(
        answer.is_err(),
        "a list that was cut short gave {listed} of {} objects, and no error",
        keys.len()
    );
    Ok(())
}

async fn absent_is_known(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    let mut looked = false;
    if let Some(key) = &bench.subject.samples.unknown_kind {
        unknown_kind_is_told(bench, key).await?;
        looked = true;
    }
    for (fault, kind) in
        [(Fault::Forbidden, ErrorKind::Forbidden), (Fault::Unreachable, ErrorKind::Unavailable)]
    {
        match bench.fault(fault).await {
            Err(Stop::Skip(why)) if !looked => return Err(Stop::Skip(why)),
            Err(Stop::Skip(_)) => return Ok(()),
            other => other?,
        }
        let answer = bench.target().observe(&bench.cx, &[made.key.clone()].into_iter().collect()).await;
        bench.outside().mend().await?;
        match answer {
            Err(error) => ensure!(error.kind() == kind, "{fault:?} is the error {error:?}"),
            Ok(found) => {
                let is_told = found.iter().all(is_unreadable) && found.len() == 1;
                ensure!(is_told, "under {fault:?}, {} is shown as {found:?}", made.key);
            }
        }
        looked = true;
    }
    Ok(())
}

async fn unknown_kind_is_told(bench: &TargetBench, key: &Key) -> Checked {
    let answer = bench.target().observe(&bench.cx, &[key.clone()].into_iter().collect()).await;
    let is_told = answer.as_ref().map_or(true, |found| found.len() == 1 && found.iter().all(is_unreadable));
    ensure!(is_told, "{key} is of an unknown kind and is shown as absent: {answer:?}");
    Ok(())
}

pub(super) fn is_unreadable(live: &Live) -> bool {
    matches!(live.presence, crate::value::Presence::Unreadable(_))
}

async fn observe_is_pure(bench: &TargetBench) -> Checked {
    let mut keys = bench.keys(10);
    for (number, key) in keys.iter().enumerate().filter(|(number, _)| number % 2 == 0) {
        bench.make_at(key, bench.body(number)).await?;
    }
    let first = bench.look(&keys).await?;
    ensure!(
        first.len() == 5,
        "of five objects that were made and five that were not, {} are there",
        first.len()
    );
    for _ in 0..3 {
        keys.reverse();
        let again = bench.look(&keys).await?;
        let names = |found: &[Live]| found.iter().map(|live| live.key.to_string()).collect::<Vec<_>>();
        ensure!(names(&again) == names(&first), "{:?} and then {:?}", names(&first), names(&again));
        ensure!(again == first, "the objects were {first:?} and are {again:?}");
    }
    Ok(())
}
