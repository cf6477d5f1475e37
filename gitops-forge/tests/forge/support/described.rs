//! A server whose every call and answer is compared with the description that its forge publishes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::{Answered, Asked, Handler};

/// A description in the format `OpenAPI`, and what was found against it.
pub struct Description {
    document: Value,
    before: Vec<String>,
    validators: Mutex<BTreeMap<String, Arc<Validator>>>,
    seen: Mutex<BTreeSet<String>>,
    violations: Mutex<BTreeSet<String>>,
}

impl Description {
    /// Reads a description. `before` are the parts of a path that stand before those that it describes.
    pub fn read(file: &Path, before: &[&str]) -> Self {
        let bytes = std::fs::read(file).unwrap();
        Self {
            document: serde_json::from_slice(&bytes).unwrap(),
            before: before.iter().map(|part| (*part).to_owned()).collect(),
            validators: Mutex::default(),
            seen: Mutex::default(),
            violations: Mutex::default(),
        }
    }

    /// How many operations were used.
    pub fn seen(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Whether an operation was used, such as `GET /app`.
    pub fn has_seen(&self, operation: &str) -> bool {
        self.seen.lock().unwrap().contains(operation)
    }

    /// What was not as it is described.
    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().iter().cloned().collect()
    }

    fn violated(&self, what: String) {
        self.violations.lock().unwrap().insert(what);
    }

    /// The name and the description of what is asked.
    fn operation(&self, asked: &Asked) -> Option<(String, &Value)> {
        // What is beside the API has no version: `/api/graphql`.
        let beside = || asked.parts.strip_prefix(self.before.get(..1)?);
        let parts = asked.parts.strip_prefix(&*self.before).or_else(beside)?;
        let method = asked.method.as_str().to_ascii_lowercase();
        let paths = self.document["paths"].as_object()?;
        let fits = |path: &str| {
            let names: Vec<_> = path.split('/').skip(1).collect();
            let same = |(name, part): (&&str, &String)| name.starts_with('{') || name == part;
            names.len() == parts.len() && names.iter().zip(parts).all(same)
        };
        let fitting = paths.iter().filter(|(path, operations)| fits(path) && operations[&method].is_object());
        // The one with the fewest names in it is meant.
        let (path, operations) = fitting.min_by_key(|(path, _)| path.matches('{').count())?;
        Some((format!("{} {path}", asked.method), &operations[&method]))
    }

    /// What a reference within the document leads to.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(place) => self.resolved(self.document.pointer(&place[1..]).unwrap()),
            None => value,
        }
    }

    fn check(&self, name: &str, schema: &Value, value: &Value) {
        let validator = self.validators.lock().unwrap().get(name).cloned();
        let validator = validator.unwrap_or_else(|| {
            let made = Arc::new(jsonschema::validator_for(&self.whole(schema)).unwrap());
            self.validators.lock().unwrap().insert(name.to_owned(), made.clone());
            made
        });
        for error in validator.iter_errors(value) {
            let found: String =
                error.to_string().chars().rev().take(160).collect::<Vec<_>>().into_iter().rev().collect();
            self.violated(format!("{name}: {} …{found}", error.instance_path()));
        }
    }

    /// A schema with all that it refers to, in words of JSON Schema.
    fn whole(&self, schema: &Value) -> Value {
        let mut schemas = serde_json::Map::new();
        let mut open = references(schema);
        while let Some(name) = open.pop() {
            if !schemas.contains_key(&name) {
                let schema = &self.document["components"]["schemas"][&name];
                open.extend(references(schema));
                schemas.insert(name, translated(schema));
            }
        }
        json!({"allOf": [translated(schema)], "components": {"schemas": schemas}})
    }

    fn check_call(&self, name: &str, operation: &Value, asked: &Asked) {
        let parameters =
            operation["parameters"].as_array().into_iter().flatten().map(|found| self.resolved(found));
        let parameters: BTreeMap<_, _> = parameters
            .filter(|found| found["in"] == "query")
            .map(|found| (found["name"].as_str(), found))
            .collect();
        for (key, value) in &asked.query {
            match parameters.get(&Some(key.as_str())) {
                None => self.violated(format!("{name}: there is no parameter `{key}`")),
                Some(parameter) => {
                    let schema = self.resolved(&parameter["schema"]);
                    let is_number = schema["type"] == "integer";
                    let value = if is_number { json!(value.parse::<i64>().unwrap()) } else { json!(value) };
                    self.check(&format!("{name}?{key}"), schema, &value);
                }
            }
        }
        match operation["requestBody"]["content"]["application/json"].get("schema") {
            Some(schema) => {
                self.check(&format!("{name} (call)"), schema, &asked.json());
                let fields = self.resolved(schema)["properties"].as_object();
                for field in asked.json().as_object().into_iter().flatten().map(|(field, _)| field) {
                    if fields.is_some_and(|fields| !fields.contains_key(field)) {
                        self.violated(format!("{name}: there is no field `{field}`"));
                    }
                }
            }
            None if !asked.body.is_empty() => self.violated(format!("{name}: it takes no body")),
            None => {}
        }
    }

    /// The published example of an answer with our values in it, checked.
    fn answer(&self, name: &str, operation: &Value, answer: Answered) -> Answered {
        let described = self.resolved(&operation["responses"][answer.status.to_string()]);
        let content = &described["content"]["application/json"];
        let Some(schema) = content.get("schema") else { return answer };
        let examples = content["examples"].as_object().into_iter().flatten().map(|(_, example)| example);
        let example = examples.map(|example| &self.resolved(example)["value"]).next();
        let own: Value = serde_json::from_slice(&answer.body).unwrap();
        let filled = overlaid(example.unwrap_or(&Value::Null), own);
        self.check(&format!("{name} ({})", answer.status), schema, &filled);
        Answered { body: filled.to_string().into(), ..answer }
    }
}

