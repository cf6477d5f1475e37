//! What differs between what is and what should be.

use std::borrow::Cow;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::value::redact::HIDDEN;
use crate::value::{Digest, Hasher, Map, Value, credentials};

/// The fields that differ, in the order of their paths; empty if none does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diff(Vec<FieldChange>);

/// One field that differs.
///
/// A field whose value stays may be named too, with that value before and after: a target that records who owns a
/// field names so what it takes back from others, or leaves to them.
///
/// Serialised and printed, values are shown as [`Value`] shows them: secrets are masked, and so is what looks like a credential, also
/// in the path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldChange {
    /// Where the field is: a JSON pointer (RFC 6901).
    pub path: String,
    /// What it is; nothing if it is not there.
    pub before: Option<Value>,
    /// What it should be; nothing if it should not be there.
    pub after: Option<Value>,
    /// Who keeps it as it is, where it is given up and stays: another client that owns it as well.
    pub stays_with: Option<String>,
}

impl FieldChange {
    /// A field at a JSON pointer, with what it is and what it should be.
    pub fn new(path: impl Into<String>, before: Option<Value>, after: Option<Value>) -> Self {
        Self { path: path.into(), before, after, stays_with: None }
    }

    /// The same of a field that is given up and stays, because somebody else sets it.
    #[must_use]
    pub fn staying_with(mut self, whom: impl Into<String>) -> Self {
        self.stays_with = Some(whom.into());
        self
    }

    /// Where it is, as it is shown: the name of a label may be a credential.
    pub(crate) fn shown_path(&self) -> Cow<'_, str> {
        credentials::credentials(&self.path)
    }

    /// Whether its values are not to be shown: one of them is secret, or a text of a field whose name says that it is a credential.
    pub fn is_sensitive(&self) -> bool {
        let values = [&self.before, &self.after];
        let is = |what: fn(&Value) -> bool| values.iter().any(|value| value.as_ref().is_some_and(what));
        is(|value| matches!(value, Value::Secret(_)))
            || (is(|value| matches!(value, Value::Text(_))) && is_of_credential(&self.path))
    }
}

/// Whether the field of a path, or the variable that it is the value of, holds a credential by its name.
fn is_of_credential(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    match parts.next() {
        Some("value") => parts.next().is_some_and(credentials::is_variable),
        Some(name) => credentials::is_name(name),
        None => false,
    }
}

impl Serialize for FieldChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_sensitive = self.is_sensitive();
        let shown = |value: &'_ Option<Value>| match value {
            Some(Value::Text(_)) if is_sensitive => Some(serde_json::Value::from(HIDDEN)),
            value => serde_json::to_value(value).ok(),
        };
        let mut fields =
            serializer.serialize_struct("FieldChange", 3 + usize::from(self.stays_with.is_some()))?;
        fields.serialize_field("path", &self.shown_path())?;
        fields.serialize_field("before", &shown(&self.before))?;
        fields.serialize_field("after", &shown(&self.after))?;
        match &self.stays_with {
            Some(whom) => fields.serialize_field("stays_with", whom)?,
            None => fields.skip_field("stays_with")?,
        }
        fields.end()
    }
}

impl Diff {
    /// The fields.
    pub fn fields(&self) -> &[FieldChange] {
        &self.0
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<FieldChange> for Diff {
    fn from_iter<I: IntoIterator<Item = FieldChange>>(fields: I) -> Self {
        let mut fields: Vec<FieldChange> = fields.into_iter().collect();
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        Self(fields)
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.shown_path();
        let path = path.trim_start_matches('/');
        if let Some(whom) = &self.stays_with {
            let value = match &self.after {
                Some(value) if !self.is_sensitive() => format!(" {}", Shown(value)),
                _ => String::new(),
            };
            return write!(f, "{path}{value} given up, and stays: {whom} sets it too");
        }
        match (&self.before, &self.after) {
            (Some(_), None) if self.is_sensitive() => write!(f, "{path} (sensitive) removed"),
            _ if self.is_sensitive() => write!(f, "{path} (sensitive, changed)"),
            (Some(before), Some(after)) if before == after => {
                write!(f, "{path} {}: ownership reclaimed", Shown(after))
            }
            (Some(before), Some(after)) => write!(f, "{path} {} → {}", Shown(before), Shown(after)),
            (Some(before), None) => write!(f, "{path} {} removed", Shown(before)),
            (None, Some(after)) => write!(f, "{path} {} added", Shown(after)),
            (None, None) => write!(f, "{path}"),
        }
    }
}

/// A value on one short line.
struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) if text.lines().count() > 1 => write!(f, "({} lines)", text.lines().count()),
            Value::Map(members) => write!(f, "({} fields)", members.len()),
            Value::List(items) => write!(f, "({} items)", items.len()),
            value => {
                let text = value.to_string();
                match text.char_indices().nth(60) {
                    Some((end, _)) => write!(f, "{}…", &text[..end]),
                    None => f.write_str(&text),
                }
            }
        }
    }
}

