//! What serves others that run once: gone after its end, it is made again for each of them that is made.

use std::collections::BTreeSet;

use super::PlanInput;
use super::decide::{Decision, made_again};
use super::identity::Identities;
use crate::plan::{Cause, Step};
use crate::render::Desired;
use crate::value::{Action, Key};

/// Some candidates, and what serves them: whether that is there has to be known.
pub(crate) fn with_serving(desired: &Desired, candidates: &BTreeSet<Key>) -> BTreeSet<Key> {
    let mut found = candidates.clone();
    let mut due: Vec<Key> = candidates.iter().cloned().collect();
    while let Some(key) = due.pop() {
        let Some(object) = desired.objects().get(&key) else { continue };
        let serving = desired.serving(object).into_iter().map(|other| other.key.clone());
        due.extend(serving.filter(|key| found.insert(key.clone())));
    }
    found
}

/// Makes again what is gone after its end and serves what some steps make.
pub(super) fn make_again(
    input: &PlanInput<'_>,
    identities: &Identities,
    steps: &[Step],
) -> Vec<(Key, Decision)> {
    let makes = |step: &&Step| matches!(step.action, Action::Create | Action::Replace);
    let mut due: Vec<(Key, Cause)> =
        steps.iter().filter(makes).map(|step| (step.key.clone(), step.cause)).collect();
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    while let Some((key, cause)) = due.pop() {
        let Some(object) = input.desired.objects().get(&key) else { continue };
        for other in input.desired.serving(object) {
            if !seen.insert(other.key.clone()) {
                continue;
            }
            if let Some(decision) = made_again(input, identities, &other, cause) {
                due.push((other.key.clone(), cause));
                found.push((other.key.clone(), decision));
            }
        }
    }
    found
}
