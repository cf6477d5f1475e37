//! Drift beside a commit: objects that somebody changed outside of Git, and that the pending commit changes too.

use std::collections::BTreeSet;

use gitops_core::{Action, DriftBeside, FoundBeside, Key, Plan};
use serde::Serialize;

use super::changes;

/// One such object.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct BesidePart<'a> {
    /// The object, and what is known of it.
    #[serde(flatten)]
    pub beside: &'a DriftBeside,
    /// What the pending commit does to it.
    pub pending: Option<Action>,
    /// The same for people.
    pub text: String,
}

impl<'a> BesidePart<'a> {
    fn of(plan: &Plan, beside: &'a DriftBeside) -> Self {
        let pending = plan.step(&beside.key).filter(|_| !beside.only_drift).map(|step| step.action);
        Self { beside, pending, text: changes::beside(beside) }
    }
}

/// All of a plan.
pub fn all(plan: &Plan) -> Vec<BesidePart<'_>> {
    plan.beside.iter().map(|beside| BesidePart::of(plan, beside)).collect()
}

/// The one of an object, as far as somebody should hear of it beside the pending change: what our own unfinished change left is told
/// as that.
pub fn of<'a>(plan: &'a Plan, key: &Key) -> Option<BesidePart<'a>> {
    let found = plan.drift_beside(key).filter(|beside| beside.found != FoundBeside::HalfChanged)?;
    Some(BesidePart::of(plan, found))
}

/// Those that are known to differ from what was applied last, and that the pending commit changes too.
pub fn known(plan: &Plan) -> Vec<BesidePart<'_>> {
    all(plan).into_iter().filter(|part| part.beside.is_known() && !part.beside.only_drift).collect()
}

/// Those that the pending commit does not change: their steps only put them back.
pub(super) fn only_drift(plan: &Plan) -> BTreeSet<&Key> {
    plan.beside.iter().filter(|beside| beside.only_drift).map(|beside| &beside.key).collect()
}
