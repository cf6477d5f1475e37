use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::plan::{EffectContext, Plan, Step};
use crate::value::{Digest, Hasher, Key, StepEffect};

/// Why a step is in a review: the request, the state of the target, or a move of the target branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Attribution {
    /// The merge would do it, and the target branch alone would not.
    ThisChange,
    /// The target branch alone would do it as well: the target drifted, or the branch is not applied yet.
    ExistingDrift,
    /// It came or went because the target branch moved since the request was opened.
    BaseMoved,
}

impl Attribution {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 3] = [Self::ThisChange, Self::ExistingDrift, Self::BaseMoved];
}

impl fmt::Display for Attribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThisChange => "this change",
            Self::ExistingDrift => "existing drift",
            Self::BaseMoved => "base moved",
        })
    }
}

/// What each step of a plan would do, by object.
pub(super) struct Effects(BTreeMap<Key, StepEffect>);

impl Effects {
    /// The effects of a plan's steps, as people approve them, and of the drift that it leaves alone.
    pub(super) fn of(plan: &Plan) -> Self {
        let steps = plan.steps.iter().chain(&plan.drift);
        Self(steps.map(|step| (step.key.clone(), effect(plan, step))).collect())
    }

    /// Why a step of the merge result, whose effects these are, is needed.
    pub(super) fn attribute(&self, key: &Key, base: &Self, opened: Option<&Self>) -> Attribution {
        let merged = self.0.get(key);
        if base.0.get(key) != merged {
            return Attribution::ThisChange;
        }
        match opened {
            Some(opened) if opened.0.get(key) != merged => Attribution::BaseMoved,
            _ => Attribution::ExistingDrift,
        }
    }

    /// Whether a step is of this change, and the target branch changed its object too since the request was opened.
    pub(super) fn moved_with(&self, key: &Key, base: &Self, opened: Option<&Self>) -> bool {
        let is_ours = self.attribute(key, base, opened) == Attribution::ThisChange;
        is_ours && opened.is_some_and(|opened| opened.0.get(key) != base.0.get(key))
    }

    pub(super) fn contains(&self, key: &Key) -> bool {
        self.0.contains_key(key)
    }
}

/// What a step would do. Nobody approves drift that is left alone, so the plan has no effect of it.
fn effect(plan: &Plan, step: &Step) -> StepEffect {
    plan.effect().step(&step.key).cloned().unwrap_or_else(|| {
        let context =
            EffectContext { application: &plan.application, target: "", place: None, template: None };
        StepEffect::of(step, &context, |_| false)
    })
}

/// The digest of a plan's effect: of what its steps would do, whatever the revision is called.
pub(super) fn effect_of(plan: &Plan) -> Digest {
    let mut hasher = Hasher::new("gitops review effect");
    hasher.field(&plan.application).field(plan.effect().digest().as_bytes());
    hasher.finish()
}

/// The digest of what is shown of a plan. Where the state is not at hand, the key of its secrets is not either, and nothing
/// that depends on a secret is the same in the next process; nobody can approve such a plan.
pub(super) fn shown_of(plan: &Plan) -> Digest {
    let mut hasher = Hasher::new("gitops review shown");
    hasher.field(&plan.application);
    for step in &plan.steps {
        hasher.field(step.key.to_string()).field(step.action.to_string());
        let shown = (&step.diff, &step.components.changes, &step.takes, &step.foreign);
        hasher.field(serde_json::to_vec(&shown).expect("a step has text keys and no failing parts"));
    }
    hasher.finish()
}
