use std::fmt;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use smol_str::SmolStr;

use super::redact::HIDDEN;
use super::{Digest, Hasher, Map, Number, Placeholder, Secret, credentials};

/// A structured value: the body of an object, or a part of it.
///
/// Maps are ordered, numbers exact, and secrets a variant of their own. Cloning shares the content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing, written down.
    Null,
    /// A truth value.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// Text.
    Text(Arc<str>),
    /// Bytes that are not text.
    Bytes(Arc<[u8]>),
    /// Text that must not be shown.
    Secret(Secret),
    /// A sequence.
    List(Arc<[Value]>),
    /// A mapping from names, in the order of the names.
    Map(Map),
    /// What is not known before other objects are there. Only declarations have placeholders: the engine fills them before it
    /// plans, and a target never sees one.
    Placeholder(Arc<Placeholder>),
}

impl Value {
    /// A mapping made of pairs; a later pair replaces an earlier one of the same name.
    pub fn map<K: Into<SmolStr>>(pairs: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Map(pairs.into_iter().collect())
    }

    /// Text if the bytes are UTF-8, else bytes.
    pub fn text_or_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::Text(text.into()),
            Err(_) => Self::Bytes(bytes),
        }
    }

    /// The member of a mapping.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Map(members) => members.get(name),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The content of text or bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The digest of the value; equal values have equal digests.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("gitops value");
        self.feed(&mut hasher);
        hasher.finish()
    }

    fn feed(&self, hasher: &mut Hasher) {
        match self {
            Self::Null => hasher.field("n"),
            Self::Bool(value) => hasher.field(if *value { "t" } else { "f" }),
            Self::Number(number) => hasher.field("d").field(number.as_str()),
            Self::Text(text) => hasher.field("s").field(&**text),
            Self::Bytes(bytes) => hasher.field("b").field(bytes),
            Self::Secret(secret) => hasher.field("x").field(secret.digest().as_bytes()),
            Self::List(items) => {
                hasher.field("l").field(items.len().to_le_bytes());
                items.iter().for_each(|item| item.feed(hasher));
                hasher
            }
            Self::Map(members) => {
                hasher.field("m").field(members.len().to_le_bytes());
                for (name, value) in members.iter() {
                    hasher.field(name);
                    value.feed(hasher);
                }
                hasher
            }
            Self::Placeholder(placeholder) => {
                hasher.field("h");
                placeholder.feed(hasher);
                hasher
            }
        };
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl Value {
    /// The value as it is shown: what looks like a credential is masked, and so is a text whose name says that it is one.
    #[must_use]
    pub fn shown(&self) -> Self {
        match self {
            Self::Text(text) => Self::from(&*credentials::credentials(text)),
            Self::List(items) => Self::List(items.iter().map(Self::shown).collect()),
            Self::Map(members) => {
                let is_variable = is_variable(members);
                Self::map(members.iter().map(|(name, value)| match value {
                    // What is masked already may say more.
                    Self::Text(text)
                        if is_of_credential(name, is_variable) && !text.starts_with("(sensitive") =>
                    {
                        (name, Self::from(HIDDEN))
                    }
                    value => (name, value.shown()),
                }))
            }
            value => value.clone(),
        }
    }
}

/// Whether a map is a variable of a program, as a container has them, whose value is a credential.
fn is_variable(members: &Map) -> bool {
    members.get("name").and_then(Value::as_text).is_some_and(credentials::is_variable)
}

fn is_of_credential(name: &str, is_variable: bool) -> bool {
    credentials::is_name(name) || (is_variable && name == "value")
}

/// Text for people: JSON, with `(sensitive)` for a secret and a count for bytes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// Serialises for people and programs that *read*: secrets are masked, bytes are counted. There is no way
/// back, on purpose: nothing that was shown is ever applied.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => match number.as_i64() {
                Some(value) => serializer.serialize_i64(value),
                None => serializer.serialize_str(number.as_str()),
            },
            Self::Text(text) => serializer.serialize_str(&credentials::credentials(text)),
            Self::Bytes(bytes) => serializer.collect_str(&format_args!("({} bytes)", bytes.len())),
            Self::Secret(secret) => serializer.collect_str(secret),
            Self::Placeholder(placeholder) => serializer.collect_str(placeholder),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                let is_variable = is_variable(members);
                members.iter().try_for_each(|(name, value)| match value {
                    Self::Text(_) if is_of_credential(name, is_variable) => map.serialize_entry(name, HIDDEN),
                    value => map.serialize_entry(name, value),
                })?;
                map.end()
            }
        }
    }
}
