use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_core::nearest;
use serde_json::Value as Json;

use super::{Schema, UNKNOWN, quantity};

/// Something of an object that its schema does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub path: Vec<Step>,
    pub message: String,
    pub help: Option<String>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

/// Everything of a body that does not fit, but for what is in `metadata`. Values are not quoted: they may be secret.
pub(crate) fn check(schema: Schema<'_>, body: &Json) -> Vec<Misfit> {
    let mut walk = Walk { path: Vec::new(), found: Vec::new() };
    let members = body.as_object().into_iter().flatten();
    let schema = schema.at(schema.of);
    let own =
        members.filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
    for (name, value) in own {
        walk.member(schema, name, value);
    }
    walk.required(schema, body);
    walk.found
}

/// How deep is looked.
const DEPTH: usize = 64;
/// How much is told.
const MOST: usize = 5;

struct Walk {
    path: Vec<Step>,
    found: Vec<Misfit>,
}

impl Walk {
    fn tell(&mut self, message: String, help: Option<String>) {
        if self.found.len() < MOST {
            self.found.push(Misfit { path: self.path.clone(), message, help });
        }
    }

    fn value(&mut self, schema: Schema<'_>, of: &Json, value: &Json) {
        if value.is_null() || self.path.len() > DEPTH {
            return;
        }
        if Schema::is_quantity(of) {
            return self.quantity(value);
        }
        let schema = schema.at(of);
        let is_free = schema.of["x-kubernetes-int-or-string"] == true
            || schema.of["format"] == "int-or-string"
            || schema.of.get("oneOf").is_some()
            || schema.of.get("anyOf").is_some();
        if is_free {
            return;
        }
        match schema.of["type"].as_str() {
            Some("object") => self.object(schema, value),
            Some("array") => self.list(schema, value),
            Some(kind) => self.scalar(schema, kind, value),
            None => {}
        }
    }

    fn object(&mut self, schema: Schema<'_>, value: &Json) {
        let Some(members) = value.as_object() else { return self.wrong_type("a mapping", value) };
        members.iter().for_each(|(name, value)| self.member(schema, name, value));
        self.required(schema, value);
    }

    fn member(&mut self, schema: Schema<'_>, name: &str, value: &Json) {
        self.path.push(Step::Name(name.to_owned()));
        match (schema.of["properties"].get(name), schema.of.get("additionalProperties")) {
            (Some(of), _) => self.value(schema, of, value),
            (None, Some(of)) if of.is_object() => self.value(schema, of, value),
            (None, Some(of)) if *of == true => {}
            _ if takes_anything(schema.of, name) => {}
            _ => {
                let help = meant(schema.of, name).map(|meant| format!("did you mean `{meant}`?"));
                self.tell(UNKNOWN.to_owned(), help);
            }
        }
        self.path.pop();
    }

