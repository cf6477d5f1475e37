//! What is sent to the server.

use gitops_core::{Error, ErrorKind, Key, Object, OwnerLabel, Result, Value};
use serde_json::{Value as Json, json};

use crate::change::filled;
use crate::client::schema::{Schema, nulls};
use crate::declare::manifest::is_built_in;
use crate::live::clients::Decision;
use crate::live::ignore::Rules;
use crate::live::object::{Eye, Seen};
use crate::live::owner_label;

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
    pub key: Key,
    /// Where it is declared; empty if it is not.
    pub declared_at: String,
    pub json: Json,
    pub has_secret: bool,
    /// Whether a member is null that its kind may keep.
    pub has_null: bool,
    /// The field manager of the application's former name, where the object is still under that.
    pub former_manager: Option<String>,
}

impl Document {
    /// The body with name, namespace and owner label, and nothing that a declaration can't set.
    pub fn new(object: &Object, owner_label: Option<&OwnerLabel>) -> Result<Self> {
        Self::declared(object, body(object)?, owner_label)
    }

    /// The same for an object that is there: without what is left to others.
    pub fn over(object: &Object, owner_label: Option<&OwnerLabel>, seen: &Seen, eye: &Eye) -> Result<Self> {
        let mut json = body(object)?;
        // No rule leaves what says whose the object is.
        let mut owned = seen.owned(eye);
        owner_label::strip(&mut owned);
        eye.ignore.leave(&object.key, &mut json, seen, owned);
        let mut document = Self::declared(object, json, owner_label)?;
        document.former_manager = seen.former_manager(eye).map(str::to_owned);
        Ok(document)
    }

    /// The same without what was decided to be left to other clients.
    pub fn among(
        object: &Object,
        owner_label: Option<&OwnerLabel>,
        seen: &Seen,
        eye: &Eye,
        decision: &Decision,
    ) -> Result<Self> {
        let mut document = Self::over(object, owner_label, seen, eye)?;
        Rules::leave_fields(&mut document.json, seen, seen.owned(eye), &decision.left);
        Ok(document)
    }

    fn declared(object: &Object, json: Json, owner_label: Option<&OwnerLabel>) -> Result<Self> {
        let mut document = Self::made(&object.key, json, owner_label)?.with_secret(has_secret(&object.body));
        document.declared_at = object.provenance.to_string();
        Ok(document)
    }

    /// A body as it is, and an owner label where there is one.
    pub fn of(key: &Key, json: Json, owner_label: Option<&OwnerLabel>) -> Result<Self> {
        Self::made(key, json, owner_label)
    }

    /// The same, knowing whether a secret is in it.
    pub fn with_secret(mut self, secret: bool) -> Self {
        self.has_secret |= secret;
        self
    }

    fn made(key: &Key, mut json: Json, owner_label: Option<&OwnerLabel>) -> Result<Self> {
        let refused = |what: String| Error::new(ErrorKind::Invalid, what).at(key);
        if !json.is_object() || !json["apiVersion"].is_string() || !json["kind"].is_string() {
            return Err(refused("the object has no apiVersion and kind".to_owned()));
        }
        strip(&mut json, is_built_in(key.kind()));
        let has_null = nulls::are_in(&json);
        if !json["metadata"].is_object() {
            json["metadata"] = json!({});
        }
        json["metadata"]["name"] = json!(key.name());
        if !key.namespace().is_empty() {
            json["metadata"]["namespace"] = json!(key.namespace());
        }
        if let Some(owner_label) = owner_label {
            owner_label::set(&mut json, owner_label)?;
        }
        let has_secret = json["kind"] == "Secret";
        let document = Self {
            key: key.clone(),
            declared_at: String::new(),
            json,
            has_secret,
            has_null,
            former_manager: None,
        };
        document.check_size().map_err(|error| error.at(key))?;
        Ok(document)
    }

    pub fn api_version(&self) -> &str {
        self.json["apiVersion"].as_str().unwrap_or_default()
    }

