//! What others may use of an object: the data of a `ConfigMap`, and of a `Secret` as secrets.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_core::{Secret, SecretKey, Value};
use serde_json::Value as Json;

/// The data by name, whoever set it. Values that are no text are left out.
pub(crate) fn of(json: &Json, secrets: &SecretKey) -> BTreeMap<String, Value> {
    let read: &dyn Fn(&str) -> Option<Value> = match (json["apiVersion"].as_str(), json["kind"].as_str()) {
        (Some("v1"), Some("ConfigMap")) => &|text| Some(text.into()),
        (Some("v1"), Some("Secret")) => &|text| {
            let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
            Some(Value::Secret(Secret::new(text, secrets)))
        },
        _ => return BTreeMap::new(),
    };
    let data = json["data"].as_object().into_iter().flatten();
    data.filter_map(|(name, value)| Some((name.clone(), read(value.as_str()?)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_is_there_for_others_and_that_of_a_secret_stays_one() {
        let key = SecretKey::new([7; 32]);
        let object = |kind: &str| json!({ "apiVersion": "v1", "kind": kind, "data": { "a": "b3Blbg==", "b": "\u{1}" } });
        assert_eq!(of(&object("ConfigMap"), &key)["a"].as_text(), Some("b3Blbg=="));
        let secret = of(&object("Secret"), &key);
        assert_eq!(secret.len(), 1, "what can't be decoded is left out");
        assert!(matches!(&secret["a"], Value::Secret(text) if text.expose() == "open"));
        assert!(of(&object("Pod"), &key).is_empty());
    }
}
