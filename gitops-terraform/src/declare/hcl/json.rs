//! The JSON form of the language: a block is an object, or a list of them, and its labels are names. A name that is there
//! twice stands for two blocks.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Configuration, ModuleCall, Unread};

/// Reads a file of it.
pub(super) fn read(text: &str) -> Result<Configuration, Unread> {
    let document: Json = serde_json::from_str(text).map_err(|error| Unread {
        line: u32::try_from(error.line()).unwrap_or(0),
        message: error.to_string(),
    })?;
    let mut found = Configuration::default();
    for (name, content) in document.members() {
        match name {
            "variable" => {
                found.variables.extend(content.members().map(|(variable, _)| variable.to_owned()));
            }
            "module" => {
                found.calls.extend(content.members().flat_map(|(_, module)| calls(module)));
                found.made.extend(content.members().map(|(name, _)| format!("module.{name}")));
            }
            "resource" => found.made.extend(content.members().flat_map(|(kind, resources)| {
                resources.members().map(move |(name, _)| format!("{kind}.{name}"))
            })),
            "terraform" => {
                found.settings.push(content.to_string());
                let keeps = |(name, _): &(&str, &Json)| matches!(*name, "backend" | "cloud");
                let backends = content.members().filter(keeps);
                found.backends.extend(backends.map(|(name, backend)| format!("{name} {backend}")));
            }
            _ => {}
        }
    }
    Ok(found)
}

fn calls(module: &Json) -> impl Iterator<Item = ModuleCall> {
    module.members().filter(|(name, _)| *name == "source").filter_map(|(_, source)| match source {
        Json::Text(source) => ModuleCall::local(source, 0),
        _ => None,
    })
}

/// A document with every member of its objects, in their order.
enum Json {
    Text(String),
    Other(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Json {
    /// The members of an object, or of all objects of a list; what is neither has none.
    fn members(&self) -> Box<dyn Iterator<Item = (&str, &Self)> + '_> {
        match self {
            Self::Map(members) => Box::new(members.iter().map(|(name, value)| (name.as_str(), value))),
            Self::List(items) => Box::new(items.iter().flat_map(Self::members)),
            Self::Text(_) | Self::Other(_) => Box::new(std::iter::empty()),
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Other(text) => f.write_str(text),
            Self::List(items) => {
                f.write_str("[")?;
                items.iter().try_for_each(|item| write!(f, "{item},"))?;
                f.write_str("]")
            }
            Self::Map(members) => {
                f.write_str("{")?;
                members.iter().try_for_each(|(name, value)| write!(f, "{name:?}:{value},"))?;
                f.write_str("}")
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Other(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Other(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Other(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Other(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut map = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            // The language's way to write a comment.
            match name.as_str() {
                "//" => drop(members.next_value::<IgnoredAny>()?),
                _ => map.push((name, members.next_value()?)),
            }
        }
        Ok(Json::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_in_every_form_that_the_language_allows() {
        let forms = [
            r#"{"variable": {"a": {}, "b": [{"type": "string"}]}}"#,
            r#"{"variable": [{"a": {}}, {"b": {}}]}"#,
            r#"{"variable": {"a": {}}, "//": {"variable": {"no": {}}}, "variable": {"b": {}}}"#,
            r#"[{"variable": {"a": {}}}, {"variable": [[{"b": {}}]]}]"#,
        ];
        forms.iter().for_each(|form| assert_eq!(read(form).unwrap().variables, ["a", "b"], "{form}"));
    }

    #[test]
    fn local_calls_and_settings_are_found() {
        let text = r#"{"module": {"a": {"source": "../a"}, "b": [{"source": "./b"}], "c": {"source": "registry/c"}},
            "x": {"source": "./d"}, "terraform": [{"backend": {"http": {}}}, {"cloud": {"organization": "o"}}]}"#;
        let found = read(text).unwrap();
        let sources: Vec<&str> = found.calls.iter().map(|call| call.source.as_str()).collect();
        assert_eq!(sources, ["../a", "./b"]);
        assert_eq!(found.backends, ["backend {\"http\":{},}", "cloud {\"organization\":\"o\",}"]);
        assert_eq!(found.settings.len(), 1);
    }
}
