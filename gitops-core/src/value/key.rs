use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

/// The kind of an object: an API group and a kind within it.
///
/// The group is empty where a target has no groups. A version is deliberately no part of it: two
/// versions of one kind name the same object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind {
    group: SmolStr,
    kind: SmolStr,
}

impl GroupKind {
    /// A kind in a group; `group` may be empty.
    pub fn new(group: impl Into<SmolStr>, kind: impl Into<SmolStr>) -> Self {
        Self { group: group.into(), kind: kind.into() }
    }

    /// The API group, empty for the core group and for targets without groups.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The kind's name.
    pub fn kind(&self) -> &str {
        &self.kind
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group.is_empty() {
            true => f.write_str(&self.kind),
            false => write!(f, "{}.{}", self.kind, self.group),
        }
    }
}

/// The identity of an object: target, group and kind, namespace, name.
///
/// Two objects are the same object exactly if their keys are equal. Cloning costs one reference
/// count; keys order by target, kind, namespace and name.
///
/// The written form is `target:Kind.group/namespace/name`, with `-` for no namespace, so that a name
/// may hold slashes:
///
/// ```
/// use gitops_core::{GroupKind, Key};
/// let key = Key::new("k8s", GroupKind::new("apps", "Deployment"), "shop", "web");
/// assert_eq!(key.to_string(), "k8s:Deployment.apps/shop/web");
/// let file: Key = "dir:File/-/conf/app.toml".parse()?;
/// assert_eq!((file.namespace(), file.name()), ("", "conf/app.toml"));
/// # Ok::<(), gitops_core::ParseKeyError>(())
/// ```
#[derive(Clone)]
pub struct Key(Arc<Parts>);

/// The text alone puts keys in their order, so that comparing two is comparing bytes once; `ends` tells apart what a
/// part with the separator in it would mix up.
#[derive(Debug)]
struct Parts {
    /// Target, group, kind, namespace and name, with the least of all characters between them.
    text: Box<str>,
    /// Where the parts but the last end in the text.
    ends: [u32; 4],
    /// The same as in the text, to be lent.
    kind: GroupKind,
}

/// Most equal keys of a program are clones of one.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text && self.0.ends == other.0.ends
    }
}

impl Eq for Key {}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        self.0.text.cmp(&other.0.text).then_with(|| self.0.ends.cmp(&other.0.ends))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
        self.0.ends.hash(state);
    }
}

impl Key {
    /// The key of an object; `namespace` is empty for objects that have none.
    pub fn new(
        target: impl AsRef<str>,
        kind: GroupKind,
        namespace: impl AsRef<str>,
        name: impl AsRef<str>,
    ) -> Self {
        let mut text = String::new();
        let ends = [target.as_ref(), kind.group(), kind.kind(), namespace.as_ref()].map(|part| {
            text.push_str(part);
            let end = u32::try_from(text.len()).expect("four parts are far below 4 GiB");
            text.push('\0');
            end
        });
        text.push_str(name.as_ref());
        Self(Arc::new(Parts { text: text.into_boxed_str(), ends, kind }))
    }

    /// The name under which the engine knows the target.
    pub fn target(&self) -> &str {
        &self.0.text[..self.end(0)]
    }

    /// Group and kind.
    pub fn kind(&self) -> &GroupKind {
        &self.0.kind
    }

    /// The namespace, empty where there is none.
    pub fn namespace(&self) -> &str {
        &self.0.text[self.end(2) + 1..self.end(3)]
    }

    /// The name, unique within target, kind and namespace.
    pub fn name(&self) -> &str {
        &self.0.text[self.end(3) + 1..]
    }

    /// All parts as one text, which is in the order of the keys; nothing for a key that could not be told from it again.
    pub(crate) fn joined(&self) -> Option<&str> {
        (self.0.text[..self.end(3)].matches('\0').count() == 3).then_some(&*self.0.text)
    }

    /// The key of such a text.
    pub(crate) fn from_joined(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '\0');
        let mut part = || parts.next();
        let (target, group, kind, namespace, name) = (part()?, part()?, part()?, part()?, part()?);
        Some(Self::new(target, GroupKind::new(group, kind), namespace, name))
    }

    fn end(&self, part: usize) -> usize {
        self.0.ends[part] as usize
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = if self.namespace().is_empty() { "-" } else { self.namespace() };
        write!(f, "{}:{}/{namespace}/{}", self.target(), self.kind(), self.name())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// A text that is not a key; says what a key looks like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a key: a key is `target:Kind.group/namespace/name`, with `-` for no namespace")]
pub struct ParseKeyError {
    text: String,
}

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseKeyError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Key> {
    let (target, rest) = text.split_once(':')?;
    let (kind, rest) = rest.split_once('/')?;
    let (namespace, name) = rest.split_once('/')?;
    let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
    if [target, kind, namespace, name].iter().any(|part| part.is_empty()) {
        return None;
    }
    let namespace = if namespace == "-" { "" } else { namespace };
    Some(Key::new(target, GroupKind::new(group, kind), namespace, name))
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::parsed(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_key_reads_back_from_its_written_form(
            target in "[a-z]{1,8}", kind in "[A-Z][a-z]{0,8}", group in "[a-z.]{0,12}",
            namespace in "[a-z0-9]{0,8}", name in "[a-zA-Z0-9 ._/-]{1,30}",
        ) {
            let key = Key::new(target, GroupKind::new(group, kind), namespace, name);
            prop_assert_eq!(key.to_string().parse::<Key>().unwrap(), key.clone());
            prop_assert_eq!(key.joined().and_then(Key::from_joined), Some(key));
        }

        #[test]
        fn keys_are_in_the_order_of_their_parts(
            parts in prop::collection::vec(("[a-b]{1,2}", "[a-b.]{0,2}", "[A-B]{1,2}", "[ab-]{0,2}", "[ -c]{1,2}"), 2),
        ) {
            let key = |(target, group, kind, namespace, name): &(String, String, String, String, String)| {
                Key::new(target, GroupKind::new(group, kind), namespace, name)
            };
            prop_assert_eq!(key(&parts[0]).cmp(&key(&parts[1])), parts[0].cmp(&parts[1]));
        }
    }

    #[test]
    fn a_separator_within_a_part_makes_another_key() {
        let key = |target: &str, name: &str| Key::new(target, GroupKind::default(), "", name);
        let (one, other) = (key("a\0", "b"), key("a", "\0b"));
        assert_ne!(one, other);
        assert_eq!((one.target(), one.name(), other.target(), other.name()), ("a\0", "b", "a", "\0b"));
        assert_eq!((one.joined(), other.joined().and_then(Key::from_joined)), (None, Some(other.clone())));
    }

    #[test]
    fn a_text_with_a_part_missing_is_refused() {
        for text in ["", "dir", "dir:File", "dir:File/-", "dir:File/-/", ":File/-/a", "dir:/-/a"] {
            assert!(text.parse::<Key>().is_err(), "{text:?} was read as a key");
        }
    }
}
