//! What a dry run said that a declaration becomes, held against what the write left.
//!
//! A webhook may do something else where it is asked without an effect, and then a plan shows a change that its apply does not
//! make. Both answers are the server's own, so what it writes in another form is the same in both.

use gitops_core::{Object, Value};
use serde_json::Value as Json;

/// The declared part of an object as a dry run answered it. Metadata is left out: our owner label is another one in each write.
pub(crate) fn expected(declared: &Json, answered: &Json) -> Json {
    let mut part = part(declared, answered).unwrap_or_default();
    if let Some(members) = part.as_object_mut() {
        members.remove("metadata");
        members.remove("status");
    }
    part
}

fn part(declared: &Json, answered: &Json) -> Option<Json> {
    match (declared, answered) {
        (Json::Object(declared), Json::Object(answered)) => {
            let member =
                |(name, value): (&String, &Json)| Some((name.clone(), part(value, answered.get(name)?)?));
            Some(declared.iter().filter_map(member).collect())
        }
        // Where the server adds items, none is known by its place.
        (Json::Array(declared), Json::Array(answered)) if declared.len() == answered.len() => {
            let items = declared.iter().zip(answered);
            Some(items.map(|(declared, answered)| part(declared, answered).unwrap_or_default()).collect())
        }
        (Json::Array(_) | Json::Object(_) | Json::Null, _) => None,
        (_, answered) => Some(answered.clone()),
    }
}

/// The declaration with what the server holds in the fields that are otherwise than expected; nothing if there are none.
pub(crate) fn held(object: &Object, expected: &Json, actual: &Json) -> Option<Value> {
    let mut fields = Vec::new();
    differing(expected, actual, String::new(), &mut fields);
    let mut body: Json = object.body.decode().ok().filter(|_| !fields.is_empty())?;
    for field in fields {
        if let Some(place) = body.pointer_mut(&field) {
            *place = actual.pointer(&field).cloned().unwrap_or_default();
        }
    }
    Some(Value::from_json(body))
}

fn differing(expected: &Json, actual: &Json, path: String, found: &mut Vec<String>) {
    match (expected, actual) {
        (Json::Null, _) => {}
        (Json::Object(expected), Json::Object(actual)) => {
            for (name, expected) in expected {
                let below = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                match actual.get(name) {
                    Some(actual) => differing(expected, actual, below, found),
                    None => found.push(below),
                }
            }
        }
        (Json::Array(expected), Json::Array(actual)) => {
            let items = expected.iter().zip(actual).enumerate().filter(|_| expected.len() == actual.len());
            for (index, (expected, actual)) in items {
                differing(expected, actual, format!("{path}/{index}"), found);
            }
        }
        (expected, actual) if expected == actual => {}
        _ => found.push(path),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(declared: &Json, dry: &Json, actual: &Json) -> Vec<String> {
        let mut found = Vec::new();
        differing(&expected(declared, dry), actual, String::new(), &mut found);
        found
    }

    #[test]
    fn only_declared_fields_in_which_the_server_did_otherwise_than_it_said_are_found() {
        let declared = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"cpu": "1000m", "n": 1, "ports": [{"p": 1}], "l": [1]}});
        let dry = json!({"metadata": {}, "spec": {"cpu": "1", "n": 1, "added": 1, "ports": [{"p": 1, "d": "x"}], "l": [1, 2]}});
        assert_eq!(fields(&declared, &dry, &dry), [""; 0], "another form of a value is the same in both");
        let mut actual = dry.clone();
        actual["spec"]["added"] = json!(2);
        actual["spec"]["ports"][0]["d"] = json!("y");
        actual["spec"]["l"] = json!([3]);
        actual["metadata"] = json!({"labels": {"a": "2"}});
        assert_eq!(fields(&declared, &dry, &actual), [""; 0], "nobody declared these, or can tell");
        actual["spec"]["ports"][0]["p"] = json!(2);
        actual["spec"]["cpu"] = json!("2");
        actual["spec"].as_object_mut().unwrap().remove("n");
        assert_eq!(fields(&declared, &dry, &actual), ["/spec/cpu", "/spec/n", "/spec/ports/0/p"]);
        actual["spec"]["ports"] = json!([{"p": 9}, {"p": 1}]);
        assert_eq!(fields(&declared, &dry, &actual), ["/spec/cpu", "/spec/n"], "items moved");
    }
}
