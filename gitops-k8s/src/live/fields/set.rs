use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value as Json};
use smol_str::SmolStr;

/// A set of fields, as a tree (`fieldsV1` of `metadata.managedFields`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    /// Whether the field itself is in the set, not only fields below it.
    pub itself: bool,
    pub below: BTreeMap<Element, FieldSet>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Element {
    /// A member of a map.
    Field(SmolStr),
    /// The item of a list whose fields have these values, in the order of their names.
    Keyed(Vec<(SmolStr, Scalar)>),
    /// The item of a set that is this value.
    Item(Scalar),
    /// The item at a position.
    At(usize),
}

/// What the server writes for a key of a list that is left out. Of the keys of built-in kinds, the protocol of ports alone
/// may be left out.
const DEFAULTS: [(&str, &str); 1] = [("protocol", "TCP")];

/// What the server writes where an item of a list leaves out a key.
pub(crate) fn default_of_key(name: &str) -> Option<&'static str> {
    DEFAULTS.iter().find(|(key, _)| *key == name).map(|(_, default)| *default)
}

/// A scalar as the text of its JSON: comparable, and equal exactly if the values are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scalar(SmolStr);

impl Scalar {
    fn of(value: &Json) -> Self {
        Self(value.to_string().into())
    }

    pub fn is(&self, value: &Json) -> bool {
        match value {
            Json::String(text) => {
                let quoted = self.0.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                quoted == Some(text) || self.0 == Json::String(text.clone()).to_string()
            }
            value => self.0 == value.to_string(),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_matches('"'))
    }
}

/// As a step of a path is shown: `web` by name, `name=web` by key.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(&name.replace('~', "~0").replace('/', "~1")),
            Self::Keyed(keys) => {
                let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                f.write_str(&keys.join(",").replace('/', "~1"))
            }
            Self::Item(value) => f.write_str(&value.to_string().replace('/', "~1")),
            Self::At(index) => write!(f, "{index}"),
        }
    }
}

/// A path as a plan shows it.
pub(crate) fn shown<'a>(path: impl IntoIterator<Item = &'a Element>) -> String {
    path.into_iter().fold(String::new(), |shown, element| shown + "/" + &element.to_string())
}

impl FieldSet {
    /// Reads `fieldsV1`. Steps of an unknown form are left out.
    pub fn parse(fields: &Json) -> Self {
        let mut set = Self::default();
        for (step, below) in fields.as_object().into_iter().flatten() {
            match step.as_str() {
                "." => set.itself = true,
                step => {
                    let Some(element) = Element::parse(step) else { continue };
                    let mut below = Self::parse(below);
                    below.itself |= below.below.is_empty();
                    set.below.insert(element, below);
                }
            }
        }
        set
    }

    /// Every field of a declaration; lists as wholes.
    pub fn of(value: &Json) -> Self {
        let below = value.as_object().into_iter().flatten();
        let below = below.map(|(name, value)| (Element::Field(name.into()), Self::of(value)));
        let mut set = Self { itself: false, below: below.collect() };
        set.itself = set.below.is_empty();
        set
    }

    /// Writes `fieldsV1`.
    pub fn to_json(&self) -> Json {
        let mut fields = Map::new();
        if self.itself && !self.below.is_empty() {
            fields.insert(".".to_owned(), Json::Object(Map::new()));
        }
        fields.extend(self.below.iter().map(|(element, below)| (element.step(), below.to_json())));
        Json::Object(fields)
    }

    /// Takes in another set.
    pub fn merge(&mut self, other: &Self) {
        self.itself |= other.itself;
        for (element, below) in &other.below {
            match self.below.get_mut(element) {
                Some(own) => own.merge(below),
                None => drop(self.below.insert(element.clone(), below.clone())),
            }
        }
    }

    /// Whether the field at a path of names is in the set, itself or by something above it.
    pub fn has(&self, path: &[&str]) -> bool {
        match path {
            [] => self.itself,
            [first, rest @ ..] => match self.below.get(&Element::Field((*first).into())) {
                Some(set) => set.has(rest) || (set.itself && set.below.is_empty()),
                None => false,
            },
        }
    }

    /// The set below a path; nothing if the path is not in it.
    pub fn at(&self, path: &[Element]) -> Option<&Self> {
        path.iter().try_fold(self, |set, element| set.below.get(element))
    }

