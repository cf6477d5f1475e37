//! An object as the server has it, and what the engine is told of it.

use gitops_core::{Applied, Hasher, Key, Live, OwnerLabel, Presence, Secret, SecretKey, Uid, Value, Version};
use serde_json::{Value as Json, json};

use crate::live::fields::{FieldSet, Managed, extract, managed};
use crate::live::ignore::Rules;
use crate::live::{outputs, owner_label};
use crate::policy;

/// How one application looks at objects.
#[derive(Clone, Debug)]
pub(crate) struct Eye {
    /// Its field manager.
    pub manager: String,
    /// The key under which it compares secrets.
    pub secrets: SecretKey,
    /// What it leaves to others.
    pub ignore: Rules,
}

/// An object as the server has it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub json: Json,
    pub managed: Vec<Managed>,
    pub owner_label: Option<OwnerLabel>,
}

impl Seen {
    pub fn new(json: Json) -> Self {
        let managed = managed(&json);
        let owner_label = owner_label::read(&json, &managed);
        Self { json, managed, owner_label }
    }

    fn meta(&self, name: &str) -> &str {
        self.json["metadata"][name].as_str().unwrap_or_default()
    }

    pub fn api_version(&self) -> &str {
        self.json["apiVersion"].as_str().unwrap_or_default()
    }

    pub fn uid(&self) -> Uid {
        Uid::new(self.meta("uid"))
    }

    /// The server's own version, which each write of anybody moves.
    pub fn resource_version(&self) -> &str {
        self.meta("resourceVersion")
    }

    /// A JSON patch that sets the record of owners, if the object is still in this state.
    pub fn hand_over(&self, managed: &[Json]) -> Vec<u8> {
        let steps = json!([
            {"op": "test", "path": "/metadata/resourceVersion", "value": self.resource_version()},
            {"op": "add", "path": "/metadata/managedFields", "value": managed},
        ]);
        steps.to_string().into_bytes()
    }

    /// The record of owners as the server has it.
    pub fn record(&self) -> Vec<Json> {
        self.json["metadata"]["managedFields"].as_array().cloned().unwrap_or_default()
    }

    pub fn is_deleting(&self) -> bool {
        !self.json["metadata"]["deletionTimestamp"].is_null()
    }

    /// Whether an annotation on it says that it is to stay when it leaves the source, whoever put it there.
    pub fn asks_to_stay(&self) -> bool {
        policy::asks_to_stay(&self.json)
    }

    /// Our entry of the record of who owns what: that of our field manager, else that of the application that set the owner
    /// label. That is us before a renaming, or somebody else whose object we only look at.
    pub fn ours(&self, eye: &Eye) -> Option<&Managed> {
        let applies = |entry: &&Managed| entry.applies && entry.subresource.is_empty();
        let is_now = |entry: &&Managed| applies(entry) && entry.manager == eye.manager;
        let labelled = || self.managed.iter().find(|entry| applies(entry) && owner_label::is_set_by(entry));
        self.managed.iter().find(is_now).or_else(labelled)
    }

    /// The field manager of the application that owns the object, where it is not ours of now.
    pub fn former_manager(&self, eye: &Eye) -> Option<&str> {
        self.ours(eye).map(|entry| entry.manager.as_str()).filter(|manager| *manager != eye.manager)
    }

    /// The version by which the engine knows the state: it moves with the fields that we own, and with the owner label.
    /// What others do to their fields (status, scale, what an operator adds) leaves it.
    ///
    /// Of an object that we do not own, and of a Secret, whose digest could be guessed from, it is the server's.
    pub fn version(&self, eye: &Eye) -> Version {
        let ignored = eye.ignore.digest(&self.json);
        match self.ours(eye) {
            Some(ours) if self.owner_label.is_some() && !self.is_secret() => {
                Version::new(format!("f{}{ignored}", self.digest_of_ours(ours, eye)))
            }
            _ => Version::new(format!("r{}{ignored}", self.resource_version())),
        }
    }

