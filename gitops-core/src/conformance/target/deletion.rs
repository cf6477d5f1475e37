//! C35 to C39: gone is what was seen to be gone.

use super::bench::{TargetBench, given};
use crate::conformance::check::{Asked, Check, Checked, check, ensure};
use crate::value::{Applied, Live, Presence};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C35",
        Asked::All,
        accepted_is_not_absent,
        "A deletion that was accepted and is not finished is not called absence."
    ),
    check!(
        "C36",
        Asked::All,
        stuck_is_deleting,
        "An object whose deletion is held up is shown as being deleted."
    ),
    check!("C37", Asked::All, late_absence_is_seen, "An object that goes late is seen to go."),
    check!(
        "C38",
        Asked::All,
        create_waits_for_absence,
        "An object that is still going is not made again over its rest."
    ),
    check!("C39", Asked::All, no_cascade, "A deletion removes one object and no other."),
];

/// Makes an object, holds it, and deletes it.
async fn held(bench: &TargetBench) -> Checked<(Live, Applied)> {
    let made = bench.make().await?;
    given(bench.outside().hold(&made.key).await)?;
    let now = bench.there(&made.key).await?;
    let answer = bench.done(&bench.deletion(&now).await).await?;
    Ok((now, answer))
}

async fn accepted_is_not_absent(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    if bench.done(&bench.deletion(&made).await).await? == Applied::Absent {
        let found = bench.see(&made.key).await?;
        ensure!(found.is_none(), "the deletion was answered `absent`, and there is {found:?}");
    }
    let (live, answer) = held(bench).await?;
    ensure!(answer == Applied::Deleting, "the deletion of the held {} was answered {answer:?}", live.key);
    Ok(())
}

async fn stuck_is_deleting(bench: &TargetBench) -> Checked {
    let (live, _) = held(bench).await?;
    for _ in 0..3 {
        let found = bench.see(&live.key).await?.map(|live| live.presence);
        ensure!(found == Some(Presence::Deleting), "{} is being deleted and shown as {found:?}", live.key);
    }
    Ok(())
}

async fn late_absence_is_seen(bench: &TargetBench) -> Checked {
    let (live, _) = held(bench).await?;
    given(bench.outside().release(&live.key).await)?;
    bench.gone(&live.key).await
}

async fn create_waits_for_absence(bench: &TargetBench) -> Checked {
    let (live, _) = held(bench).await?;
    bench.refused(&bench.creation(&live.key, bench.body(1)).await).await?;
    given(bench.outside().release(&live.key).await)?;
    bench.gone(&live.key).await?;
    bench.make_at(&live.key, bench.body(1)).await?;
    Ok(())
}

async fn no_cascade(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    let mut others = vec![bench.make().await?];
    for key in &bench.subject.samples.neighbours {
        others.push(bench.make_at(key, bench.body(1)).await?);
    }
    others.push(made);
    // A name that another one begins with goes before that one.
    others.sort_by_key(|live| std::cmp::Reverse(live.key.name().len()));
    while let Some(next) = others.pop() {
        bench.unmake(&next).await?;
        for other in &others {
            let now = bench.see(&other.key).await?;
            ensure!(now.as_ref() == Some(other), "the deletion of {} made {now:?} of {other:?}", next.key);
        }
    }
    Ok(())
}