    fn required(&mut self, schema: Schema<'_>, value: &Json) {
        let names = schema.of["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let is_missing =
            |name: &&str| value[*name].is_null() && schema.of["properties"][*name].get("default").is_none();
        let missing: Vec<String> = names.filter(is_missing).map(str::to_owned).collect();
        for name in missing {
            self.tell(
                format!("the field `{name}` is missing"),
                Some("every object of the kind has it".to_owned()),
            );
        }
    }

    fn list(&mut self, schema: Schema<'_>, value: &Json) {
        let Some(items) = value.as_array() else { return self.wrong_type("a list", value) };
        for (index, item) in items.iter().enumerate() {
            self.path.push(Step::Index(index));
            self.value(schema, &schema.of["items"], item);
            self.path.pop();
        }
    }

    fn scalar(&mut self, schema: Schema<'_>, kind: &str, value: &Json) {
        let (fits, what) = match kind {
            "string" => (value.is_string(), "text"),
            "integer" => (value.is_i64() || value.is_u64() || is_whole(value), "a whole number"),
            "number" => (value.is_number(), "a number"),
            "boolean" => (value.is_boolean(), "`true` or `false`"),
            _ => return,
        };
        if !fits {
            return self.wrong_type(what, value);
        }
        if schema.of["format"] == "byte" && value.as_str().is_some_and(|text| STANDARD.decode(text).is_err())
        {
            return self.tell("the value is not base64".to_owned(), None);
        }
        let known = schema.of["enum"].as_array().filter(|known| !known.contains(value));
        if let Some(known) = known {
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            self.tell(
                "the value is none of those that are known".to_owned(),
                Some(format!("write one of {}", known.join(", "))),
            );
        }
    }

    fn quantity(&mut self, value: &Json) {
        let fits = value.is_number() || value.as_str().is_some_and(quantity::is_one);
        if !fits {
            let help = "write a number with one of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei behind it, or nothing";
            self.tell("the value is no quantity".to_owned(), Some(help.to_owned()));
        }
    }

    fn wrong_type(&mut self, wanted: &str, value: &Json) {
        let is = match value {
            Json::String(_) => "text",
            Json::Number(_) => "a number",
            Json::Bool(_) => "a truth value",
            Json::Array(_) => "a list",
            Json::Object(_) => "a mapping",
            Json::Null => "nothing",
        };
        self.tell(format!("the value is {is}, and must be {wanted}"), None);
    }
}

#[allow(clippy::float_cmp, reason = "a whole number is exactly one")]
fn is_whole(value: &Json) -> bool {
    value.as_f64().is_some_and(|number| number.trunc() == number)
}

/// Whether a mapping takes members that its schema does not name.
fn takes_anything(of: &Json, name: &str) -> bool {
    let embeds =
        of["x-kubernetes-embedded-resource"] == true && matches!(name, "apiVersion" | "kind" | "metadata");
    let names_none = of["properties"].as_object().is_none_or(serde_json::Map::is_empty);
    of["x-kubernetes-preserve-unknown-fields"] == true || names_none || embeds
}

/// The field that is meant, if one is near enough.
fn meant(of: &Json, name: &str) -> Option<String> {
    let known = of["properties"].as_object()?.keys();
    nearest(name, known.map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn misfits(of: &Json, body: &Json) -> Vec<String> {
        let found = check(Schema { of, document: &Json::Null }, body);
        found.iter().map(|misfit| format!("{:?} {} {:?}", misfit.path, misfit.message, misfit.help)).collect()
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_path_and_without_its_value() {
        let schema = json!({ "type": "object", "required": ["spec"], "properties": { "spec": {
            "type": "object", "required": ["size", "mode"], "properties": {
                "size": { "type": "integer" }, "mode": { "type": "string", "enum": ["a", "b"], "default": "a" },
                "free": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                "port": { "x-kubernetes-int-or-string": true, "anyOf": [] },
                "names": { "type": "array", "items": { "type": "string" } },
                "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                "key": { "type": "string", "format": "byte" } } } } });
        let good = json!({ "spec": { "size": 3, "free": { "x": 1 }, "port": "http", "names": ["a"], "labels": { "a": "b" }, "key": "YQ==" } });
        assert_eq!(misfits(&schema, &good), [""; 0]);
        assert_eq!(
            misfits(&schema, &json!({})),
            [r#"[] the field `spec` is missing Some("every object of the kind has it")"#]
        );
        let bad = json!({ "spec": { "sizes": 1, "mode": "canary", "names": [7], "labels": { "a": 1 }, "key": "canary!" } });
        insta::assert_snapshot!(misfits(&schema, &bad).join("\n"), @r#"
        [Name("spec"), Name("key")] the value is not base64 None
        [Name("spec"), Name("labels"), Name("a")] the value is a number, and must be text None
        [Name("spec"), Name("mode")] the value is none of those that are known Some("write one of \"a\", \"b\"")
        [Name("spec"), Name("names"), Index(0)] the value is a number, and must be text None
        [Name("spec"), Name("sizes")] unknown field Some("did you mean `size`?")
        "#);
    }
}
