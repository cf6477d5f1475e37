//! What is known of declared fields that are left to other clients.
//!
//! Such a field is not written, whatever is declared. Once its client goes, a difference is drift if the declared value is the
//! one that was written last, and a change of the source if a commit came in between.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use crate::state::record::{Owned, OwnedState};
use crate::value::{Digest, ForeignField, Value};

/// The fields of one object that are left to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftFields {
    /// What was written last of each, as far as that is known.
    pub written: BTreeMap<SmolStr, Digest>,
    /// Whether that is what is declared.
    pub are_as_written: bool,
}

impl LeftFields {
    /// What is known of them by the entry of the same incarnation.
    pub fn of(foreign: &[ForeignField], body: &Value, entry: Option<&Owned>) -> Self {
        let entry = entry.filter(|entry| entry.state == OwnedState::Held);
        let mut found = Self { written: BTreeMap::new(), are_as_written: true };
        for field in foreign.iter().filter(|field| field.is_left()) {
            let declared = at(body, &field.path);
            let written = entry.and_then(|entry| match entry.left_fields.get(field.path.as_str()) {
                Some(written) => Some(*written),
                None => (entry.desired == Some(body.digest())).then_some(declared),
            });
            found.are_as_written &= written == Some(declared);
            found
                .written
                .insert(field.path.as_str().into(), written.unwrap_or_else(|| Digest::of(b"unknown")));
        }
        found
    }
}

/// The digest of what is declared at a path: that of all that is declared, if the path can't be followed.
fn at(body: &Value, path: &str) -> Digest {
    let mut steps = path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    let found = steps.try_fold(body, |value, step| match value {
        Value::Map(_) => value.get(&step),
        Value::List(items) => items.iter().find(|item| is_named(item, &step)),
        _ => None,
    });
    found.map_or_else(|| body.digest(), Value::digest)
}

/// Whether an item of a list has the keys of a step, `name=web,port=80`. A key that it leaves out may have any value.
fn is_named(item: &Value, step: &str) -> bool {
    step.split(',').all(|key| {
        let Some((name, value)) = key.split_once('=') else { return false };
        item.get(name).is_none_or(|found| found.to_string().trim_matches('"') == value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_path_and_one_that_is_not_stands_for_the_whole() {
        let item =
            |name: &str, image: &str| Value::map([("name", Value::from(name)), ("image", image.into())]);
        let body = |image: &str| {
            let items = vec![item("log", "x"), item("web", image)];
            Value::map([
                ("replicas", Value::from(2)),
                ("a/b", image.into()),
                ("list", Value::List(items.into())),
            ])
        };
        let is_same = |path: &str| at(&body("1"), path) == at(&body("2"), path);
        let told =
            ["/replicas", "/list/name=log/image", "/list/name=web/image", "/a~1b", "/list/odd", "/none"]
                .map(is_same);
        assert_eq!(told, [true, true, false, false, false, false]);
    }
}