/// Compares what should be with what is.
///
/// A rule that hides a field from the comparison must also keep an apply from writing it: that is why both
/// methods are here, in one place.
pub trait Differ: Send + Sync {
    /// The fields in which `live` differs from `desired`.
    fn diff(&self, desired: &Value, live: &Value) -> Diff;

    /// What to write: `desired`, with the fields that are ignored taken over from `live`.
    fn merge(&self, desired: &Value, live: &Value) -> Value;

    /// The identity of the rules; part of every plan's id.
    fn fingerprint(&self) -> Digest;
}

/// The default: compares field by field through maps; lists and scalars are compared whole.
///
/// ```
/// use gitops_core::{Differ, Structural, Value};
/// let desired = Value::map([("size", Value::from(3)), ("note", "ours".into())]);
/// let live = Value::map([("size", Value::from(2)), ("note", "theirs".into())]);
/// let differ = Structural::default().ignoring("/note");
/// let diff = differ.diff(&desired, &live);
/// assert_eq!(diff.fields()[0].to_string(), "size 2 → 3");
/// assert_eq!(differ.merge(&desired, &live).get("note"), live.get("note"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Structural {
    ignored: Vec<String>,
}

impl Structural {
    /// Leaves the field at a JSON pointer, and all below it, to others.
    #[must_use]
    pub fn ignoring(mut self, pointer: impl Into<String>) -> Self {
        self.ignored.push(pointer.into());
        self.ignored.sort();
        self
    }

    fn ignores(&self, path: &str) -> bool {
        self.ignored.binary_search_by(|pointer| pointer.as_str().cmp(path)).is_ok()
    }

    fn compare(
        &self,
        path: &str,
        after: Option<&Value>,
        before: Option<&Value>,
        found: &mut Vec<FieldChange>,
    ) {
        if after == before || self.ignores(path) {
            return;
        }
        if let (Some(Value::Map(after)), Some(Value::Map(before))) = (after, before) {
            for name in union(after, before) {
                self.compare(&below(path, name), after.get(name), before.get(name), found);
            }
            return;
        }
        found.push(FieldChange::new(path, before.cloned(), after.cloned()));
    }

    fn merged(&self, path: &str, desired: Option<&Value>, live: Option<&Value>) -> Option<Value> {
        if self.ignores(path) {
            return live.cloned();
        }
        let (Some(Value::Map(wanted)), Some(Value::Map(is))) = (desired, live) else {
            return desired.cloned();
        };
        let members = union(wanted, is).filter_map(|name| {
            let value = self.merged(&below(path, name), wanted.get(name), is.get(name))?;
            Some((name, value))
        });
        Some(Value::map(members))
    }
}

fn union<'a>(a: &'a Map, b: &'a Map) -> impl Iterator<Item = &'a str> {
    a.keys().chain(b.keys().filter(|name| !a.contains_key(name)))
}

fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

impl Differ for Structural {
    fn diff(&self, desired: &Value, live: &Value) -> Diff {
        let mut found = Vec::new();
        self.compare("", Some(desired), Some(live), &mut found);
        found.into_iter().collect()
    }

    fn merge(&self, desired: &Value, live: &Value) -> Value {
        if self.ignored.is_empty() {
            return desired.clone();
        }
        self.merged("", Some(desired), Some(live)).unwrap_or_else(|| desired.clone())
    }

    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("gitops structural diff");
        self.ignored.iter().for_each(|pointer| {
            hasher.field(pointer);
        });
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(|text| Value::from(text.as_str())),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|items| Value::List(items.into())),
                prop::collection::btree_map("[a-c/~]{1,2}", inner, 0..4).prop_map(Value::map),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_diff_is_empty_exactly_for_equal_values(a in values(), b in values()) {
            let diff = Structural::default().diff(&a, &b);
            prop_assert_eq!(diff.is_empty(), a == b);
            prop_assert_eq!(a == b, a.digest() == b.digest());
        }

        #[test]
        fn writing_what_merge_says_leaves_no_diff(a in values(), b in values()) {
            let differ = Structural::default().ignoring("/a").ignoring("/b/c");
            prop_assert!(differ.diff(&a, &differ.merge(&a, &b)).is_empty());
            prop_assert!(differ.diff(&differ.merge(&a, &b), &b).fields().iter().all(|field| field.path != "/a"));
        }
    }
}
