//! Declared fields that a rule leaves to the managers that it names, for as long as those have them.

use gitops_core::{ForeignField, ForeignOutcome};
use serde_json::Value as Json;

use super::Ignore;
use crate::live::fields::{Element, FieldSet, shown};
use crate::live::object::Seen;

impl Ignore {
    /// The declared fields that are left, one by one.
    pub(super) fn left(&self, seen: &Seen, declared: &Json) -> Vec<ForeignField> {
        let mut found = Vec::new();
        for entry in seen.managed.iter().filter(|entry| self.names(&entry.manager)) {
            let why = "a rule of `ignore` names it".to_owned();
            let field = |path: &[Element]| {
                ForeignField::new(shown(path), &*entry.manager, ForeignOutcome::Left { why: why.clone() })
            };
            each(&entry.fields, declared, &mut Vec::new(), &mut |path| found.push(field(path)));
        }
        found
    }
}

/// Goes through the fields of a set that a declaration has.
fn each(set: &FieldSet, declared: &Json, path: &mut Vec<Element>, tell: &mut impl FnMut(&[Element])) {
    for (element, below) in &set.below {
        let Some(value) = element.of(declared) else { continue };
        path.push(element.clone());
        match below.below.is_empty() {
            true => tell(&*path),
            false => each(below, value, path, tell),
        }
        path.pop();
    }
}