    /// The bytes, with what must hold for them to be taken. Of members that are null, those stay that the schema keeps.
    pub fn pinned(&self, pin: Pin<'_>, schema: Option<Schema<'_>>) -> Vec<u8> {
        let mut json = self.json.clone();
        if self.has_null {
            nulls::drop_unkept(schema, &mut json);
        }
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
        if whole > MAX_OBJECT {
            return Err(too_large("the object", whole, MAX_OBJECT));
        }
        let has_data = matches!(self.json["kind"].as_str(), Some("ConfigMap" | "Secret"));
        // The data is no larger than the whole, which is small most often.
        match has_data && whole > MAX_DATA {
            true => self.check_data(),
            false => Ok(()),
        }
    }

    fn check_data(&self) -> Result<()> {
        let data = ["data", "binaryData"].map(|name| self.json[name].to_string().len()).iter().sum();
        match data > MAX_DATA {
            true => Err(too_large("the data", data, MAX_DATA)),
            false => Ok(()),
        }
    }
}

fn body(object: &Object) -> Result<Json> {
    check_secrets(object)?;
    let refused = |error: Error| error.at(&object.key);
    let body = object.body.decode().map_err(|what: String| Error::new(ErrorKind::Invalid, what));
    let mut body = body.map_err(refused)?;
    if is_kind(object, "Secret") {
        filled::fold(&mut body).map_err(refused)?;
    }
    Ok(body)
}

fn is_kind(object: &Object, name: &str) -> bool {
    object.key.kind().group().is_empty() && object.key.kind().kind() == name
}

fn too_large(what: &str, bytes: usize, limit: usize) -> Error {
    Error::new(ErrorKind::Limit, format!("{what} is larger than the API server takes; it was not sent"))
        .with("bytes", bytes)
        .with("limit", limit)
        .help("split it, or mount the content by other means")
}

/// Status is the server's, null is no declaration, and identity comes from the key. Kinds that others defined may keep null.
fn strip(json: &mut Json, is_built_in: bool) {
    match is_built_in {
        true => nulls::drop_all(json),
        false => json.get_mut("metadata").map_or((), nulls::drop_all),
    }
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

/// # Errors
/// `Invalid` for a secret in a `ConfigMap`: an output that is sensitive, say.
pub(crate) fn check_secrets(object: &Object) -> Result<()> {
    if is_kind(object, "ConfigMap") && has_secret(&object.body) {
        let message = "a ConfigMap is no place for a secret: whoever may read it would see it";
        let error = Error::new(ErrorKind::Invalid, message).at(&object.key);
        return Err(error.help("put what is secret into a Secret"));
    }
    Ok(())
}

fn has_secret(value: &Value) -> bool {
    match value {
        Value::Secret(_) => true,
        Value::List(items) => items.iter().any(has_secret),
        Value::Map(members) => members.values().any(has_secret),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use gitops_core::{GroupKind, Provenance};
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            "[a-c]{0,2}".prop_map(Json::from)
        ];
        let names = prop_oneof![
            Just("metadata".to_owned()),
            Just("labels".to_owned()),
            Just("annotations".to_owned()),
            Just("apiVersion".to_owned()),
            Just("kind".to_owned()),
            Just("data".to_owned()),
            "[a-c]{1,2}",
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
                prop::collection::vec((names.clone(), inner), 0..5)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_declared_is_sent_with_its_name_and_mark_or_refused(mut body in values(), typed: bool) {
            if let (true, Some(members)) = (typed, body.as_object_mut()) {
                members.extend([("apiVersion".to_owned(), json!("v1")), ("kind".to_owned(), json!("ConfigMap"))]);
            }
            let key = Key::new("k", GroupKind::new("", "ConfigMap"), "n", "a");
            let place = Provenance::new("s", "r", "p", 1);
            let object = Object::new(key, Value::from_json(body), place);
            let owner_label = OwnerLabel { owner: "o".into(), op: "1".into() };
            if let Ok(document) = Document::new(&object, Some(&owner_label)) {
                let sent: Json = serde_json::from_slice(&document.pinned(Pin::Absent, None)).unwrap();
                prop_assert_eq!(&sent["metadata"]["name"], "a");
                prop_assert_eq!(&sent["metadata"]["annotations"][owner_label::OWNER], "o");
            }
        }
    }
}
