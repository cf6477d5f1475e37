//! What is sent to the server.

use gitops_core::{Error, ErrorKind, Key, Mark, Object, Result, Value};
use serde_json::{Value as Json, json};

use crate::mark;
use crate::treatment::Treatment;

/// What the server's store takes: 1.5 MiB.
const MAX_OBJECT: usize = 1_572_864;
/// What the data of a `ConfigMap` or `Secret` may have.
const MAX_DATA: usize = 1 << 20;

/// The state that an object must be in for a document to be taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pin<'a> {
    /// There must be no such object.
    Absent,
    /// This incarnation, at this version of the server's.
    At(&'a str, &'a str),
    /// None: for a dry run.
    Free,
}

/// A declared object as it is sent, and whether a secret is in it.
pub(crate) struct Document {
    pub json: Json,
    pub has_secret: bool,
    /// Whether the server is not asked to refuse fields that the kind does not have.
    pub lenient: bool,
}

impl Document {
    /// The body with name, namespace and mark, and nothing that a declaration can't set.
    pub fn new(object: &Object, mark: Option<&Mark>) -> Result<Self> {
        let refused = |what: String| Error::new(ErrorKind::Invalid, what).at(&object.key);
        let json: Json = object.body.decode().map_err(refused)?;
        let mut document = Self::made(&object.key, json, mark)?.with_secret(has_secret(&object.body));
        document.lenient = Treatment::of(object).lenient;
        Ok(document)
    }

    /// A body as it is, and a mark.
    pub fn of(key: &Key, json: Json, mark: &Mark) -> Result<Self> {
        Self::made(key, json, Some(mark))
    }

    /// The same, knowing whether a secret is in it.
    pub fn with_secret(mut self, secret: bool) -> Self {
        self.has_secret |= secret;
        self
    }

    fn made(key: &Key, mut json: Json, mark: Option<&Mark>) -> Result<Self> {
        let refused = |what: String| Error::new(ErrorKind::Invalid, what).at(key);
        if !json.is_object() || !json["apiVersion"].is_string() || !json["kind"].is_string() {
            return Err(refused("the object has no apiVersion and kind".to_owned()));
        }
        strip(&mut json);
        if !json["metadata"].is_object() {
            json["metadata"] = json!({});
        }
        json["metadata"]["name"] = json!(key.name());
        if !key.namespace().is_empty() {
            json["metadata"]["namespace"] = json!(key.namespace());
        }
        if let Some(mark) = mark {
            mark::set(&mut json, mark)?;
        }
        let has_secret = json["kind"] == "Secret";
        let document = Self { json, has_secret, lenient: false };
        document.check_size().map_err(|error| error.at(key))?;
        Ok(document)
    }

    pub fn api_version(&self) -> &str {
        self.json["apiVersion"].as_str().unwrap_or_default()
    }

    /// The bytes, with what must hold for them to be taken.
    pub fn pinned(&self, pin: Pin<'_>) -> Vec<u8> {
        let mut json = self.json.clone();
        match pin {
            // An object that is there has another version, and refuses; one that is not has none to compare.
            Pin::Absent => json["metadata"]["resourceVersion"] = json!("1"),
            Pin::At(uid, version) => {
                json["metadata"]["uid"] = json!(uid);
                json["metadata"]["resourceVersion"] = json!(version);
            }
            Pin::Free => {}
        }
        json.to_string().into_bytes()
    }

    fn check_size(&self) -> Result<()> {
        let whole = self.json.to_string().len();
        let data = ["data", "binaryData"].map(|name| self.json[name].to_string().len()).iter().sum();
        let has_data = matches!(self.json["kind"].as_str(), Some("ConfigMap" | "Secret"));
        match (whole > MAX_OBJECT, has_data && data > MAX_DATA) {
            (true, _) => Err(too_large("the object", whole, MAX_OBJECT)),
            (_, true) => Err(too_large("the data", data, MAX_DATA)),
            _ => Ok(()),
        }
    }
}

fn too_large(what: &str, bytes: usize, limit: usize) -> Error {
    Error::new(ErrorKind::Limit, format!("{what} is larger than the API server takes; it was not sent"))
        .with("bytes", bytes)
        .with("limit", limit)
        .help("split it, or mount the content by other means")
}

/// Status is the server's, null is no declaration, and identity comes from the key.
fn strip(json: &mut Json) {
    strip_nulls(json);
    if let Some(members) = json.as_object_mut() {
        members.remove("status");
    }
    if let Some(metadata) = json["metadata"].as_object_mut() {
        for name in ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"]
        {
            metadata.remove(name);
        }
    }
}

fn strip_nulls(json: &mut Json) {
    match json {
        Json::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(strip_nulls);
        }
        Json::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

fn has_secret(value: &Value) -> bool {
    match value {
        Value::Secret(_) => true,
        Value::List(items) => items.iter().any(has_secret),
        Value::Map(members) => members.values().any(has_secret),
        _ => false,
    }
}
