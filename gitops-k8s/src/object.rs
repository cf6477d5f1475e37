//! An object as the server has it, and what the engine is told of it.

use gitops_core::{Applied, Hasher, Key, Live, Mark, Presence, Secret, SecretKey, Uid, Value, Version};
use serde_json::{Value as Json, json};

use crate::fields::{FieldSet, Managed, extract, managed};
use crate::ignore::Rules;
use crate::{mark, outputs};

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
    pub mark: Option<Mark>,
}

impl Seen {
    pub fn new(json: Json) -> Self {
        let managed = managed(&json);
        let mark = mark::read(&json, &managed);
        Self { json, managed, mark }
    }

    fn meta(&self, name: &str) -> &str {
        self.json["metadata"][name].as_str().unwrap_or_default()
    }

    pub fn uid(&self) -> Uid {
        Uid::new(self.meta("uid"))
    }

    /// The server's own version, which each write of anybody moves.
    pub fn resource_version(&self) -> &str {
        self.meta("resourceVersion")
    }

    pub fn is_deleting(&self) -> bool {
        !self.json["metadata"]["deletionTimestamp"].is_null()
    }

    /// Our entry of the record of who owns what.
    pub fn ours(&self, eye: &Eye) -> Option<&Managed> {
        self.managed
            .iter()
            .find(|entry| entry.applies && entry.manager == eye.manager && entry.subresource.is_empty())
    }

    /// The version by which the engine knows the state: it moves with the fields that we own, and with the mark.
    /// What others do to their fields (status, scale, what an operator adds) leaves it.
    ///
    /// Of an object that we do not own, and of a Secret, whose digest could be guessed from, it is the server's.
    pub fn version(&self, eye: &Eye) -> Version {
        let ignored = eye.ignore.digest(&self.json);
        match self.ours(eye) {
            Some(ours) if self.mark.is_some() && !self.is_secret() => {
                let owned = extract(&self.json, &ours.fields).unwrap_or(Json::Null);
                Version::new(format!("f{}{ignored}", short(&Value::from_json(owned), &ours.api_version)))
            }
            _ => Version::new(format!("r{}{ignored}", self.resource_version())),
        }
    }

    /// The fields that a declaration of ours set: ours without the mark; of an object that is not ours, all that a
    /// declaration could set.
    pub fn body(&self, eye: &Eye) -> Value {
        let declared = match self.ours(eye).filter(|_| self.mark.is_some()) {
            Some(ours) => {
                let mut fields = ours.fields.clone();
                mark::strip(&mut fields);
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
        if let Some(mark) = &self.mark {
            live = live.owned_by(mark.owner.as_str());
            live.op = Some(mark.op.clone());
        }
        live.outputs = outputs::of(&self.json, &eye.secrets);
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

    /// The fields that we own, with the mark.
    pub fn owned(&self, eye: &Eye) -> FieldSet {
        self.ours(eye).map(|ours| ours.fields.clone()).unwrap_or_default()
    }
}

fn short(owned: &Value, api_version: &str) -> String {
    let mut hasher = Hasher::new("gitops kubernetes version");
    hasher.field(owned.digest().as_bytes()).field(api_version);
    hasher.finish().to_string().chars().take(32).collect()
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
