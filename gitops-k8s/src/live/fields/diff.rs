use gitops_core::{FieldChange, Value};
use serde_json::Value as Json;

use super::set::FieldSet;

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

/// The fields that are in one of two sets only, each with the value that it has and keeps.
pub(crate) fn transfers(was: &FieldSet, is: &FieldSet, value: &Json) -> Vec<FieldChange> {
    let (mut found, none) = (Vec::new(), FieldSet::default());
    transfer(was, is, &none, Some(value), "", &mut found);
    found
}

fn transfer(
    was: &FieldSet,
    is: &FieldSet,
    none: &FieldSet,
    value: Option<&Json>,
    path: &str,
    found: &mut Vec<FieldChange>,
) {
    if was == is {
        return;
    }
    if was.below.is_empty() && is.below.is_empty() {
        found.push(change(path, value, value));
        return;
    }
    let mut elements: Vec<_> = was.below.keys().chain(is.below.keys()).collect();
    elements.sort();
    elements.dedup();
    for element in elements {
        let [was, is] = [was, is].map(|set| set.below.get(element).unwrap_or(none));
        let below = value.and_then(|value| element.of(value));
        transfer(was, is, none, below, &format!("{path}/{element}"), found);
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
}
