//! What of a step is compared: the object itself, and each thing that it is made of.

use gitops_core::redact::credentials;
use gitops_core::{Action, ComponentChange, FieldChange, Reason, Step, Value};

use super::sides::{hidden, sides, told_apart};
use crate::documents::changes;

/// Two values to compare, of one object or of one thing that it is made of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Part<'a> {
    /// The component; nothing for the object itself.
    pub component: Option<&'a str>,
    /// What is live; nothing for what is not there.
    pub before: Option<Value>,
    /// What is declared; nothing for what goes.
    pub after: Option<Value>,
    /// What both values do not show, a line each.
    pub notes: Vec<String>,
    /// The fields that differ, for where the values can't be compared line by line.
    pub fields: Vec<FieldChange>,
}

/// The parts of a step. `body` is what is declared, and of an object that is deleted what is live; without it only the fields that
/// differ are known.
pub fn parts<'a>(step: &'a Step, body: Option<&Value>) -> Vec<Part<'a>> {
    let components = step.components.changes.iter().map(|change| of_component(step, change));
    let mut parts: Vec<Part<'a>> = components.collect();
    let own = of_object(step, body);
    if parts.is_empty() || !own.fields.is_empty() {
        parts.push(own);
    }
    parts
}

fn of_object<'a>(step: &Step, body: Option<&Value>) -> Part<'a> {
    let (is_made_of_parts, fields) = (!step.components.changes.is_empty(), changes::own(step));
    let (before, after) = match (step.action, body) {
        _ if is_made_of_parts => on_nothing(&fields),
        (Action::Create, Some(body)) => (None, Some(body.clone())),
        (Action::Delete, Some(body)) => (Some(body.clone()), None),
        (_, Some(body)) => some(sides(body, &fields)),
        (_, None) => on_nothing(&fields),
    };
    let reclaimed = fields.iter().filter(|field| field.before.is_some() && field.before == field.after);
    let reclaimed = reclaimed.map(|field| {
        if field.stays_with.is_some() {
            return field.to_string();
        }
        let value = field.after.as_ref().map(changes::short).unwrap_or_default();
        format!("{} {value}: ownership reclaimed", credentials(field.path.trim_start_matches('/')))
    });
    let why = match &step.reason {
        reason @ Reason::CannotChangeInPlace { .. } => Some(format!("deleted and made anew: {reason}")),
        _ => None,
    };
    Part { component: None, before, after, notes: why.into_iter().chain(reclaimed).collect(), fields }
}

/// The fields alone, where nothing is known around them.
fn on_nothing(fields: &[FieldChange]) -> (Option<Value>, Option<Value>) {
    some(sides(&Value::map::<&str>([]), fields))
}

fn some((before, after): (Value, Value)) -> (Option<Value>, Option<Value>) {
    (Some(before), Some(after))
}

fn of_component<'a>(step: &Step, change: &'a ComponentChange) -> Part<'a> {
    let of_it = |field: &&FieldChange| changes::within(field, change).is_some_and(|rest| !rest.is_empty());
    let why = step.diff.fields().iter().find(|field| changes::within(field, change) == Some(""));
    let why = why.filter(|field| field.before.is_none()).and_then(|field| field.after.as_ref()?.as_text());
    let note = match why {
        Some(why) => format!("{}: {why}", change.action),
        None => change.action.clone(),
    };
    let after = match (&change.before, &change.after) {
        (Some(before), Some(after)) => Some(told_apart(before, after)),
        (_, after) => after.clone(),
    };
    let before = match (&change.before, &change.after) {
        (Some(before), Some(after)) => Some(hidden(before, after)),
        (before, _) => before.clone(),
    };
    Part {
        component: Some(&change.name),
        before,
        after,
        notes: vec![note],
        fields: step.diff.fields().iter().filter(of_it).cloned().collect(),
    }
}
