//! Settings of any type that serde can read, with faults that know their place.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Name, Node, Place, Shape};
use super::reader::Reader;
use super::suggest::suggestion;

/// Reads settings out of the tree; what does not fit is a fault of the reader. `what` is their name in faults, `owner` the
/// place of the key that holds them.
pub fn decode<T: DeserializeOwned>(reader: &Reader, node: &Node, what: &str, owner: Place) -> Option<T> {
    let value = Value { reader, node, what, owner };
    match T::deserialize(value) {
        Ok(settings) => Some(settings),
        Err(fault) => {
            let Fault { code, place, message, help } = fault;
            reader.fault(code, place.unwrap_or(owner), message, help);
            None
        }
    }
}

/// A value that is decoded.
#[derive(Clone, Copy)]
struct Value<'n> {
    reader: &'n Reader,
    node: &'n Node,
    what: &'n str,
    owner: Place,
}

/// What does not fit. The innermost value that it is about gives the place.
#[derive(Debug)]
struct Fault {
    code: &'static str,
    place: Option<Place>,
    message: String,
    help: String,
}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, place: None, message: message.into(), help: help.into() }
    }

    /// The same at a place and with the name of the value, if it has none yet.
    fn at(self, place: Place, what: &str) -> Self {
        match self.place {
            Some(_) => self,
            None => Self { place: Some(place), message: format!("{what} {}", self.message), ..self },
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// A value of a wrong type is named by its type alone: it may be a secret.
fn article(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a truth value",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) | Unexpected::Bytes(_) => "text",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a mapping",
        _ => "this",
    }
}

/// What a type wants, in the words of the configuration.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    let bits = |prefix: &str| text.strip_prefix(prefix).is_some_and(|bits| bits.parse::<u8>().is_ok());
    match text.as_str() {
        "a string" | "a character" => "text".to_owned(),
        "a boolean" => "a truth value".to_owned(),
        "a sequence" => "a list".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "usize" => "a whole number".to_owned(),
        "isize" => "a whole number, which may be negative".to_owned(),
        _ if bits("u") => format!("a whole number of at most {} bits", &text[1..]),
        _ if bits("i") => format!("a whole number of at most {} bits, which may be negative", &text[1..]),
        _ => text,
    }
}

impl serde::de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new("GO0110", format!("can't be used: {message}"), "write another value")
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (found, expected) = (article(&found), wanted(expected));
        let help = match (found, expected.as_str()) {
            ("a number" | "a truth value", "text") => "put it in quotes".to_owned(),
            _ => format!("write {expected}"),
        };
        Self::new("GO0109", format!("must be {expected}, not {found}"), help)
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = wanted(expected);
        Self::new("GO0110", format!("must be {expected}"), format!("write {expected}"))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let expected = wanted(expected);
        Self::new("GO0110", format!("must be {expected}, and has {length}"), format!("write {expected}"))
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::new("GO0110", format!("can't be `{variant}`"), suggestion(variant, known))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new("GO0106", format!("has no key `{field}`"), suggestion(field, known))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("GO0107", format!("needs the key `{field}`"), format!("add `{field}: …`"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new("GO0108", format!("has the key `{field}` twice"), "remove one of them")
    }
}