    /// Puts a field into the set.
    pub fn insert(&mut self, path: &[Element]) {
        self.put(path, Self { itself: true, ..Self::default() });
    }

    /// Takes in another set below a path.
    pub fn put(&mut self, path: &[Element], below: Self) {
        match path {
            [] => self.merge(&below),
            [first, rest @ ..] => self.below.entry(first.clone()).or_default().put(rest, below),
        }
    }

    /// Takes the fields of another set, and all below them, out of the set.
    pub fn subtract(&mut self, other: &Self) {
        for (element, theirs) in &other.below {
            let Some(own) = self.below.get_mut(element) else { continue };
            own.subtract(theirs);
            if theirs.below.is_empty() || (own.below.is_empty() && !own.itself) {
                self.below.remove(element);
            }
        }
    }

    /// Takes the field at a path of names, and all below it, out of the set. A map of which no member is left goes with the last
    /// one: by itself it would stand for the whole.
    pub fn remove(&mut self, path: &[&str]) {
        let [first, rest @ ..] = path else { return };
        let element = Element::Field((*first).into());
        let Some(set) = self.below.get_mut(&element) else { return };
        let had_members = !set.below.is_empty();
        set.remove(rest);
        if rest.is_empty() || (set.below.is_empty() && (had_members || !set.itself)) {
            self.below.remove(&element);
        }
    }
}

impl Element {
    fn parse(step: &str) -> Option<Self> {
        let (form, rest) = step.split_once(':')?;
        match form {
            "f" => Some(Self::Field(rest.into())),
            "k" => {
                let keys: Map<String, Json> = serde_json::from_str(rest).ok()?;
                Some(Self::Keyed(keys.iter().map(|(name, value)| (name.into(), Scalar::of(value))).collect()))
            }
            "v" => Some(Self::Item(Scalar::of(&serde_json::from_str(rest).ok()?))),
            "i" => rest.parse().ok().map(Self::At),
            _ => None,
        }
    }

    fn step(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Keyed(keys) => {
                let keys =
                    keys.iter().map(|(name, Scalar(value))| format!("{}:{value}", Json::from(name.as_str())));
                format!("k:{{{}}}", keys.collect::<Vec<_>>().join(","))
            }
            Self::Item(Scalar(value)) => format!("v:{value}"),
            Self::At(index) => format!("i:{index}"),
        }
    }

    /// As the server writes it where it tells of a conflict.
    pub fn written(&self) -> String {
        match self {
            Self::Field(name) => format!(".{name}"),
            Self::Keyed(keys) => {
                let keys = keys.iter().map(|(name, Scalar(value))| format!("{name}={value}"));
                format!("[{}]", keys.collect::<Vec<_>>().join(","))
            }
            Self::Item(Scalar(value)) => format!("[={value}]"),
            Self::At(index) => format!("[{index}]"),
        }
    }

    /// What is at this step of a value.
    pub fn of<'a>(&self, value: &'a Json) -> Option<&'a Json> {
        match self {
            Self::Field(name) => value.get(name.as_str()),
            Self::At(index) => value.get(index),
            Self::Item(item) => value.as_array()?.iter().find(|value| item.is(value)),
            Self::Keyed(_) => value.as_array()?.iter().find(|value| self.names(value)),
        }
    }

    /// Whether it is an item that its keys name.
    pub fn is_keyed(&self) -> bool {
        matches!(self, Self::Keyed(_))
    }

    /// Whether it is an item that its value names.
    pub fn is_item(&self) -> bool {
        matches!(self, Self::Item(_))
    }

    /// The fields of an item that say which one it is.
    pub fn keys_of(&self, item: &Json) -> Map<String, Json> {
        let Self::Keyed(keys) = self else { return Map::new() };
        keys.iter()
            .filter_map(|(name, _)| Some((name.to_string(), item.get(name.as_str())?.clone())))
            .collect()
    }

    /// The element of another item of the same list.
    pub fn with_keys_of(&self, item: &Json) -> Self {
        let Self::Keyed(keys) = self else { return self.clone() };
        let key = |(name, _): &(SmolStr, Scalar)| {
            let value = item.get(name.as_str()).cloned();
            let value = value.or_else(|| default_of_key(name).map(Json::from)).unwrap_or(Json::Null);
            (name.clone(), Scalar::of(&value))
        };
        Self::Keyed(keys.iter().map(key).collect())
    }

    /// The element of another item of the same list, which is told apart as this one is.
    pub fn like(&self, item: &Json) -> Self {
        match self {
            Self::Item(_) => Self::Item(Scalar::of(item)),
            element => element.with_keys_of(item),
        }
    }

    /// Whether an item of a list is the one that the keys, or the value, name. A key that the item leaves out has the value
    /// that the server gives it.
    pub fn names(&self, item: &Json) -> bool {
        let keys = match self {
            Self::Keyed(keys) => keys,
            Self::Item(value) => return value.is(item),
            Self::Field(_) | Self::At(_) => return false,
        };
        keys.iter().all(|(name, value)| match item.get(name.as_str()) {
            Some(found) => value.is(found),
            None => default_of_key(name).is_some_and(|default| value.is(&default.into())),
        })
    }

    /// Whether the item that the keys name has a value under a name: in its keys, or else by itself.
    pub fn has(&self, item: &Json, name: &str, value: &Json) -> bool {
        let Self::Keyed(keys) = self else { return item.get(name) == Some(value) };
        match keys.iter().find(|(key, _)| key == name) {
            Some((_, key)) => key.is(value),
            None => item.get(name) == Some(value),
        }
    }
}

