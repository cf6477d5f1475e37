//! Which fields a declaration has: the part of an object that is compared.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::value::{Digest, Map, Secret, Value};

/// The digest of a secret of which nobody knows which one the service has: it equals no other.
const UNKNOWN: Digest = Digest::from_bytes([0; 32]);

/// The fields of a declaration without their values; of a secret its keyed digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Shape {
    /// A field whose value is compared.
    Plain(()),
    /// A field that is declared as null, so as absent.
    Absent(bool),
    /// A field that takes a secret.
    Secret(Digest),
    /// Fields within a field.
    Map(BTreeMap<SmolStr, Shape>),
}

impl Shape {
    /// The shape of a declaration.
    ///
    /// # Errors
    /// The reason why the adapter can't keep it.
    pub(super) fn of(value: &Value) -> Result<Self, &'static str> {
        Ok(match value {
            Value::Null => Self::Absent(true),
            Value::Secret(secret) if secret.is_sealed() => Self::Secret(UNKNOWN),
            Value::Secret(secret) => Self::Secret(secret.digest()),
            Value::List(items) if items.iter().any(has_secret) => {
                return Err("a secret in a list can't be compared: declare it as a field of its own");
            }
            Value::Map(members) => Self::Map(
                members.iter().map(|(name, value)| Ok((name.into(), Self::of(value)?))).collect::<Result<
                    _,
                    &'static str,
                >>(
                )?,
            ),
            _ => Self::Plain(()),
        })
    }

    /// The part of what a service shows that has this shape, with the secrets that it does not show.
    pub(super) fn show(&self, shown: Option<&Value>) -> Option<Value> {
        match (self, shown) {
            (Self::Absent(_), None) => Some(Value::Null),
            (Self::Secret(digest), _) => Some(Value::Secret(Secret::sealed(*digest))),
            (Self::Map(fields), Some(Value::Map(members))) => Some(within(fields, Some(members))),
            (Self::Map(fields), None) if self.has_secret() => Some(within(fields, None)),
            (Self::Map(_) | Self::Plain(()) | Self::Absent(_), shown) => shown.cloned(),
        }
    }

    /// The same with secrets of which nobody knows which one the service has, where they differ from those of another.
    pub(super) fn unsure(&self, other: Option<&Self>) -> Self {
        match (self, other) {
            (Self::Secret(_), other) if other != Some(self) => Self::Secret(UNKNOWN),
            (Self::Map(fields), other) => {
                let of = |name: &SmolStr| match other {
                    Some(Self::Map(others)) => others.get(name),
                    _ => None,
                };
                let unsure = |(name, field): (&SmolStr, &Self)| (name.clone(), field.unsure(of(name)));
                Self::Map(fields.iter().map(unsure).collect())
            }
            _ => self.clone(),
        }
    }

    /// The same with all secrets unknown.
    pub(super) fn forgotten(&self) -> Self {
        self.unsure(None)
    }

    /// The fields to write so that what has this shape becomes a declaration: those declared, and those that no longer
    /// are, with their default or null.
    pub(super) fn patch(&self, declared: &Value, defaults: &BTreeMap<String, Value>) -> Value {
        let (Self::Map(fields), Value::Map(members)) = (self, declared) else { return declared.clone() };
        let gone = fields.keys().filter(|name| !members.contains_key(name));
        let gone =
            gone.map(|name| (name.clone(), defaults.get(name.as_str()).cloned().unwrap_or(Value::Null)));
        let none = BTreeMap::new();
        let kept = members.iter().filter(|(_, value)| !is_sealed(value)).map(|(name, value)| {
            let value = fields.get(name).map_or_else(|| value.clone(), |field| field.patch(value, &none));
            (name.into(), value)
        });
        Value::map(gone.chain(kept))
    }

    fn has_secret(&self) -> bool {
        match self {
            Self::Secret(_) => true,
            Self::Map(fields) => fields.values().any(Self::has_secret),
            _ => false,
        }
    }
}

fn within(fields: &BTreeMap<SmolStr, Shape>, members: Option<&Map>) -> Value {
    let show = |(name, field): (&SmolStr, &Shape)| {
        let shown = members.and_then(|members| members.get(name));
        field.show(shown).map(|value| (name.clone(), value))
    };
    Value::map(fields.iter().filter_map(show))
}

fn is_sealed(value: &Value) -> bool {
    matches!(value, Value::Secret(secret) if secret.is_sealed())
}

fn has_secret(value: &Value) -> bool {
    match value {
        Value::Secret(_) => true,
        Value::List(items) => items.iter().any(has_secret),
        Value::Map(members) => members.values().any(has_secret),
        _ => false,
    }
}

/// All secrets of a value, for hiding them.
pub(super) fn secrets(value: &Value) -> Vec<&Secret> {
    match value {
        Value::Secret(secret) => vec![secret],
        Value::List(items) => items.iter().flat_map(secrets).collect(),
        Value::Map(members) => members.values().flat_map(secrets).collect(),
        _ => Vec::new(),
    }
}

/// What is shown of an object that nobody owns: all fields but those at their default, and no secret.
pub(super) fn of_nobody(
    fields: &Value,
    defaults: &BTreeMap<String, Value>,
    secrets: &BTreeSet<String>,
) -> Value {
    let Value::Map(members) = fields else { return fields.clone() };
    let is_set = |(name, value): &(&str, &Value)| defaults.get(*name) != Some(*value);
    let show = |(name, value): (&str, &Value)| match secrets.contains(name) {
        true => (SmolStr::from(name), Value::Secret(Secret::sealed(UNKNOWN))),
        false => (name.into(), value.clone()),
    };
    Value::map(members.iter().filter(is_set).map(show))
}

/// Fields laid over an object: those that are null go.
pub(super) fn overlay(under: &Value, over: &Value) -> Value {
    let (Value::Map(below), Value::Map(above)) = (under, over) else { return over.clone() };
    let kept = below.iter().filter(|(name, _)| !above.contains_key(name));
    let set = above.iter().filter(|(_, value)| **value != Value::Null).map(|(name, value)| {
        (name, below.get(name).map_or_else(|| value.clone(), |under| overlay(under, value)))
    });
    Value::map(kept.map(|(name, value)| (name, value.clone())).chain(set))
}
