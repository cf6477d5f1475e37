//! What of a change must not be shown.

use gitops_core::{FieldChange, Object, Secret, Value};

use crate::live::application::Inner;
use crate::live::object::Seen;

/// What must not be shown.
pub(crate) struct Mask<'a> {
    pub live: &'a Seen,
    pub object: &'a Object,
    pub inner: &'a Inner,
}

impl Mask<'_> {
    /// A change with what must not be shown hidden.
    pub fn over(&self, change: FieldChange) -> FieldChange {
        let is_of_secret = self.live.is_secret() && (is_data(&change.path) || self.is_of_strangers(&change));
        let is_secret = is_of_secret || holds_secret(&self.object.body, change.after.as_ref());
        if is_secret { hidden(change, self.inner) } else { change }
    }

    /// Whether it is of a note on the object that nobody declares: many tools remember there what they applied, which is all of a
    /// Secret's values.
    fn is_of_strangers(&self, change: &FieldChange) -> bool {
        let Some(path) = change.path.strip_prefix("/metadata") else { return false };
        let mut parts = path.trim_start_matches('/').splitn(2, '/');
        let Some(notes) = parts.next().filter(|notes| NOTES.contains(notes)) else { return path.is_empty() };
        let declared = self.object.body.get("metadata").and_then(|metadata| metadata.get(notes));
        let name = parts.next().map(|name| name.replace("~1", "/").replace("~0", "~"));
        name.is_none_or(|name| declared.is_none_or(|declared| declared.get(&name).is_none()))
    }
}

fn is_data(path: &str) -> bool {
    path.starts_with("/data") || path.starts_with("/stringData")
}

/// The members of metadata that hold what anybody wants to note.
const NOTES: [&str; 2] = ["annotations", "labels"];

/// A change of which only the place is shown.
pub(crate) fn hidden(change: FieldChange, inner: &Inner) -> FieldChange {
    let hide = |value: Option<Value>| {
        value.map(|value| Value::Secret(Secret::new(value.to_string(), &inner.eye.secrets)))
    };
    let mut hidden = FieldChange::new(change.path, hide(change.before), hide(change.after));
    hidden.stays_with = change.stays_with;
    hidden
}

/// Whether a secret of the declaration is in a value that the server gave back.
fn holds_secret(declared: &Value, shown: Option<&Value>) -> bool {
    let Some(shown) = shown else { return false };
    match declared {
        Value::Secret(secret) => contains(shown, secret.expose()),
        Value::List(items) => items.iter().any(|item| holds_secret(item, Some(shown))),
        Value::Map(members) => members.values().any(|member| holds_secret(member, Some(shown))),
        _ => false,
    }
}

fn contains(shown: &Value, secret: &str) -> bool {
    match shown {
        Value::Text(text) => text.contains(secret),
        Value::List(items) => items.iter().any(|item| contains(item, secret)),
        Value::Map(members) => members.values().any(|member| contains(member, secret)),
        _ => false,
    }
}
