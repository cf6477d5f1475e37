//! Between our values and those of the interpreter.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::cel::Value as Cel;
use ::cel::objects::{Key, Map};

use crate::value::{Number, Value};

/// Secrets and placeholders are what people would see of them.
pub(super) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => number_to_cel(number),
        Value::Text(text) => Cel::String(Arc::new(text.to_string())),
        Value::Bytes(bytes) => Cel::Bytes(Arc::new(bytes.to_vec())),
        Value::Secret(secret) => Cel::String(Arc::new(secret.to_string())),
        Value::Placeholder(placeholder) => Cel::String(Arc::new(placeholder.to_string())),
        Value::List(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Map(members) => {
            let member =
                |(name, value): (&str, &Value)| (Key::String(Arc::new(name.to_owned())), to_cel(value));
            Cel::Map(Map { map: Arc::new(members.iter().map(member).collect()) })
        }
    }
}

fn number_to_cel(number: &Number) -> Cel {
    let text = number.as_str();
    let whole = text.parse().map(Cel::Int).or_else(|_| text.parse().map(Cel::UInt));
    whole.unwrap_or_else(|_| Cel::Float(text.parse().unwrap_or(f64::NAN)))
}

/// Fails, with what it is, for what is no value of ours.
pub(super) fn from_cel(value: &Cel) -> Result<Value, String> {
    Ok(match value {
        Cel::Null => Value::Null,
        Cel::Bool(value) => Value::Bool(*value),
        Cel::Int(value) => Value::from(*value),
        Cel::UInt(value) => Value::Number(Number::from(*value)),
        Cel::Float(value) => {
            let number =
                value.to_string().parse().map_err(|_| format!("its value is {value}, which is no number"))?;
            Value::Number(number)
        }
        Cel::String(text) => Value::from(text.as_str()),
        Cel::Bytes(bytes) => Value::Bytes(bytes.as_slice().into()),
        Cel::List(items) => Value::List(items.iter().map(from_cel).collect::<Result<_, _>>()?),
        Cel::Map(members) => {
            let mut sorted = BTreeMap::new();
            for (key, value) in members.map.iter() {
                sorted.insert(key_text(key), from_cel(value)?);
            }
            Value::map(sorted)
        }
        other => return Err(format!("its value is a {}", other.type_of())),
    })
}

fn key_text(key: &Key) -> String {
    match key {
        Key::Int(key) => key.to_string(),
        Key::Uint(key) => key.to_string(),
        Key::Bool(key) => key.to_string(),
        Key::String(key) => key.to_string(),
    }
}
