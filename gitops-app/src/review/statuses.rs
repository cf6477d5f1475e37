//! What the statuses on the head of a request say, and for how long.

use gitops_core::review::{Attribution, Counts, Outcome};
use gitops_core::{Strictness, Time};
use gitops_forge::StatusState;

use super::{Reviewed, labels};
use crate::config::Config;

/// Whether there is a plan, and what it would do.
pub(super) fn plan(reviewed: &Reviewed) -> (StatusState, String) {
    let Reviewed { review, failed, .. } = reviewed;
    let blocked: usize = review.parts.iter().map(|part| part.newly_blocked().count()).sum();
    let names = || failed.iter().map(|failed| failed.application.as_str()).collect::<Vec<_>>().join(", ");
    match () {
        () if failed.iter().any(|failed| failed.is_conflict) => {
            (StatusState::Failure, "the merge has conflicts".to_owned())
        }
        () if !failed.is_empty() => (StatusState::Failure, format!("not planned: {}", names())),
        () if blocked > 0 => {
            (StatusState::Failure, format!("{blocked} objects are blocked; {}", counted(&review.counts())))
        }
        () if review.parts.is_empty() => {
            (StatusState::Success, format!("no application is concerned{}", unplanned(reviewed)))
        }
        () => (StatusState::Success, counted(&review.counts()) + &unplanned(reviewed)),
    }
}

/// What no plan has.
fn unplanned(reviewed: &Reviewed) -> String {
    match reviewed.configuration.as_slice() {
        [] => String::new(),
        files => format!("; what it changes in {} is in no plan", files.join(", ")),
    }
}

/// What the request brings, and what else there is.
fn counted(counts: &Counts) -> String {
    let ours = counts.of(Attribution::ThisChange);
    let ours = if ours.total() == 0 { "no changes".to_owned() } else { ours.to_string() };
    let others = [
        (counts.of(Attribution::ExistingDrift).total() + counts.reported, "existing drift"),
        (counts.of(Attribution::BaseMoved).total(), "base moved"),
        (counts.withdrawn, "no longer needed"),
    ];
    let others = others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("; {what} {n}"));
    std::iter::once(ours).chain(others).collect()
}

/// What the gates say.
pub(super) fn policy(reviewed: &Reviewed) -> (StatusState, String) {
    let review = &reviewed.review;
    let notes = |of: Strictness| {
        let each = review.parts.iter().flat_map(|part| part.verdict.each());
        let notes = each.filter(|(own, _)| *own == of).map(|(_, note)| note.to_string());
        // What is said of several applications is said once.
        let mut said: Vec<String> = Vec::new();
        notes.for_each(|note| said.extend((!said.contains(&note)).then_some(note)));
        said.join("; ")
    };
    let (denied, open) = (notes(Strictness::Deny), notes(Strictness::NeedsApproval));
    match review.outcome() {
        _ if !denied.is_empty() => (StatusState::Failure, format!("denied: {denied}")),
        Outcome::Failed => (StatusState::Failure, "there is no plan to judge".to_owned()),
        Outcome::NeedsApproval => (StatusState::Pending, format!("needs an approval: {open}")),
        Outcome::Approved => (StatusState::Success, format!("approved{}", unplanned(reviewed))),
        _ => (StatusState::Success, format!("nothing is against it{}", unplanned(reviewed))),
    }
}

/// Why the merge would not be applied of what it changes, if that is so.
pub(super) fn refused(reviewed: &Reviewed) -> Option<String> {
    let changed = reviewed.review.parts.iter().filter(|part| !part.changes_nothing());
    let refused = changed.filter_map(|part| {
        let why = reviewed.plans.get(&part.application)?.refused.as_ref()?;
        Some(format!("`{}`: {why}", part.application))
    });
    let refused: Vec<String> = refused.collect();
    (!refused.is_empty()).then(|| format!("a merge would not be applied: {}", refused.join("; ")))
}

/// When the first change window of what was planned begins or ends after a time.
pub(super) fn windows_change(reviewed: &Reviewed, chosen: &[&Config], after: Time) -> Option<Time> {
    let planned = chosen.iter().filter(|config| reviewed.plans.contains_key(&config.name));
    planned.filter_map(|config| config.windows.changes_after(&labels(config).environment, after)).min()
}
