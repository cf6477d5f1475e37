//! What is written as a whole although a part of it is left to others.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::path::Step;
use crate::live::fields::{Element, FieldSet, Managed, extract};

/// Mappings and lists of one owner in which a rule leaves something, and rules that can leave nothing.
///
/// Whoever writes such a thing owns all of it, so that who owns it says nothing of what happened to our part: that
/// part is compared whoever owns the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared {
    /// The wholes.
    pub fields: FieldSet,
    /// The paths of what is left within them.
    left: Vec<Vec<Step>>,
    /// Fields that say which item of a list it is, and so can't be left by themselves.
    pub keys: Vec<String>,
}

impl Shared {
    /// Notes what a path leaves in an object.
    pub(super) fn look(&mut self, live: &Json, all: &[Managed], path: &[Step]) {
        let sets: Vec<&FieldSet> = all.iter().map(|entry| &entry.fields).collect();
        walk(live, &sets, path, &mut self.fields, &mut self.keys);
        self.left.push(path.to_vec());
    }

    /// Our part of the wholes; nothing if there are none.
    pub fn ours(&self, live: &Json) -> Option<Json> {
        if self.fields.below.is_empty() {
            return None;
        }
        // What is left goes first: an item is known by fields of its own, which may be no part of a whole.
        let mut rest = live.clone();
        self.left.iter().for_each(|path| cut(&mut rest, path));
        extract(&rest, &self.fields)
    }
}

fn walk(live: &Json, sets: &[&FieldSet], path: &[Step], wholes: &mut FieldSet, keys: &mut Vec<String>) {
    match path {
        [Step::Field(name), rest @ ..] if !rest.is_empty() => {
            let element = Element::Field(name.as_str().into());
            let (Some(live), sets) = (element.of(live), below(sets, &element)) else { return };
            let is_whole = !sets.is_empty() && sets.iter().all(|set| set.below.is_empty());
            let mut found = FieldSet { itself: is_whole, ..FieldSet::default() };
            if !is_whole {
                walk(live, &sets, rest, &mut found, keys);
            }
            keep(wholes, element, found);
        }
        [Step::Each(conditions), rest @ ..] if !rest.is_empty() => {
            let elements = sets.iter().flat_map(|set| set.below.keys()).filter(|element| element.is_keyed());
            for element in elements.cloned().collect::<BTreeSet<Element>>() {
                let Some(item) = element.of(live) else { continue };
                if !conditions.iter().all(|(name, value)| element.has(item, name, value)) {
                    continue;
                }
                if let [Step::Field(name)] = rest
                    && element.keys_of(item).contains_key(name)
                {
                    keys.push(name.clone());
                    return;
                }
                let mut found = FieldSet::default();
                walk(item, &below(sets, &element), rest, &mut found, keys);
                keep(wholes, element, found);
            }
        }
        _ => {}
    }
}

fn below<'a>(sets: &[&'a FieldSet], element: &Element) -> Vec<&'a FieldSet> {
    sets.iter().filter_map(|set| set.below.get(element)).collect()
}

fn keep(wholes: &mut FieldSet, element: Element, found: FieldSet) {
    if found.itself || !found.below.is_empty() {
        wholes.below.entry(element).or_default().merge(&found);
    }
}

/// Takes what is at a path out of a value.
pub(super) fn cut(value: &mut Json, path: &[Step]) {
    match (path, value) {
        ([Step::Field(name)], Json::Object(members)) => drop(members.remove(name)),
        ([Step::Field(name), rest @ ..], Json::Object(members)) => {
            members.get_mut(name).into_iter().for_each(|value| cut(value, rest));
        }
        ([Step::Each(conditions)], Json::Array(items)) => {
            items.retain(|item| !Step::selects(conditions, item));
        }
        ([Step::Each(conditions), rest @ ..], Json::Array(items)) => {
            let meant = items.iter_mut().filter(|item| Step::selects(conditions, item));
            meant.for_each(|item| cut(item, rest));
        }
        _ => {}
    }
}
