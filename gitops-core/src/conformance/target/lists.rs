//! C83: long lists whose later pages fail for good.

use super::bench::{TargetBench, given};
use super::outside::Fault;
use super::read::is_unreadable;
use crate::capability::Scope;
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};

pub(super) const CHECKS: &[Check<TargetBench>] = &[check!(
    "C83",
    Asked::All,
    later_pages_of_a_list,
    "A list whose later pages fail, however often it is read, is an error, never a shorter list."
)];

/// As many objects as make more than a page.
pub(super) async fn long_list(bench: &TargetBench) -> Checked<Scope> {
    let keys = bench.keys(bench.subject.samples.many);
    for key in &keys {
        bench.done(&bench.creation(key, bench.body(0)).await).await?;
    }
    Ok(keys.into_iter().collect())
}

/// Where each later page fails however often it is read, a second reading hides as much as the first.
async fn later_pages_of_a_list(bench: &TargetBench) -> Checked {
    let scope = long_list(bench).await?;
    let mut met = false;
    for fault in [Fault::Unreachable, Fault::Forbidden] {
        given(bench.outside().fault_later_pages(fault).await)?;
        let answer = bench.target().observe(&bench.cx, &scope).await;
        bench.outside().mend().await?;
        let Ok(found) = answer else {
            met = true;
            continue;
        };
        ensure!(
            found.len() == scope.len(),
            "each later page was {fault:?}, and the list has {} of {} objects and no error",
            found.len(),
            scope.len()
        );
        met |= found.iter().any(is_unreadable);
    }
    match met {
        true => Ok(()),
        false => Err(Stop::Skip(format!("all {} objects were found without a later page", scope.len()))),
    }
}
