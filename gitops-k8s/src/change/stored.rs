//! What the server stores instead of what is declared.
//!
//! The server writes some values in a normal form of their own (`1000m` as `1`), leaves out what says nothing, and adds what
//! is not declared. That is as declared. Any other value in the place of a declared one is what a webhook or a policy of the
//! cluster made of it: it is there again after each write, so the object is not as declared, and nobody may remember that it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_core::{Diagnostic, FieldChange, ForeignField, ForeignOutcome, Object, Result, Value};
use serde_json::Value as Json;

use crate::change::document::Document;
use crate::client::schema::quantity;
use crate::live::clients::Decision;
use crate::live::fields::{Element, FieldSet};
use crate::live::object::{Eye, Seen};

/// Who stores something else.
const SERVER: &str = "the API server";

/// How many characters of a value are shown.
const LONGEST: usize = 60;

/// The declared fields of which the server's answer to a write, or to its dry run, has another value, but for those that are
/// left to others.
pub(crate) fn otherwise(
    eye: &Eye,
    object: &Object,
    answer: &Seen,
    decision: &Decision,
) -> Result<Vec<ForeignField>> {
    // What is left to others is declared as they have it.
    let mut document = Document::among(object, answer.owner_label.as_ref(), answer, eye, decision)?;
    decision.renamed.without(&mut document.json);
    if is_packed_anew(&document.json) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    compare(Some(&answer.owned(eye)), &document.json, Some(&answer.json), "", &mut found);
    let hides = document.has_secret || answer.is_secret();
    found.retain(|change| !is_identity(&change.path));
    Ok(found.into_iter().map(|change| told(&change, hides)).collect())
}

/// Tells of what is stored otherwise, where nothing else does.
pub(crate) fn warning(object: &Object, fields: &[ForeignField]) -> Option<Diagnostic> {
    let what: Vec<String> = fields.iter().map(ForeignField::origin).collect();
    let message = format!("{}: {}", object.key, what.join("; "));
    (!fields.is_empty()).then(|| {
        Diagnostic::warning("GO0423", object.provenance.to_string(), message)
            .help("declare what is stored, name the field in a rule of `ignore`, or change the webhook or the policy")
    })
}

/// Name and kind are no values of a declaration: the server finds the object by them.
fn is_identity(path: &str) -> bool {
    ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"].contains(&path)
}

/// The server packs the subsets of Endpoints anew by their ports.
fn is_packed_anew(json: &Json) -> bool {
    json["kind"] == "Endpoints" && json["apiVersion"] == "v1"
}

