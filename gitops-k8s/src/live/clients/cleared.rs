//! Members that the server filled in, and that are in the way of what is declared.

use gitops_core::{FieldChange, Hasher, Value};
use serde_json::Value as Json;

use super::is_predecessor;
use crate::client::cluster::Failure;
use crate::live::fields::{Element, FieldSet, at, shown};
use crate::live::object::{Eye, Seen};

/// What the server set by default for what was declared before, is nobody's, and is refused beside what is declared now: the
/// `rollingUpdate` of a strategy that becomes `Recreate`. An apply takes away only what is its own, so it becomes ours first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cleared {
    fields: FieldSet,
    /// For the plan.
    pub changes: Vec<FieldChange>,
}

impl Cleared {
    /// What a refusal says to be in the way; nothing if any of it is declared, or is somebody's.
    pub fn of(failure: &Failure, seen: &Seen, declared: &Json, eye: &Eye) -> Self {
        let mut found = Self::default();
        for cause in &failure.causes {
            let path = path_of(&cause.field)
                .filter(|_| !cause.is_immutable())
                .filter(|path| at(declared, path).is_none() && is_nobodys(seen, path, eye));
            let Some(path) = path else { return Self::default() };
            let Some(value) = at(&seen.json, &path) else { return Self::default() };
            found.changes.push(FieldChange::new(shown(&path), Some(Value::from_json(value.clone())), None));
            found.fields.insert(&path);
        }
        found
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub fn stand_for(&self, hasher: &mut Hasher) {
        for change in &self.changes {
            hasher.field("cleared").field(&change.path);
        }
    }

    /// A record of owners with these members as ours.
    pub fn taken_over(&self, record: Vec<Json>, eye: &Eye) -> Vec<Json> {
        let take = |mut entry: Json| {
            if entry["manager"] == *eye.manager
                && entry["operation"] == "Apply"
                && entry["subresource"].is_null()
            {
                let mut fields = FieldSet::parse(&entry["fieldsV1"]);
                fields.merge(&self.fields);
                entry["fieldsV1"] = fields.to_json();
            }
            entry
        };
        record.into_iter().map(take).collect()
    }
}

/// The path of `spec.strategy.rollingUpdate`; nothing for one that leads through a list or a quoted name.
fn path_of(field: &str) -> Option<Vec<Element>> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let names: Vec<&str> = field.split('.').collect();
    let is_within = names.len() > 1 && names[0] == "spec" && names.iter().all(|name| is_name(name));
    is_within.then(|| names.into_iter().map(|name| Element::Field(name.into())).collect())
}

/// Whether no record has a member; of an object that is being adopted, those of its predecessors become ours.
fn is_nobodys(seen: &Seen, path: &[Element], eye: &Eye) -> bool {
    let is_adopted = seen.owner_label.is_none();
    let counts = |manager: &str| manager != eye.manager && !(is_adopted && is_predecessor(seen, manager));
    let has = |fields: &FieldSet| {
        let above = (1..path.len()).filter_map(|length| fields.at(&path[..length]));
        fields.at(path).is_some() || above.into_iter().any(|set| set.below.is_empty())
    };
    !seen.managed.iter().any(|entry| counts(&entry.manager) && has(&entry.fields))
}
