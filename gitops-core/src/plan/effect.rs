//! What the effect of a step is.

use super::{Cause, Reason, Step};
use crate::capability::FieldChange;
use crate::value::{Action, ComponentChange, Digest, ForeignOutcome, Hasher, Key, StepEffect, Value};

/// What a step's effect depends on besides the step.
pub(crate) struct EffectContext<'a> {
    pub application: &'a str,
    /// What the target works on, as far as it can say: a cluster, a folder, a backend.
    pub target: &'a str,
    /// Where in the target the object is made, if it says so.
    pub place: Option<Digest>,
    /// The digest of the declaration before its placeholders were filled, if it has any.
    pub template: Option<Digest>,
}

impl StepEffect {
    pub(crate) fn of(step: &Step, context: &EffectContext<'_>, is_repair: impl Fn(&Key) -> bool) -> Self {
        let mut hasher = Hasher::new("gitops step effect 1");
        hasher.field(context.application).field(context.target);
        hasher.field(step.key.to_string()).field(step.action.to_string());
        hasher.field(step.expect.as_ref().map_or("absent", |expect| expect.uid.as_str()));
        step.diff.fields().iter().for_each(|field| stand_for_field(&mut hasher, field));
        // A new object is as it is declared; of one that is there, the diff says more.
        if step.action != Action::Update {
            hasher.fields(step.desired.iter().map(Digest::as_bytes));
        }
        if let Some(place) = context.place {
            hasher.field("place").field(place.as_bytes());
        }
        step.components.changes.iter().for_each(|change| stand_for_component(&mut hasher, change));
        // Targets name them in any order, such as one after the other of several clients.
        let mut foreign: Vec<_> = step.foreign.iter().collect();
        foreign.sort_by(|a, b| a.path.cmp(&b.path));
        for field in foreign {
            hasher.field("foreign").field(&field.path).field(match &field.outcome {
                ForeignOutcome::Restored => "restored",
                ForeignOutcome::Left { .. } => "left",
                ForeignOutcome::Blocked => "blocked",
                ForeignOutcome::StoredOtherwise { .. } => "stored otherwise",
            });
            if let ForeignOutcome::StoredOtherwise { stored, .. } = &field.outcome {
                hasher.field(stored);
            }
        }
        hasher.field(treatment(&step.reason));
        hasher.fields(step.risk.iter().map(|risk| format!("{risk:?}")));
        let waits = step.after.iter().filter(|key| !is_repair(key)).cloned().collect();
        Self::new(hasher.finish(), &step.takes, waits, context.template)
    }
}

fn stand_for_field(hasher: &mut Hasher, FieldChange { path, before, after, stays_with }: &FieldChange) {
    hasher.field("field").field(path);
    stand_for_value(hasher, before.as_ref());
    stand_for_value(hasher, after.as_ref());
    if let Some(whom) = stays_with {
        hasher.field("stays with").field(whom);
    }
}

fn stand_for_component(hasher: &mut Hasher, change: &ComponentChange) {
    hasher.field("component").field(&change.name).field(&change.kind).field(&change.action);
    hasher.field(format!("{:?}", change.risk));
    stand_for_value(hasher, change.before.as_ref());
    stand_for_value(hasher, change.after.as_ref());
}

fn stand_for_value(hasher: &mut Hasher, value: Option<&Value>) {
    match value {
        Some(value) => hasher.field(value.digest().as_bytes()),
        None => hasher.field("absent"),
    };
}

/// What is done to the object besides the change of its fields.
fn treatment(reason: &Reason) -> &str {
    match reason {
        Reason::Adopted => "adopt",
        Reason::OwnershipMoves { .. } | Reason::LabelLost => "relabel",
        _ => "",
    }
}

/// Whether a step repairs what was applied before. Nobody waits for a person's approval of such a step.
pub(crate) fn is_repair(step: &Step) -> bool {
    step.cause == Cause::Drift
}