/// One manager's entry of `metadata.managedFields`.
#[derive(Clone, Debug)]
pub(crate) struct Managed {
    pub manager: SmolStr,
    /// Whether it applied, rather than updated.
    pub applies: bool,
    pub subresource: SmolStr,
    pub api_version: SmolStr,
    pub fields: FieldSet,
    at: SmolStr,
}

/// The entries of an object's `metadata.managedFields`.
pub(crate) fn managed(object: &Json) -> Vec<Managed> {
    let entries = object.pointer("/metadata/managedFields").and_then(Json::as_array);
    entries.into_iter().flatten().map(Managed::parse).collect()
}

impl Managed {
    /// When it wrote last.
    pub fn time(&self) -> Option<String> {
        (!self.at.is_empty()).then(|| self.at.to_string())
    }

    pub fn parse(entry: &Json) -> Self {
        let text = |name: &str| SmolStr::from(entry[name].as_str().unwrap_or_default());
        Self {
            manager: text("manager"),
            applies: entry["operation"] == "Apply",
            subresource: text("subresource"),
            api_version: text("apiVersion"),
            fields: FieldSet::parse(&entry["fieldsV1"]),
            at: text("time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn elements() -> impl Strategy<Value = Element> {
        let scalar =
            prop_oneof![any::<i64>().prop_map(|n| json!(n)), "[a-z\"/~:.]{0,4}".prop_map(|s| json!(s))];
        let scalar = scalar.prop_map(|value| Scalar::of(&value)).boxed();
        let keyed = prop::collection::btree_map("[a-z]{1,3}", scalar.clone(), 1..3);
        prop_oneof![
            "[a-z./~]{1,5}".prop_map(|name| Element::Field(name.into())),
            keyed.prop_map(|keys| Element::Keyed(keys.into_iter().map(|(k, v)| (k.into(), v)).collect())),
            scalar.prop_map(Element::Item),
            (0..9usize).prop_map(Element::At),
        ]
    }

    fn sets() -> impl Strategy<Value = FieldSet> {
        let leaf = Just(FieldSet { itself: true, ..FieldSet::default() });
        leaf.prop_recursive(3, 20, 3, |inner| {
            let below = prop::collection::btree_map(elements(), inner, 1..4);
            (any::<bool>(), below).prop_map(|(itself, below)| FieldSet { itself, below })
        })
    }

    proptest! {
        #[test]
        fn a_set_reads_back_from_its_written_form(set in sets()) {
            prop_assume!(!set.below.is_empty());
            prop_assert_eq!(FieldSet::parse(&set.to_json()), set);
        }

        #[test]
        fn merging_a_set_into_itself_changes_nothing(set in sets()) {
            let mut merged = set.clone();
            merged.merge(&set);
            prop_assert_eq!(merged, set);
        }
    }
}