impl Value<'_> {
    /// Reads it, and gives a fault of it its place.
    fn placed<T>(self, read: impl FnOnce(Self) -> Result<T, Fault>) -> Result<T, Fault> {
        read(self).map_err(|fault| {
            let place = if fault.code == "GO0107" { self.owner } else { self.node.place };
            fault.at(place, self.what)
        })
    }

    fn number<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Fault> {
        if let Ok(number) = text.parse::<u64>() {
            return visitor.visit_u64(number);
        }
        if let Ok(number) = text.parse::<i64>() {
            return visitor.visit_i64(number);
        }
        match text.parse::<f64>() {
            Ok(number) => visitor.visit_f64(number),
            Err(_) => visitor.visit_str(text),
        }
    }

    /// The members that a type knows; a fault of the reader for every other. Without `known`, all.
    fn members<'de, V: Visitor<'de>>(self, known: Option<&[&str]>, visitor: V) -> Result<V::Value, Fault> {
        let Shape::Map(members) = &self.node.shape else {
            return match known {
                None => self.deserialize_any(visitor),
                Some(known) => self.placed(|value| {
                    let message = format!("must be a mapping, not {}", value.node.shape.article());
                    Err(Fault::new("GO0109", message, format!("its keys are {}", super::reader::list(known))))
                }),
            };
        };
        let members = members
            .iter()
            .enumerate()
            .filter(|(index, (name, node))| self.check(name, node, &members[..*index], known));
        let members: Vec<&(Name, Node)> = members.map(|(_, member)| member).collect();
        self.placed(|value| visitor.visit_map(Members { of: value, rest: members.into_iter(), value: None }))
    }

    fn check(&self, name: &Name, node: &Node, before: &[(Name, Node)], known: Option<&[&str]>) -> bool {
        let (key, what) = (&name.text, self.what);
        if let Some((first, _)) = before.iter().find(|(other, _)| other.text == *key) {
            let help = format!("the first is in line {}", first.place.line);
            self.reader.fault(
                "GO0108",
                name.place,
                format!("the key `{key}` is there twice in {what}"),
                help,
            );
        } else if let Some(known) = known.filter(|known| !known.contains(&key.as_str())) {
            let message = format!("unknown key `{key}` in {what}");
            self.reader.fault("GO0106", name.place, message, suggestion(key, known));
        } else if matches!(node.shape, Shape::Null) {
            let message = format!("`{key}` has no value");
            self.reader.fault("GO0107", name.place, message, "write one, or remove the key");
        } else {
            return true;
        }
        false
    }
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.shape {
            Shape::Map(_) => self.members(None, visitor),
            Shape::List(items) => {
                self.placed(|value| visitor.visit_seq(Items { of: value, items: items.iter() }))
            }
            Shape::Null => self.placed(|_| visitor.visit_unit()),
            Shape::Bool(known) => self.placed(|_| visitor.visit_bool(*known)),
            Shape::Number(text) => self.placed(|_| Self::number(text, visitor)),
            Shape::Text(text) => self.placed(|_| visitor.visit_str(text)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.shape {
            Shape::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.placed(|value| visitor.visit_newtype_struct(value))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.members(Some(fields), visitor)
    }

    /// A word, or a mapping with one key that is the word.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.placed(|value| match &value.node.shape {
            Shape::Text(word) => visitor.visit_enum(Variant { word, content: None }),
            Shape::Map(members) if members.len() == 1 => {
                let (name, node) = &members[0];
                let content = Self { node, what: &name.text, owner: name.place, ..value };
                visitor.visit_enum(Variant { word: &name.text, content: Some(content) })
            }
            shape => {
                let message = format!("must be one of the known words, not {}", shape.article());
                Err(Fault::new("GO0109", message, format!("known are {}", super::reader::list(variants))))
            }
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map identifier ignored_any
    }
}

struct Members<'n> {
    of: Value<'n>,
    rest: std::vec::IntoIter<&'n (Name, Node)>,
    value: Option<&'n (Name, Node)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.value = self.rest.next();
        let Some((name, _)) = self.value else { return Ok(None) };
        let key: StrDeserializer<'_, Fault> = name.text.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|fault| fault.at(name.place, self.of.what))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let (name, node) = self.value.expect("serde asks for a value after its key");
        let what = format!("`{}`", name.text);
        let value = Value { node, what: &what, owner: name.place, ..self.of };
        seed.deserialize(value).map_err(|fault| fault.at(node.place, &what))
    }
}

struct Items<'n> {
    of: Value<'n>,
    items: std::slice::Iter<'n, Node>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some(node) = self.items.next() else { return Ok(None) };
        let what = format!("an item of {}", self.of.what);
        let value = Value { node, what: &what, owner: node.place, ..self.of };
        seed.deserialize(value).map(Some).map_err(|fault| fault.at(node.place, &what))
    }
}

struct Variant<'n> {
    word: &'n str,
    content: Option<Value<'n>>,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let word: StrDeserializer<'_, Fault> = self.word.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'n> Variant<'n> {
    fn content(self) -> Result<Value<'n>, Fault> {
        let missing =
            || Fault::new("GO0109", format!("needs settings of `{}`", self.word), "write it as a mapping");
        self.content.ok_or_else(missing)
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            None => Ok(()),
            Some(_) => {
                Err(Fault::new("GO0109", "must be a word without settings", format!("write `{}`", self.word)))
            }
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.content()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.content()?.members(Some(fields), visitor)
    }
}
