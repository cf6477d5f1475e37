use std::collections::BTreeSet;

use gitops_core::{FieldChange, Value};
use serde_json::Value as Json;

use super::set::{Element, FieldSet};

/// The fields of a set in which two states of an object differ; list items are told apart by their keys.
pub(crate) fn changes(set: &FieldSet, before: &Json, after: &Json) -> Vec<FieldChange> {
    let mut found = Vec::new();
    if before != after {
        compare(set, Some(before), Some(after), "", &mut found);
    }
    found
}

fn compare(
    set: &FieldSet,
    before: Option<&Json>,
    after: Option<&Json>,
    path: &str,
    found: &mut Vec<FieldChange>,
) {
    let (Some(was), Some(is)) = (before, after) else {
        found.push(change(path, before, after));
        return;
    };
    if set.below.is_empty() {
        found.push(change(path, before, after));
        return;
    }
    for (element, below) in &set.below {
        let (was, is) = (element.of(was), element.of(is));
        // Most fields are the same: their paths are not written.
        if was != is {
            compare(below, was, is, &format!("{path}/{element}"), found);
        }
    }
}

/// The fields outside of a set in which two states of an object differ. Items of a list are told apart as the set tells them;
/// of a list of which it has nothing, the whole is one value.
pub(crate) fn changes_outside(set: &FieldSet, before: &Json, after: &Json) -> Vec<FieldChange> {
    let mut found = Vec::new();
    outside(set, Some(before), Some(after), "", &mut found);
    found
}

fn outside(
    set: &FieldSet,
    before: Option<&Json>,
    after: Option<&Json>,
    path: &str,
    found: &mut Vec<FieldChange>,
) {
    let is_within = set.itself && set.below.is_empty();
    if before == after || is_within {
        return;
    }
    let elements = match (before, after) {
        (Some(Json::Object(_)), Some(Json::Object(_))) => members([before, after]),
        (Some(Json::Array(_)), Some(Json::Array(_))) if !set.below.is_empty() => items(set, [before, after]),
        // With a field of the set that comes or goes, all of it is in `changes`.
        _ if !set.below.is_empty() => return,
        (None, Some(Json::Object(_))) | (Some(Json::Object(_)), None) => members([before, after]),
        _ => BTreeSet::new(),
    };
    if elements.is_empty() {
        found.push(change(path, before, after));
        return;
    }
    let none = FieldSet::default();
    for element in elements {
        let [was, is] = [before, after].map(|value| value.and_then(|value| element.of(value)));
        let below = set.below.get(&element).unwrap_or(&none);
        outside(below, was, is, &format!("{path}/{element}"), found);
    }
}

fn members(values: [Option<&Json>; 2]) -> BTreeSet<Element> {
    let names = values.into_iter().flatten().filter_map(Json::as_object).flat_map(|members| members.keys());
    names.map(|name| Element::Field(name.into())).collect()
}

fn items(set: &FieldSet, values: [Option<&Json>; 2]) -> BTreeSet<Element> {
    let lists = values.into_iter().flatten().filter_map(Json::as_array);
    let known = set.below.keys().find(|element| element.is_keyed() || element.is_item());
    match known {
        Some(known) => lists.flatten().map(|item| known.like(item)).collect(),
        None => (0..lists.map(Vec::len).max().unwrap_or_default()).map(Element::At).collect(),
    }
}

/// The fields of a set, each with the value that it has before and after.
pub(crate) fn leaves<'a>(set: &FieldSet, before: &'a Json, after: &'a Json) -> Vec<Leaf<'a>> {
    let mut found = Vec::new();
    each_leaf(set, [Some(before), Some(after)], &mut Vec::new(), &mut found);
    found
}

/// One field of a set.
pub(crate) struct Leaf<'a> {
    /// The steps to it.
    pub path: Vec<Element>,
    before: Option<&'a Json>,
    /// Its value after a change.
    pub after: Option<&'a Json>,
}

impl Leaf<'_> {
    /// The field with both of its values.
    pub fn change(&self) -> FieldChange {
        change(&super::set::shown(&self.path), self.before, self.after)
    }
}

fn each_leaf<'a>(
    set: &FieldSet,
    [before, after]: [Option<&'a Json>; 2],
    path: &mut Vec<Element>,
    found: &mut Vec<Leaf<'a>>,
) {
    if set.below.is_empty() {
        found.extend(set.itself.then(|| Leaf { path: path.clone(), before, after }));
        return;
    }
    for (element, below) in &set.below {
        let values = [before, after].map(|value| value.and_then(|value| element.of(value)));
        path.push(element.clone());
        each_leaf(below, values, path, found);
        path.pop();
    }
}

fn change(path: &str, before: Option<&Json>, after: Option<&Json>) -> FieldChange {
    let value = |json: Option<&Json>| json.cloned().map(Value::from_json);
    FieldChange::new(path.to_owned(), value(before), value(after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_named_by_its_key() {
        let set = FieldSet::parse(&json!({"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}));
        let [before, after] =
            ["a", "b"].map(|image| json!({"containers": [{"name": "web", "image": image}], "other": image}));
        let found = changes(&set, &before, &after);
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(shown, [r#"containers/name=web/image "a" → "b""#]);
        assert!(changes(&set, &before, &before).is_empty());
    }

    #[test]
    fn what_is_outside_of_a_set_is_named_once_and_what_is_in_it_is_not() {
        let set = FieldSet::parse(&json!({
            "f:data": {"f:x": {}}, "f:whole": {}, "f:new": {"f:x": {}},
            "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {}}},
            "f:finalizers": {"v:\"ours\"": {}}
        }));
        let item = |name: &str, image: &str, tty: bool| json!({"name": name, "image": image, "tty": tty});
        let before = json!({
            "data": {"x": "1", "y": "1"}, "whole": {"a": 1}, "finalizers": ["ours"], "alien": [1],
            "containers": [item("web", "a", false)]
        });
        let after = json!({
            "data": {"x": "2", "y": "2"}, "whole": {"a": 2}, "finalizers": ["theirs"], "alien": [1, 2],
            "containers": [item("sidecar", "s", false), item("web", "b", true)],
            "new": {"x": 1, "default": 1}, "labels": {"a": {"b": "c"}}
        });
        let found = changes_outside(&set, &before, &after);
        let paths: Vec<&str> = found.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "/alien",
                "/containers/name=sidecar/image",
                "/containers/name=sidecar/name",
                "/containers/name=sidecar/tty",
                "/containers/name=web/tty",
                "/data/y",
                "/finalizers/theirs",
                "/labels/a/b",
            ]
        );
        assert!(changes_outside(&set, &after, &after).is_empty());
    }
}
