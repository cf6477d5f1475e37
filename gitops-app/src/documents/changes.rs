//! What changes in an object, on one short line.

use gitops_core::redact::credentials;
use gitops_core::{
    ComponentChange, DriftBeside, FieldChange, ForeignField, FoundBeside, Key, Reason, Step, Value,
};
use similar::{ChangeTag, TextDiff};

use crate::text::count;

/// An object as people say it, without its target: `File/conf/app.toml`, `Deployment.apps/shop/web`.
pub fn object(key: &Key) -> String {
    match key.namespace() {
        "" => format!("{}/{}", key.kind(), key.name()),
        namespace => format!("{}/{namespace}/{}", key.kind(), key.name()),
    }
}

/// Why a step is needed: the fields with old and new value where they are known.
pub fn reason(step: &Step) -> String {
    why(step) + again(step)
}

/// What is to be known of a step that writes once more what was written last.
fn again(step: &Step) -> &'static str {
    if step.left_otherwise { " (the target made this of the last write)" } else { "" }
}

fn why(step: &Step) -> String {
    let fields = own(step);
    match &step.reason {
        Reason::Differs { .. } if !fields.is_empty() => some(&fields),
        Reason::Differs { .. } if !step.components.changes.is_empty() => {
            count(step.components.changes.len(), "resource")
        }
        Reason::CannotChangeInPlace { .. } | Reason::Adopted | Reason::LabelLost if !fields.is_empty() => {
            format!("{}: {}", step.reason, some(&fields))
        }
        reason => reason.to_string(),
    }
}

/// What is there and what should be: the fields with both sides where they are known.
pub fn drift(step: &Step) -> String {
    let fields = own(step);
    match &step.reason {
        Reason::Differs { .. } if !fields.is_empty() => {
            firsts(&fields, |field| both(field, "declared")) + again(step)
        }
        _ => reason(step),
    }
}

/// How an object differs from what was applied last, where the pending commit changes it too.
pub fn beside(beside: &DriftBeside) -> String {
    match &beside.found {
        FoundBeside::Differs { fields, .. } if !fields.is_empty() => {
            firsts(fields.fields(), |field| both(field, "applied"))
        }
        FoundBeside::Differs { foreign, .. } if !foreign.is_empty() => {
            let origins: Vec<String> = foreign.iter().map(ForeignField::origin).collect();
            origins.join(", ")
        }
        found => found.to_string(),
    }
}

/// What is there, and what should be; `word` says by what.
fn both(field: &FieldChange, word: &str) -> String {
    let side = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), short);
    let path = credentials(field.path.trim_start_matches('/'));
    match lines(field) {
        _ if field.is_sensitive() => field.to_string(),
        Some((missing, added)) => {
            format!("{path}: {added} lines live that are not {word}, {missing} missing")
        }
        None => format!("{path}: live {}, {word} {}", side(&field.before), side(&field.after)),
    }
}

/// A value on one short line.
pub fn short(value: &Value) -> String {
    match value {
        Value::Text(text) if text.lines().count() > 1 => count(text.lines().count(), "line"),
        Value::Map(members) => count(members.len(), "field"),
        Value::List(items) => count(items.len(), "item"),
        value => value.to_string(),
    }
}

/// The fields of the object itself: those of its components are shown with them.
pub(super) fn own(step: &Step) -> Vec<FieldChange> {
    let changes = &step.components.changes;
    let is_own = |field: &&FieldChange| !changes.iter().any(|change| within(field, change).is_some());
    step.diff.fields().iter().filter(is_own).cloned().collect()
}

/// Where a step's object is declared, or was.
pub fn place(step: &Step) -> String {
    match &step.provenance {
        None => String::new(),
        Some(provenance) if step.desired.is_none() => format!("was {provenance}"),
        Some(provenance) => provenance.to_string(),
    }
}

/// The first two fields, and how many more there are.
pub fn some(fields: &[FieldChange]) -> String {
    firsts(fields, field)
}

fn firsts(fields: &[FieldChange], text: impl Fn(&FieldChange) -> String) -> String {
    let mut texts: Vec<String> = fields.iter().take(2).map(text).collect();
    if fields.len() > 2 {
        texts.push(format!("and {} more", fields.len() - 2));
    }
    texts.join(", ")
}

/// One field; text of several lines is counted by line.
fn field(field: &FieldChange) -> String {
    match lines(field) {
        Some((added, removed)) => {
            let path = credentials(field.path.trim_start_matches('/'));
            format!("{path} +{added} −{removed} lines")
        }
        None => field.to_string(),
    }
}

/// How many lines come and go, if either side has several.
fn lines(field: &FieldChange) -> Option<(usize, usize)> {
    let (before, after) = texts(field)?;
    if before.lines().count().max(after.lines().count()) < 2 {
        return None;
    }
    let diff = TextDiff::from_lines(&before, &after);
    let count = |tag: ChangeTag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    Some((count(ChangeTag::Insert), count(ChangeTag::Delete)))
}

/// Both sides of a field as they are shown, if they are text that may be.
pub fn texts(field: &FieldChange) -> Option<(String, String)> {
    let text = |value: &'_ Option<Value>| matches!(value, None | Some(Value::Text(_)));
    if field.is_sensitive() || !text(&field.before) || !text(&field.after) {
        return None;
    }
    let shown = |value: &'_ Option<Value>| {
        credentials(value.as_ref().and_then(Value::as_text).unwrap_or_default()).into_owned()
    };
    Some((shown(&field.before), shown(&field.after)))
}

/// The path of a field within one component, if it is of that: it begins with what is done to the component and its name.
pub fn within<'f>(field: &'f FieldChange, change: &ComponentChange) -> Option<&'f str> {
    let rest = field.path.strip_prefix('/')?.strip_prefix(&*change.action)?;
    let rest = rest.strip_prefix('/')?.strip_prefix(&*change.name)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
