//! YAML as a tree in which every key and value knows its place.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Location, Spanned};

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub shape: Shape,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it would be written.
    Number(String),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file and with keys that are there twice.
    Map(Vec<(Name, Node)>),
}

/// A key and its place.
#[derive(Clone, Debug)]
pub struct Name {
    /// Where it is.
    pub place: Place,
    /// The key.
    pub text: String,
}

/// Where something is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which file, in the order in which they were read.
    pub file: usize,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many characters it covers; may reach over the end of the line.
    pub width: u32,
}

impl Place {
    /// The beginning of a file.
    pub const fn start(file: usize) -> Self {
        Self { file, line: 1, column: 1, width: 1 }
    }
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).max(1);
        Self {
            file: 0,
            line: number(location.line()),
            column: number(location.column()),
            width: number(location.span().len()),
        }
    }
}

impl Node {
    /// Says of every part in which file it is.
    fn is_of(&mut self, file: usize) {
        self.place.file = file;
        match &mut self.shape {
            Shape::List(items) => items.iter_mut().for_each(|item| item.is_of(file)),
            Shape::Map(members) => members.iter_mut().for_each(|(name, node)| {
                name.place.file = file;
                node.is_of(file);
            }),
            _ => {}
        }
    }

    /// Takes a key out of a mapping, wherever it is.
    pub fn remove(&mut self, key: &str) {
        if let Shape::Map(members) = &mut self.shape {
            members.retain(|(name, _)| name.text != key);
        }
    }

    /// What it says, wherever in a file it stands: members in the order of their names, and of each text the folder from which a
    /// path would start. Two that say the same are equal, and so are the settings that are decoded from them.
    pub fn said(&self, base: &impl Fn(Place) -> String) -> String {
        let each = |items: Vec<String>| items.concat();
        match &self.shape {
            Shape::Null => "null;".to_owned(),
            Shape::Bool(value) => format!("{value};"),
            Shape::Number(text) => format!("number {text:?};"),
            Shape::Text(text) => format!("text {text:?} in {:?};", base(self.place)),
            Shape::List(items) => format!("[{}]", each(items.iter().map(|item| item.said(base)).collect())),
            Shape::Map(members) => {
                let member = |(name, node): &(Name, Self)| format!("{:?}: {}", name.text, node.said(base));
                let mut members: Vec<String> = members.iter().map(member).collect();
                members.sort();
                format!("{{{}}}", each(members))
            }
        }
    }

    /// The members of a mapping; none of anything else.
    pub fn members(&self) -> &[(Name, Self)] {
        match &self.shape {
            Shape::Map(members) => members,
            _ => &[],
        }
    }
}

impl Shape {
    /// What to call it in an error.
    pub const fn article(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads one YAML document, which is the text of this file. Anchors may be used; merge keys may not.
///
/// # Errors
/// The parser's own message and the place, if the text is not YAML.
pub fn parse(file: usize, text: &str) -> Result<Node, (String, Option<Place>)> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
    };
    match serde_saphyr::from_str_with_options::<Node>(text, options) {
        Ok(mut node) => {
            node.is_of(file);
            Ok(node)
        }
        Err(error) => {
            let place = error.location().map(|location| Place { file, ..Place::from(location) });
            Err((plain_message(&error), place))
        }
    }
}

/// The first line of the parser's message, without the place that we draw ourselves.
fn plain_message(error: &serde_saphyr::Error) -> String {
    let message = error.without_snippet().to_string();
    let line = message.lines().next().unwrap_or_default();
    if line.contains("multiple YAML documents") {
        // The parser names functions of its own.
        return "the file holds several documents: write one, without `---` between parts".to_owned();
    }
    let end = line.find(" at line ").unwrap_or(line.len());
    line[..end].trim_end_matches([',', ':']).to_owned()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Shape>::deserialize(deserializer)?;
        Ok(Self { place: spanned.referenced.into(), shape: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { place: spanned.referenced.into(), text: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shape, E> {
        Ok(Shape::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        Ok(Shape::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Shape, E> {
        Ok(Shape::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Shape, E> {
        Ok(Shape::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Shape::Map(members))
    }
}
