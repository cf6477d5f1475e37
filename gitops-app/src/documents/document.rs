//! The JSON documents: one kind per verb, each with a JSON Schema in `schemas/KIND.json`.

use serde::Serialize;
use serde_json::{Map, Value};

/// The version of all documents. A new field or word is minor; what is removed or means something else is major.
pub const SCHEMA_VERSION: &str = "1.0";

/// A value that is written as one JSON document. Keys are sorted, times are RFC 3339 in UTC.
pub trait Document: Serialize {
    /// The kind, which is the name of its schema.
    const KIND: &'static str;
}

/// The document on several lines, for one document per run.
pub fn pretty<D: Document>(document: &D) -> String {
    serde_json::to_string_pretty(&json(document)).expect("a JSON value is always written") + "\n"
}

/// The document on one line, for a stream of documents.
pub fn line<D: Document>(document: &D) -> String {
    serde_json::to_string(&json(document)).expect("a JSON value is always written") + "\n"
}

/// The document as JSON, for one that is a part of another.
pub fn json<D: Document>(document: &D) -> Value {
    let body = serde_json::to_value(document).expect("documents have text keys and no failing parts");
    let head = [("schema_version", SCHEMA_VERSION), ("kind", D::KIND)];
    let head = head.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text)));
    let Value::Object(body) = body else { unreachable!("a document is a mapping") };
    sorted(Value::Object(head.chain(body).collect()))
}

/// The same with sorted keys, whatever kind of map the JSON crate was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members.into_iter().collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        value => value,
    }
}