/// The names of the schemas that a schema refers to.
fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(fields) => {
            let own = fields
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|place| place.strip_prefix("#/components/schemas/"));
            own.map(str::to_owned).into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// `OpenAPI` 3.0 says `nullable` where JSON Schema lists a type.
fn translated(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let own: serde_json::Map<_, _> = fields
                .iter()
                .filter(|(name, _)| {
                    !matches!(name.as_str(), "nullable" | "example" | "examples" | "discriminator")
                })
                .map(|(name, value)| (name.clone(), translated(value)))
                .collect();
            match fields.get("nullable") {
                Some(Value::Bool(true)) => json!({"anyOf": [own, {"type": "null"}]}),
                _ => own.into(),
            }
        }
        Value::Array(items) => items.iter().map(translated).collect(),
        other => other.clone(),
    }
}

/// What is not taken from examples: the issues of GitHub's example are pull requests.
const NOT_TAKEN: [&str; 1] = ["pull_request"];

/// A value with the fields of an example that it does not have.
fn overlaid(example: &Value, own: Value) -> Value {
    match (example, own) {
        (Value::Object(example), Value::Object(own)) => {
            let mut filled = example.clone();
            filled.retain(|name, _| !NOT_TAKEN.contains(&name.as_str()));
            for (name, value) in own {
                let before = filled.get(&name).cloned().unwrap_or_default();
                filled.insert(name, overlaid(&before, value));
            }
            filled.into()
        }
        (Value::Array(example), Value::Array(own)) => {
            let first = example.first().cloned().unwrap_or_default();
            own.into_iter().map(|item| overlaid(&first, item)).collect()
        }
        (_, own) => own,
    }
}

/// A handler whose calls and answers are compared with a description.
pub struct Described<H> {
    inner: H,
    description: Arc<Description>,
}

impl<H> Described<H> {
    pub fn new(inner: H, description: Arc<Description>) -> Self {
        Self { inner, description }
    }
}

#[async_trait]
impl<H: Handler> Handler for Described<H> {
    async fn answer(&self, asked: &Asked) -> Answered {
        let Some((name, operation)) = self.description.operation(asked) else {
            self.description.violated(format!("{} {} is not described", asked.method, asked.target));
            return Answered::empty(500);
        };
        self.description.seen.lock().unwrap().insert(name.clone());
        self.description.check_call(&name, operation, asked);
        let answer = self.inner.answer(asked).await;
        self.description.answer(&name, operation, answer)
    }
}
