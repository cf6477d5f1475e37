//! C22 to C27: a change is made only of what it was planned for.

use super::bench::{TargetBench, given, told};
use super::changes::expecting;
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::conformance::poll::overlap;
use crate::value::{Action, Change, ErrorKind, Expect, Live, Uid, Value};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C22",
        Asked::Keyed,
        stale_update,
        "An update of a state that has passed is refused, and changes nothing."
    ),
    check!("C23", Asked::All, update_of_absent, "An update of an absent object is refused, and makes none."),
    check!("C24", Asked::Labelled, delete_of_another, "A deletion of another incarnation is refused."),
    check!("C25", Asked::Keyed, stale_delete, "A deletion of a state that has passed is refused."),
    check!(
        "C26",
        Asked::Labelled,
        replace_of_another,
        "A replacement of another incarnation is refused before anything is removed."
    ),
    check!(
        "C27",
        Asked::Keyed,
        one_step,
        "Check and write are one step: what is changed in between survives."
    ),
];

/// Makes a change that must be refused and leave an object as it is.
async fn leaves(bench: &TargetBench, live: &Live, change: Change) -> Checked {
    bench.refused(&change).await?;
    let now = bench.there(&live.key).await?;
    ensure!(now == *live, "{} was refused and left {now:?} in the place of {live:?}", told(&change));
    Ok(())
}

fn of_another(live: &Live) -> Expect {
    Expect { uid: Uid::new("another-incarnation"), version: live.version.clone() }
}

async fn stale_update(bench: &TargetBench) -> Checked {
    let old = bench.make().await?;
    let now = bench.rewrite(&old, bench.body(1)).await?;
    leaves(bench, &now, bench.update(&old, bench.body(2)).await).await
}

async fn update_of_absent(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    bench.unmake(&made).await?;
    bench.refused(&bench.update(&made, bench.body(1)).await).await?;
    let found = bench.see(&made.key).await?;
    ensure!(found.is_none(), "an update of an absent object made {found:?}");
    match updates_of_removed(bench).await {
        Err(Stop::Skip(_)) => Ok(()),
        other => other,
    }
}

/// The same of an object that somebody else removes while the update is under way.
async fn updates_of_removed(bench: &TargetBench) -> Checked {
    for awaits in 0..bench.subject.samples.awaits {
        let made = bench.make().await?;
        let update = bench.update(&made, bench.body(1)).await;
        let overlapped = meets(bench, awaits, &update, None).await?;
        let found = bench.see(&made.key).await?;
        ensure!(found.is_none(), "{} was removed meanwhile, and it made {found:?}", told(&update));
        if !overlapped {
            break;
        }
    }
    Ok(())
}

async fn delete_of_another(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    leaves(bench, &made, expecting(bench.deletion(&made).await, of_another(&made))).await
}

async fn stale_delete(bench: &TargetBench) -> Checked {
    let old = bench.make().await?;
    let now = bench.rewrite(&old, bench.body(1)).await?;
    leaves(bench, &now, bench.deletion(&old).await).await
}

async fn replace_of_another(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    leaves(bench, &made, expecting(bench.replacement(&made, bench.body(1)).await, of_another(&made))).await
}

async fn one_step(bench: &TargetBench) -> Checked {
    for awaits in 0..bench.subject.samples.awaits {
        let made = bench.make().await?;
        let (ours, theirs) =
            (bench.update(&made, bench.body(1)).await, bench.update(&made, bench.body(2)).await);
        let both = overlap(bench.target().apply(&bench.cx, &ours), awaits, bench.apply(&theirs)).await;
        let won = [both.first.is_ok(), both.second.is_ok()];
        ensure!(won != [true; 2], "two updates of one state of {} both succeeded", made.key);
        ensure!(won != [false; 2], "two updates of one state of {} both failed", made.key);
        let winner = bench.body(if won[0] { 1 } else { 2 });
        bench.holds(&bench.there(&made.key).await?, &winner).await?;
        if !both.overlapped {
            break;
        }
    }
    match others_survive(bench).await {
        Err(Stop::Skip(_)) => Ok(()),
        other => other,
    }
}

/// The same of each change, against somebody who asks for no version and whom no lock of ours holds up.
async fn others_survive(bench: &TargetBench) -> Checked {
    for action in [Action::Update, Action::Create, Action::Delete] {
        for awaits in 0..bench.subject.samples.awaits {
            let change = match action {
                Action::Create => bench.creation(&bench.key(), bench.body(1)).await,
                Action::Delete => bench.deletion(&bench.make().await?).await,
                _ => bench.update(&bench.make().await?, bench.body(1)).await,
            };
            let edited = bench.body(2);
            let overlapped = meets(bench, awaits, &change, Some(&edited)).await?;
            let Some(live) = bench.see(change.key()).await? else {
                return Err(Stop::Fail(format!("{} removed what was written meanwhile", told(&change))));
            };
            // What is theirs is not ours to compare: that it is there is enough.
            let is_ours = live.is_owned_by(bench.owner());
            let difference = if is_ours { bench.difference(&live, &edited).await? } else { String::new() };
            ensure!(
                difference.is_empty(),
                "{} wrote over what was written meanwhile: {difference}",
                told(&change)
            );
            if !overlapped {
                break;
            }
        }
    }
    Ok(())
}

/// Stops a change at an await, lets somebody else write or remove the object, and ends it; whether it had an await left.
async fn meets(bench: &TargetBench, awaits: usize, change: &Change, body: Option<&Value>) -> Checked<bool> {
    let edit = bench.outside().edit(change.key(), body);
    let both = overlap(bench.target().apply(&bench.cx, change), awaits, edit).await;
    if let Err(error) = both.second {
        // Somebody else may have met the change, as the change meets them: then they come after it.
        let is_missing = error.kind() == ErrorKind::Unsupported;
        given(if is_missing { Err(error) } else { bench.outside().edit(change.key(), body).await })?;
    }
    Ok(both.overlapped)
}
