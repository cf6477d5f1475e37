//! Between [`Value`] and serde types.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{Number, Value};

impl Value {
    /// The value of JSON; numbers keep the digits that the JSON library gives them.
    pub fn from_json(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => {
                let text = number.to_string();
                text.parse::<Number>().map_or_else(|_| Self::Text(text.as_str().into()), Self::Number)
            }
            Json::String(text) => Self::Text(text.into()),
            Json::Array(items) => Self::List(items.into_iter().map(Self::from_json).collect()),
            Json::Object(members) => {
                Self::map(members.into_iter().map(|(name, value)| (name, Self::from_json(value))))
            }
        }
    }

    /// The value of a serde type.
    ///
    /// # Errors
    /// The type's own refusal to be serialised, in one line.
    pub fn encode<T: Serialize>(value: &T) -> Result<Self, String> {
        serde_json::to_value(value).map(Self::from_json).map_err(|error| error.to_string())
    }

    /// The serde type of a value. Secrets are handed over in clear: the type is on its way into a target.
    ///
    /// # Errors
    /// What does not fit, in one line and without the value.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, String> {
        let json = self.reveal()?;
        let has_secret = self.has_secret();
        serde_json::from_value(json).map_err(|error| match has_secret {
            true => "a field has another type".to_owned(),
            false => error.to_string(),
        })
    }

    fn reveal(&self) -> Result<Json, String> {
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(number) => {
                serde_json::from_str(number.as_str()).map_err(|error| format!("{number}: {error}"))?
            }
            Self::Text(text) => Json::String(text.to_string()),
            Self::Bytes(_) => return Err("bytes that are not text can't become a field".to_owned()),
            Self::Secret(secret) if secret.is_sealed() => {
                return Err("a secret of which only the digest is known can't become a field".to_owned());
            }
            Self::Secret(secret) => Json::String(secret.expose().to_owned()),
            Self::Placeholder(placeholder) => {
                return Err(format!("{placeholder} is not filled and can't become a field"));
            }
            Self::List(items) => Json::Array(items.iter().map(Self::reveal).collect::<Result<_, _>>()?),
            Self::Map(members) => {
                let reveal = |(name, value): (&str, &Self)| Ok((name.to_owned(), value.reveal()?));
                Json::Object(members.iter().map(reveal).collect::<Result<_, String>>()?)
            }
        })
    }

    fn has_secret(&self) -> bool {
        match self {
            Self::Secret(_) => true,
            Self::List(items) => items.iter().any(Self::has_secret),
            Self::Map(members) => members.values().any(Self::has_secret),
            _ => false,
        }
    }
}