    fn digest_of_ours(&self, ours: &Managed, eye: &Eye) -> String {
        let shared = eye.ignore.shared(self);
        let Some(part) = shared.ours(&self.json) else {
            let owned = extract(&self.json, &ours.fields).unwrap_or(Json::Null);
            return short(&Value::from_json(owned), &ours.api_version);
        };
        let mut fields = ours.fields.clone();
        fields.subtract(&shared.fields);
        let owned = json!([extract(&self.json, &fields), part]);
        short(&Value::from_json(owned), &ours.api_version)
    }

    /// The fields that a declaration of ours set: ours without the owner label; of an object that is not ours, all that a
    /// declaration could set.
    pub fn body(&self, eye: &Eye) -> Value {
        let declared = match self.ours(eye).filter(|_| self.owner_label.is_some()) {
            Some(ours) => {
                let mut fields = ours.fields.clone();
                owner_label::strip(&mut fields);
                extract(&self.json, &fields).unwrap_or_else(|| json!({}))
            }
            None => declarable(self.json.clone()),
        };
        self.masked(self.named(declared), eye)
    }

    /// Kind and name are no owned fields, and every declaration has them.
    pub fn named(&self, mut body: Json) -> Json {
        for name in ["apiVersion", "kind"] {
            body[name] = self.json[name].clone();
        }
        for name in ["name", "namespace"] {
            if !self.meta(name).is_empty() {
                body["metadata"][name] = json!(self.meta(name));
            }
        }
        body
    }

    pub fn is_secret(&self) -> bool {
        self.json["kind"] == "Secret" && self.json["apiVersion"] == "v1"
    }

    fn masked(&self, body: Json, eye: &Eye) -> Value {
        let hide = |name: &str, value: Json| match (name, value) {
            ("data" | "stringData", Json::Object(members)) => {
                Value::map(members.into_iter().map(|(name, value)| {
                    let text = value.as_str().unwrap_or_default().to_owned();
                    (name, Value::Secret(Secret::new(text, &eye.secrets)))
                }))
            }
            (_, value) => Value::from_json(value),
        };
        match (self.is_secret(), body) {
            (true, Json::Object(members)) => Value::map(members.into_iter().map(|(name, value)| {
                let value = hide(&name, value);
                (name, value)
            })),
            (_, body) => Value::from_json(body),
        }
    }

    /// What the engine is told of it, whose [version](Self::version) is known.
    pub fn live(&self, key: Key, version: Version, eye: &Eye) -> Live {
        let mut live = Live::new(key, self.uid(), version, self.body(eye));
        if let Some(owner_label) = &self.owner_label {
            live = live.owned_by(owner_label.owner.as_str());
            live.op = Some(owner_label.op.clone());
        }
        live.outputs = outputs::of(&self.json, &eye.secrets);
        live.keep = self.asks_to_stay();
        if self.is_deleting() {
            live.presence = Presence::Deleting;
        }
        live
    }

    pub fn applied(&self, version: Version) -> Applied {
        match self.is_deleting() {
            true => Applied::Deleting,
            false => Applied::Present { uid: self.uid(), version },
        }
    }

    /// The fields that we own, with the owner label.
    pub fn owned(&self, eye: &Eye) -> FieldSet {
        self.ours(eye).map(|ours| ours.fields.clone()).unwrap_or_default()
    }
}

fn short(owned: &Value, api_version: &str) -> String {
    let mut hasher = Hasher::new("gitops kubernetes version");
    hasher.field(owned.digest().as_bytes()).field(api_version);
    hasher.finish().to_string().chars().take(32).collect()
}

impl Seen {
    /// What a declaration could set.
    pub fn declarable(&self) -> Json {
        declarable(self.json.clone())
    }
}

/// What no declaration sets.
fn declarable(mut object: Json) -> Json {
    if let Some(members) = object.as_object_mut() {
        members.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for name in ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"]
        {
            metadata.remove(name);
        }
    }
    object
}
