use serde_json::{Map, Value as Json};

use super::set::{Element, FieldSet};

/// The part of a value that a set of fields names.
pub(crate) fn extract(value: &Json, set: &FieldSet) -> Option<Json> {
    if set.below.is_empty() {
        return set.itself.then(|| value.clone());
    }
    match value {
        Json::Object(members) => Some(Json::Object(of_map(members, set))),
        Json::Array(items) => Some(Json::Array(of_list(items, value, set))),
        _ => Some(value.clone()),
    }
}

fn of_map(members: &Map<String, Json>, set: &FieldSet) -> Map<String, Json> {
    let member = |(element, below): (&Element, &FieldSet)| {
        let Element::Field(name) = element else { return None };
        Some((name.to_string(), extract(members.get(name.as_str())?, below)?))
    };
    set.below.iter().filter_map(member).collect()
}

/// The items in the order that the value has them in.
fn of_list(items: &[Json], value: &Json, set: &FieldSet) -> Vec<Json> {
    let mut found: Vec<(usize, Json)> = set
        .below
        .iter()
        .filter_map(|(element, below)| {
            let item = element.of(value)?;
            let position = items.iter().position(|candidate| std::ptr::eq(candidate, item))?;
            Some((position, extract(item, below)?))
        })
        .collect();
    found.sort_by_key(|(position, _)| *position);
    found.into_iter().map(|(_, item)| item).collect()
}

/// What is at a path of a value.
pub(crate) fn at<'a>(value: &'a Json, path: &[Element]) -> Option<&'a Json> {
    path.iter().try_fold(value, |value, element| element.of(value))
}

/// Takes out of a value what is at a path.
pub(crate) fn remove(value: &mut Json, path: &[Element]) {
    match (path, value) {
        ([Element::Field(name)], Json::Object(members)) => drop(members.remove(name.as_str())),
        ([element], Json::Array(items)) => items.retain(|item| !element.names(item)),
        ([Element::Field(name), rest @ ..], Json::Object(members)) => {
            members.get_mut(name.as_str()).into_iter().for_each(|below| remove(below, rest));
        }
        ([element, rest @ ..], Json::Array(items)) => {
            items.iter_mut().filter(|item| element.names(item)).for_each(|item| remove(item, rest));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_own_is_left_out() {
        let set = FieldSet::parse(&json!({
            "f:spec": {
                "f:replicas": {},
                "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {}}},
                "f:finalizers": {"v:\"ours\"": {}},
                "f:selector": {}
            }
        }));
        let object = json!({"spec": {
            "replicas": 2, "paused": true, "selector": {"app": "web"},
            "containers": [{"name": "sidecar"}, {"name": "web", "image": "a", "tty": true}],
            "finalizers": ["theirs", "ours"]
        }});
        let ours = json!({"spec": {
            "replicas": 2, "selector": {"app": "web"},
            "containers": [{"name": "web", "image": "a"}], "finalizers": ["ours"]
        }});
        assert_eq!(extract(&object, &set), Some(ours));
    }
}
