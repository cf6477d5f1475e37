//! Members that are null: nothing is declared by them, but where a kind keeps whatever it is given.

use serde_json::Value as Json;

use super::Schema;

/// Takes out every member that is null, but for what a schema keeps without knowing it.
pub(crate) fn drop_unkept(schema: Option<Schema<'_>>, json: &mut Json) {
    match schema {
        Some(schema) => by(schema.at(schema.of), json),
        None => drop_all(json),
    }
}

/// Takes out every member that is null.
pub(crate) fn drop_all(json: &mut Json) {
    match json {
        Json::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(drop_all);
        }
        Json::Array(items) => items.iter_mut().for_each(drop_all),
        _ => {}
    }
}

/// Whether any member is null.
pub(crate) fn are_in(json: &Json) -> bool {
    match json {
        Json::Object(members) => members.values().any(|value| value.is_null() || are_in(value)),
        Json::Array(items) => items.iter().any(are_in),
        _ => false,
    }
}

fn by(schema: Schema<'_>, json: &mut Json) {
    match json {
        Json::Object(members) => {
            let known = |name: &str| schema.of["properties"].get(name).or_else(|| of_all(schema.of));
            let keeps = schema.of["x-kubernetes-preserve-unknown-fields"] == true;
            members.retain(|name, value| !value.is_null() || (keeps && known(name).is_none()));
            for (name, value) in members.iter_mut() {
                match known(name) {
                    Some(of) => by(schema.at(of), value),
                    None if keeps => {}
                    None => drop_all(value),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| by(schema.at(&schema.of["items"]), item)),
        _ => {}
    }
}

fn of_all(of: &Json) -> Option<&Json> {
    of.get("additionalProperties").filter(|of| of.is_object())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_is_kept_only_where_anything_is() {
        let of = json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
            "values": { "x-kubernetes-preserve-unknown-fields": true }, "size": { "type": "integer" },
            "list": { "type": "array", "items": { "type": "object", "properties": { "a": { "type": "string" } } } } } } } });
        let schema = Schema { of: &of, document: &Json::Null };
        let mut body = json!({ "metadata": { "labels": null }, "spec": { "size": null, "list": [{ "a": null }],
            "values": { "limits": { "cpu": null } } } });
        drop_unkept(Some(schema), &mut body);
        assert_eq!(
            body,
            json!({ "metadata": {}, "spec": { "list": [{}], "values": { "limits": { "cpu": null } } } })
        );
        drop_unkept(None, &mut body);
        assert!(!are_in(&body));
    }
}