fn told(change: &FieldChange, hides: bool) -> ForeignField {
    let is_hidden = hides || change.is_sensitive();
    let shown = |value: &Option<Value>| match value {
        None => "nothing".to_owned(),
        Some(_) if is_hidden => "(sensitive)".to_owned(),
        Some(value) => short(&value.to_string()),
    };
    let outcome =
        ForeignOutcome::StoredOtherwise { declared: shown(&change.after), stored: shown(&change.before) };
    ForeignField::new(change.path.as_str(), SERVER, outcome)
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn compare(
    owned: Option<&FieldSet>,
    declared: &Json,
    stored: Option<&Json>,
    path: &str,
    found: &mut Vec<FieldChange>,
) {
    let Some(stored) = stored else {
        if !says_nothing(declared) && !path.ends_with("/caBundle") {
            found.push(change(path, declared, None));
        }
        return;
    };
    match (declared, stored) {
        (Json::Object(members), Json::Object(_)) => {
            for (name, value) in members {
                let element = Element::Field(name.as_str().into());
                let below = owned.and_then(|owned| owned.below.get(&element));
                compare(below, value, stored.get(name), &format!("{path}/{element}"), found);
            }
        }
        (Json::Array(items), Json::Array(held)) => compare_lists(owned, items, held, stored, path, found),
        _ if is_same_form(path, declared, stored) => {}
        _ => found.push(change(path, declared, Some(stored))),
    }
}

/// Items are told apart as the server tells them; where it keeps a list of plain values as a whole, all of it counts.
fn compare_lists(
    owned: Option<&FieldSet>,
    items: &[Json],
    held: &[Json],
    stored: &Json,
    path: &str,
    found: &mut Vec<FieldChange>,
) {
    let is_equal = |declared: &Json, stored: &Json| {
        let mut differing = Vec::new();
        compare(None, declared, Some(stored), path, &mut differing);
        differing.is_empty()
    };
    let in_order =
        items.len() == held.len() && items.iter().zip(held).all(|(one, other)| is_equal(one, other));
    if in_order || items.is_empty() {
        return;
    }
    let keys = || owned.into_iter().flat_map(|owned| owned.below.iter());
    let is_of_maps = items.iter().all(Json::is_object);
    let may_grow = is_of_maps || keys().any(|(element, _)| element.is_item());
    for item in items {
        if may_grow && held.iter().any(|held| is_equal(item, held)) {
            continue;
        }
        let keyed = keys().find(|(element, _)| element.is_keyed() && element.names(item));
        let Some((element, below)) = keyed else {
            found.push(change(path, &Json::from(items.to_vec()), Some(stored)));
            return;
        };
        compare(Some(below), item, element.of(stored), &format!("{path}/{element}"), found);
    }
}

fn change(path: &str, declared: &Json, stored: Option<&Json>) -> FieldChange {
    let value = |json: &Json| Value::from_json(json.clone());
    FieldChange::new(path, stored.map(value), Some(value(declared)))
}

/// Whether two values are one in the forms that the server writes.
fn is_same_form(path: &str, declared: &Json, stored: &Json) -> bool {
    match (declared, stored) {
        (Json::Null, _) => true,
        _ if declared == stored || (says_nothing(declared) && says_nothing(stored)) => true,
        (Json::String(text), _) if text.is_empty() && !is_text(path) => true,
        (Json::Number(one), Json::Number(other)) => {
            one.as_f64() == other.as_f64() || (one.as_f64() == Some(0.0) && means_the_default(path))
        }
        (Json::String(one), Json::String(other)) => {
            is_same_bytes(path, one, other) || (!is_text(path) && is_same_text(one, other))
        }
        (Json::Number(one), Json::String(other)) => quantity::is_same(&one.to_string(), other),
        _ => false,
    }
}

/// Whether a field holds text that nobody reads another way.
fn is_text(path: &str) -> bool {
    const MAPS: [&str; 9] = [
        "/metadata/labels/",
        "/metadata/annotations/",
        "/matchLabels/",
        "/nodeSelector/",
        "/spec/selector/",
        "/parameters/",
        "/env/",
        "/args/",
        "/command/",
    ];
    path.starts_with("/data/") || MAPS.iter().any(|map| path.contains(map))
}

/// Whether 0 is no value of a field, but stands for what the server chooses.
fn means_the_default(path: &str) -> bool {
    const NAMES: [&str; 8] = [
        "periodSeconds",
        "timeoutSeconds",
        "successThreshold",
        "failureThreshold",
        "nodePort",
        "healthCheckNodePort",
        "targetPort",
        "hostPort",
    ];
    path.rsplit('/').next().is_some_and(|name| NAMES.contains(&name))
}

fn is_same_text(one: &str, other: &str) -> bool {
    let are_times = || Some(one.parse::<jiff::Timestamp>().ok()? == other.parse::<jiff::Timestamp>().ok()?);
    let are_spans = || {
        let span = |text: &str| text.parse::<jiff::SignedDuration>().ok();
        Some(span(one)? == span(other)?)
    };
    quantity::is_same(one, other) || are_times() == Some(true) || are_spans() == Some(true)
}

/// Whether both are the same bytes in base64, in a field of bytes.
fn is_same_bytes(path: &str, one: &str, other: &str) -> bool {
    let is_of_bytes = ["/data/", "/binaryData/"].iter().any(|map| path.starts_with(map));
    let bytes = |text: &str| STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok();
    (is_of_bytes || path.ends_with("/caBundle")) && bytes(one).is_some_and(|one| bytes(other) == Some(one))
}

/// Whether a value may be left out and nothing is lost by it.
pub(crate) fn says_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(flag) => !flag,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.values().all(says_nothing),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(declared: &Json, stored: &Json) -> Vec<String> {
        let owned = FieldSet::parse(&json!({"f:spec": {
            "f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}},
            "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:port": {}}},
            "f:finalizers": {"v:\"ours\"": {}}
        }}));
        let mut found = Vec::new();
        compare(Some(&owned), declared, Some(stored), "", &mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn forms_of_the_server_and_what_it_adds_are_as_declared() {
        let declared = json!({
            "metadata": {"labels": {"a": "1"}, "annotations": {}},
            "data": {"k": "YQ==\n"},
            "spec": {
                "cpu": "1000m", "memory": "1024Mi", "count": 2, "ratio": 1.0, "time": "2026-01-02T03:04:05.000Z",
                "wait": "60m", "nothing": null, "off": false, "none": [], "rules": [], "policy": "", "nodePort": 0,
                "containers": [{"name": "web", "image": "a"}],
                "ports": [{"port": 80}], "finalizers": ["ours"], "tolerations": [{"key": "x"}]
            }
        });
        let stored = json!({
            "metadata": {"labels": {"a": "1", "team": "red"}},
            "data": {"k": "YQ=="},
            "spec": {
                "cpu": "1", "memory": "1Gi", "count": "2", "ratio": 1, "time": "2026-01-02T03:04:05Z",
                "wait": "1h0m0s", "policy": "Always", "nodePort": 30000, "none": [1], "rules": null,
                "containers": [{"name": "sidecar", "image": "s"}, {"name": "web", "image": "a", "tty": true}],
                "ports": [{"port": 79, "protocol": "TCP"}, {"port": 80, "protocol": "TCP"}],
                "finalizers": ["theirs", "ours"], "tolerations": [{"key": "x"}, {"key": "y"}]
            }
        });
        assert_eq!(found(&declared, &stored), [""; 0]);
    }

    #[test]
    fn another_value_is_named_wherever_it_is() {
        let cases = [
            (json!({"data": {"a": "2"}}), json!({"data": {"a": "forced"}}), r#"data/a "forced" → "2""#),
            (json!({"data": {"a": "1000m"}}), json!({"data": {"a": "1"}}), r#"data/a "1" → "1000m""#),
            (json!({"data": {"a": ""}}), json!({"data": {"a": "x"}}), r#"data/a "x" → """#),
            (json!({"spec": {"replicas": 0}}), json!({"spec": {"replicas": 2}}), "spec/replicas 2 → 0"),
            (json!({"spec": {"on": false}}), json!({"spec": {"on": true}}), "spec/on true → false"),
            (json!({"data": {"a": "1"}}), json!({"data": {}}), r#"data/a "1" added"#),
            (json!({"spec": {"cpu": "2"}}), json!({"spec": {"cpu": "1"}}), r#"spec/cpu "1" → "2""#),
            (
                json!({"spec": {"containers": [{"name": "web", "image": "a"}]}}),
                json!({"spec": {"containers": [{"name": "web", "image": "b"}]}}),
                r#"spec/containers/name=web/image "b" → "a""#,
            ),
            (
                json!({"spec": {"finalizers": ["ours"]}}),
                json!({"spec": {"finalizers": ["theirs"]}}),
                "spec/finalizers (1 items) → (1 items)",
            ),
            (
                json!({"spec": {"args": ["a"]}}),
                json!({"spec": {"args": ["a", "b"]}}),
                "spec/args (2 items) → (1 items)",
            ),
        ];
        for (declared, stored, shown) in cases {
            assert_eq!(found(&declared, &stored), [shown]);
        }
    }
}
