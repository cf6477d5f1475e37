//! C73 to C79: what a target must not do by the way.

use super::bench::{TargetBench, given, sample, tells, told};
use super::lists::long_list;
use super::outside::Fault;
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::conformance::poll::overlap;
use crate::value::{Applied, Change, Live};

/// The number of a body that no other check writes.
const UNUSED: usize = 77;

/// At how many requests of one call a fault is tried.
const REQUESTS: usize = 8;

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C73",
        Asked::Power("a dry run"),
        leaves_no_trace,
        "To preview leaves what is seen as it is, whatever is previewed."
    ),
    check!(
        "C74",
        Asked::Keyed,
        there_and_back,
        "Where a state comes back, what was planned for the state in between is refused."
    ),
    check!(
        "C75",
        Asked::All,
        any_request_of_a_list,
        "A list of which any one request fails is an error, never a shorter list."
    ),
    check!(
        "C76",
        Asked::Keyed,
        races_with_its_end,
        "An update makes no object, whatever happens to its object meanwhile."
    ),
    check!(
        "C77",
        Asked::Labelled,
        repeats_itself,
        "A request whose answer was lost is not told as refused, also where the target repeats it by itself."
    ),
    check!(
        "C78",
        Asked::All,
        set_by_others,
        "A field that others set and nobody declares is no difference, or goes by the change that shows it."
    ),
    check!("C79", Asked::All, true_evidence, "An answer that shows what the target holds is true."),
];

async fn leaves_no_trace(bench: &TargetBench) -> Checked {
    let (made, absent) = (bench.make().await?, bench.key());
    bench.creation(&absent, bench.body(UNUSED)).await;
    for number in [UNUSED, 1, UNUSED] {
        bench.preview(&made, &bench.body(number)).await?;
    }
    bench.deletion(&made).await;
    let (now, new) = (bench.there(&made.key).await?, bench.see(&absent).await?);
    ensure!(now == made, "to preview left {now:?} of {made:?}");
    ensure!(new.is_none(), "to preview a creation made {new:?}");
    let updated = bench.rewrite(&made, bench.body(2)).await?;
    bench.holds(&updated, &bench.body(2)).await
}

async fn there_and_back(bench: &TargetBench) -> Checked {
    let first = bench.make().await?;
    let between = bench.rewrite(&first, bench.body(1)).await?;
    let back = bench.rewrite(&between, bench.body(0)).await?;
    let is_same = (&back.uid, &back.body, &back.ownership) == (&first.uid, &first.body, &first.ownership);
    ensure!(
        back.version != first.version || is_same,
        "{back:?} has the version of {first:?}, and is another state"
    );
    bench.refused(&bench.update(&between, bench.body(2)).await).await?;
    bench.holds(&bench.there(&back.key).await?, &bench.body(0)).await
}

async fn any_request_of_a_list(bench: &TargetBench) -> Checked {
    let (scope, pages) = (long_list(bench).await?, bench.later_pages().await?);
    for passing in 0..REQUESTS {
        given(bench.outside().fault_at(passing, Fault::Unreachable).await)?;
        let answer = bench.target().observe(&bench.cx, &scope).await;
        bench.outside().mend().await?;
        if let Ok(found) = answer {
            ensure!(
                found.len() == scope.len(),
                "after {passing} requests one failed, and the list has {} of {} objects and no error",
                found.len(),
                scope.len()
            );
        }
    }
    bench.read_pages(pages, scope.len()).await
}

async fn races_with_its_end(bench: &TargetBench) -> Checked {
    for awaits in 0..bench.subject.samples.awaits {
        let made = bench.make().await?;
        let (update, deletion) = (bench.update(&made, bench.body(1)).await, bench.deletion(&made).await);
        let both = overlap(bench.target().apply(&bench.cx, &update), awaits, bench.apply(&deletion)).await;
        if both.second.is_ok() {
            bench.gone(&made.key).await?;
            ensure!(both.first.is_err(), "{} was made of what {} removed", told(&update), told(&deletion));
        }
        if !both.overlapped {
            break;
        }
    }
    for awaits in 0..bench.subject.samples.awaits {
        if !races_with_a_successor(bench, awaits).await? {
            break;
        }
    }
    Ok(())
}

