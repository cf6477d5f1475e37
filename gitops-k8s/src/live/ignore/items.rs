//! Items of lists that are left, or of which fields are left.

use serde_json::{Map, Value as Json};

use super::leave::descend;
use super::path::Step;
use super::sight::Sight;
use crate::live::fields::Element;

type Conditions = [(String, Json)];

/// Leaves fields of items.
///
/// An item is the one whose keys the server wrote down; in a list that has one owner, the one that fits the
/// conditions; without conditions, the one at its place.
pub(super) fn leave_within(declared: &mut [Json], sight: &Sight<'_>, conditions: &Conditions, rest: &[Step]) {
    let keyed = is_keyed(sight);
    for (at, item) in declared.iter_mut().enumerate() {
        if keyed {
            let Some(element) = meant(item, sight, conditions) else { continue };
            let Some(below) = sight.below(&element) else { continue };
            let keys = element.keys_of(item);
            descend(item, &below, rest);
            restore(item, keys);
        } else if let Some(live) = beside(item, at, sight, conditions) {
            descend(item, &sight.of_whole(live), rest);
        }
    }
}

/// Leaves whole items: those that are there stay as they are, and those that are not are not added.
pub(super) fn leave_whole(declared: &mut Vec<Json>, sight: &Sight<'_>, conditions: &Conditions) {
    let names_items = is_keyed(sight) || sight.records.elements().any(Element::is_item);
    if !names_items {
        return replace(declared, sight, conditions);
    }
    for at in (0..declared.len()).rev() {
        if let Some(element) = meant(&declared[at], sight, conditions) {
            let kept = kept(&declared[at], sight, &element);
            put(declared, at, kept);
        } else if is_absent(&declared[at], sight, conditions) {
            declared.remove(at);
        }
    }
}

/// In a list that has one owner, the items that are there take the places of those that are declared.
fn replace(declared: &mut Vec<Json>, sight: &Sight<'_>, conditions: &Conditions) {
    let live = sight.live.as_array().into_iter().flatten();
    let mut live = live.filter(|item| Step::selects(conditions, item));
    for item in declared.iter_mut().filter(|item| Step::selects(conditions, item)) {
        *item = live.next().cloned().unwrap_or(Json::Null);
    }
    declared.retain(|item| !item.is_null());
    if sight.is_of_one_owner() {
        declared.extend(live.cloned());
    }
}

/// What is written for an item that is left: what of it is ours, with the fields that say which item it is.
pub(super) fn kept(item: &Json, sight: &Sight<'_>, element: &Element) -> Option<Json> {
    let mut kept = sight.kept(element)?;
    restore(&mut kept, element.keys_of(item));
    Some(kept)
}

/// Puts an item into its place, or takes the place away.
pub(super) fn put(declared: &mut Vec<Json>, at: usize, item: Option<Json>) {
    match item {
        Some(item) => declared[at] = item,
        None => drop(declared.remove(at)),
    }
}

fn is_keyed(sight: &Sight<'_>) -> bool {
    sight.records.elements().any(Element::is_keyed)
}

/// The element of an item, if records name it, it is there and it fits the conditions.
fn meant(item: &Json, sight: &Sight<'_>, conditions: &Conditions) -> Option<Element> {
    let is_it = |element: &Element| element.names(item) && sight.below(element).is_some();
    let found = sight.records.elements().find(|element| is_it(element))?;
    conditions.iter().all(|(name, value)| found.has(item, name, value)).then(|| found.clone())
}

/// Whether an item fits the conditions and is not there. A key that it leaves out may be what the server would write.
fn is_absent(item: &Json, sight: &Sight<'_>, conditions: &Conditions) -> bool {
    let has = |(name, value): &(String, Json)| match item.get(name) {
        Some(found) => found == value,
        None => crate::live::fields::default_of_key(name).is_some_and(|default| *value == default),
    };
    let is_there =
        sight.records.elements().any(|element| element.names(item) && sight.below(element).is_some());
    !is_there && conditions.iter().all(has)
}

fn beside<'a>(item: &Json, at: usize, sight: &Sight<'a>, conditions: &Conditions) -> Option<&'a Json> {
    let items = sight.live.as_array().filter(|_| Step::selects(conditions, item))?;
    match conditions.is_empty() {
        true => items.get(at),
        false => items.iter().find(|item| Step::selects(conditions, item)),
    }
}

/// The fields that say which item it is stay, whatever is left of it.
pub(super) fn restore(item: &mut Json, keys: Map<String, Json>) {
    if let Json::Object(members) = item {
        members.extend(keys);
    }
}
