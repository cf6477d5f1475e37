use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::value::{Error, ErrorKind, GroupKind, Key, Refusal, Result, Value, Version};

/// An object as a service shows it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Item {
    /// By which the service addresses it.
    pub id: String,
    /// The name of its key.
    pub name: String,
    /// Which incarnation it is, where the id is a name that can be used again (an `oid`, a `uid`).
    pub incarnation: Option<String>,
    /// Which state of it, if the service has versions.
    pub version: Option<Version>,
    /// Its fields: a [`Value::Map`], or why they can't be read.
    pub fields: Result<Value, Refusal>,
    /// The owner label: the text that was written with the object, as it was written.
    pub label: Option<String>,
    /// Whether its deletion was accepted and is not finished.
    pub is_deleting: bool,
    /// What others may use of it.
    pub outputs: BTreeMap<String, Value>,
}

impl Item {
    /// An object with these fields.
    pub fn new(id: impl ToString, name: impl ToString, fields: Value) -> Self {
        Self {
            id: id.to_string(),
            name: name.to_string(),
            incarnation: None,
            version: None,
            fields: Ok(fields),
            label: None,
            is_deleting: false,
            outputs: BTreeMap::new(),
        }
    }

    /// An object whose fields are those of a serde type. Fields that are `null` are left out.
    pub fn encode(id: impl ToString, name: impl ToString, fields: &impl Serialize) -> Self {
        match Value::encode(fields) {
            Ok(Value::Map(members)) => {
                let set = members.iter().filter(|(_, value)| **value != Value::Null);
                Self::new(id, name, Value::map(set.map(|(name, value)| (name, value.clone()))))
            }
            Ok(_) => Self::unreadable(id, name, "it is no mapping of fields"),
            Err(reason) => Self::unreadable(id, name, reason),
        }
    }

    /// An object that is there and can't be read. The others of the list are not affected.
    pub fn unreadable(id: impl ToString, name: impl ToString, reason: impl Into<Refusal>) -> Self {
        Self { fields: Err(reason.into()), ..Self::new(id, name, Value::Null) }
    }

    /// The same with its owner label; an empty one is none.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into()).filter(|label| !label.is_empty());
        self
    }

    /// The same in this version.
    #[must_use]
    pub fn version(mut self, version: impl ToString) -> Self {
        self.version = Some(Version::new(version.to_string()));
        self
    }

    /// The same of this incarnation.
    #[must_use]
    pub fn incarnation(mut self, incarnation: impl ToString) -> Self {
        self.incarnation = Some(incarnation.to_string());
        self
    }

    /// The same, on its way out if so.
    #[must_use]
    pub fn deleting(mut self, is_deleting: bool) -> Self {
        self.is_deleting = is_deleting;
        self
    }

    /// The same with something that others may use; what is secret as [`Value::Secret`].
    #[must_use]
    pub fn output(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.outputs.insert(name.to_owned(), value.into());
        self
    }
}

/// Which objects a list is of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// Of this kind.
    pub kind: GroupKind,
    /// In this namespace; empty where there are none.
    pub namespace: String,
    /// Only objects of this name are needed: a service that can filter does, others need not look at it.
    pub name: Option<String>,
    /// The token of the page, as the page before it gave it; nothing for the first one.
    pub page: Option<String>,
}

impl Query {
    /// The objects of one name.
    pub fn of(key: &Key) -> Self {
        Self { name: Some(key.name().to_owned()), ..Self::beside(key) }
    }

    /// All objects of a key's kind in its namespace.
    pub fn beside(key: &Key) -> Self {
        Self { kind: key.kind().clone(), namespace: key.namespace().to_owned(), name: None, page: None }
    }
}

/// A part of a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// Its objects.
    pub items: Vec<Item>,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
}

impl Page {
    /// The last page, or the only one.
    pub fn last(items: impl IntoIterator<Item = Item>) -> Self {
        Self { items: items.into_iter().collect(), next: None }
    }

    /// The same with the token of the next page, if there is one.
    #[must_use]
    pub fn next(mut self, token: Option<String>) -> Self {
        self.next = token;
        self
    }
}

/// What is to be written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Write {
    /// The fields to set and no other: those that are declared, and those that no longer are with their default or null
    /// (as in JSON Merge Patch, RFC 7396).
    pub fields: Value,
    /// The whole object with those fields set, for a service that replaces objects. A secret that is not declared is
    /// not in it.
    pub whole: Value,
    /// The owner label, to be stored as it is; empty if the adapter keeps a ledger.
    pub label: String,
    /// The version that must be there, if the service has versions.
    pub expect: Option<Version>,
}

impl Write {
    /// The fields as a serde type, secrets in clear.
    ///
    /// # Errors
    /// `Invalid` if they do not fit; the message has no value of a secret in it.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        self.fields.decode().map_err(|reason| {
            Error::new(ErrorKind::Invalid, format!("the fields do not fit the service: {reason}"))
        })
    }
}