/// An update of an object that is gone, while another one is made in its place.
async fn races_with_a_successor(bench: &TargetBench, awaits: usize) -> Checked<bool> {
    let made = bench.make().await?;
    bench.unmake(&made).await?;
    let update = bench.update(&made, bench.body(1)).await;
    let creation = bench.creation(&made.key, bench.body(2)).await;
    let both = overlap(bench.target().apply(&bench.cx, &update), awaits, bench.done(&creation)).await;
    both.second?;
    ensure!(both.first.is_err(), "{} was made, and its object is gone", told(&update));
    bench.holds(&bench.there(&made.key).await?, &bench.body(2)).await?;
    Ok(both.overlapped)
}

async fn repeats_itself(bench: &TargetBench) -> Checked {
    for passing in 0..REQUESTS {
        let (key, made) = (bench.key(), bench.make().await?);
        let creation = bench.creation(&key, bench.body(1)).await;
        is_told_truly(bench, passing, &creation).await?;
        is_told_truly(bench, passing, &bench.update(&made, bench.body(1)).await).await?;
    }
    Ok(())
}

/// Loses the answer of one request, and looks whether the change is told as not made although it was.
async fn is_told_truly(bench: &TargetBench, passing: usize, change: &Change) -> Checked {
    let before = bench.see(change.key()).await?;
    given(bench.outside().fault_at(passing, Fault::LostAnswer).await)?;
    let answer = bench.apply(change).await;
    bench.outside().mend().await?;
    let after = bench.see(change.key()).await?;
    let is_made = after != before;
    match (answer, after) {
        (Err(error), _) => ensure!(
            error.is_unknown() || !is_made,
            "{} was made, its answer was lost, and the error says that it was not: {error:?}",
            told(change)
        ),
        (Ok(answer), Some(live)) => {
            ensure!(tells(&answer, &live), "{} was answered {answer:?} for {live:?}", told(change));
        }
        (Ok(answer), None) => {
            return Err(Stop::Fail(format!("{} was answered {answer:?} and made nothing", told(change))));
        }
    }
    Ok(())
}

async fn set_by_others(bench: &TargetBench) -> Checked {
    let narrowing = bench.subject.samples.narrowing.clone();
    let (wide, narrow) = sample(narrowing, "body that can lose a field")?;
    let made = bench.make_at(&bench.key(), narrow.clone()).await?;
    given(bench.outside().edit(&made.key, Some(&wide)).await)?;
    let edited = bench.there(&made.key).await?;
    if bench.difference(&edited, &narrow).await?.is_empty() {
        return Ok(());
    }
    let restored = bench.rewrite(&edited, narrow.clone()).await?;
    bench.holds(&restored, &narrow).await
}

async fn true_evidence(bench: &TargetBench) -> Checked {
    let key = bench.key();
    let answer = bench.done(&bench.creation(&key, bench.body(0)).await).await?;
    let made = is_seen(&answer, &bench.there(&key).await?)?;
    let answer = bench.done(&bench.update(&made, bench.body(1)).await).await?;
    let updated = is_seen(&answer, &bench.there(&key).await?)?;
    let answer = bench.done(&bench.replacement(&updated, bench.body(2)).await).await?;
    is_seen(&answer, &bench.there(&key).await?).map(drop)
}

fn is_seen(answer: &Applied, live: &Live) -> Checked<Live> {
    if let Applied::Holds(held) = answer {
        let is_true = (&held.uid, &held.version, &held.body) == (&live.uid, &live.version, &live.body);
        ensure!(is_true, "the answer shows {held:?}, and {live:?} is there");
    }
    Ok(live.clone())
}
