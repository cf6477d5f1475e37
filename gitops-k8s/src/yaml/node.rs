use std::sync::Arc;

use gitops_core::{Number, Placeholder, Secret, Value};
use smol_str::SmolStr;

use super::Fault;

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// One document of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its content.
    pub root: Node,
    /// What `kubectl` and `kustomize` take for different things in it.
    pub(crate) warnings: Vec<Fault>,
}

/// A value and where it is written; what an alias copied keeps the place of the original.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// The value.
    pub data: Data,
}

/// The value of a [`Node`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Data {
    /// Nothing, written down or left out.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, as the dialect's reader would hold it.
    Number(Number),
    /// Text.
    Text(Arc<str>),
    /// Text that must not be shown.
    Secret(Secret),
    /// What an output of another object fills.
    Placeholder(Placeholder),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of its keys; no key is there twice.
    Map(Vec<Member>),
}

/// One pair of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The key, as text.
    pub name: SmolStr,
    /// Where the key is written.
    pub place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The member of a mapping by its key.
    pub fn member(&self, name: &str) -> Option<&Member> {
        let Data::Map(members) = &self.data else { return None };
        self.index(name).ok().and_then(|index| members.get(index))
    }

    fn index(&self, name: &str) -> Result<usize, usize> {
        let Data::Map(members) = &self.data else { return Err(0) };
        members.binary_search_by(|member| member.name.as_str().cmp(name))
    }

    /// The value under a key of a mapping.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.member(name).map(|member| &member.value)
    }

    /// The value under keys, one below the other.
    pub fn at(&self, names: &[&str]) -> Option<&Node> {
        names.iter().try_fold(self, |node, name| node.get(name))
    }

    /// The value under a key of a mapping, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        let index = self.index(name).ok()?;
        let Data::Map(members) = &mut self.data else { return None };
        members.get_mut(index).map(|member| &mut member.value)
    }

    /// Takes a member out of a mapping.
    pub fn take(&mut self, name: &str) -> Option<Node> {
        let index = self.index(name).ok()?;
        let Data::Map(members) = &mut self.data else { return None };
        Some(members.remove(index).value)
    }

    /// Sets a member of a mapping; nothing happens to what is no mapping.
    pub fn set(&mut self, name: &str, value: Node) {
        let index = self.index(name);
        let Data::Map(members) = &mut self.data else { return };
        match index {
            Ok(index) => members[index].value = value,
            Err(index) => members.insert(index, Member { name: name.into(), place: value.place, value }),
        }
    }

    /// Whether it is a mapping without members.
    pub(crate) fn is_empty_map(&self) -> bool {
        matches!(&self.data, Data::Map(members) if members.is_empty())
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in a word for people.
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a truth value",
            Data::Number(_) => "a number",
            Data::Text(_) | Data::Secret(_) => "text",
            Data::Placeholder(_) => "an output that is not known yet",
            Data::List(_) => "a list",
            Data::Map(_) => "a mapping",
        }
    }

    /// How many values it holds, itself among them.
    pub(super) fn size(&self) -> usize {
        match &self.data {
            Data::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Data::Map(members) => 1 + members.iter().map(|member| member.value.size()).sum::<usize>(),
            _ => 1,
        }
    }
}

/// The value without its places.
impl From<Node> for Value {
    fn from(node: Node) -> Self {
        match node.data {
            Data::Null => Self::Null,
            Data::Bool(value) => Self::Bool(value),
            Data::Number(number) => Self::Number(number),
            Data::Text(text) => Self::Text(text),
            Data::Secret(secret) => Self::Secret(secret),
            Data::Placeholder(placeholder) => placeholder.into(),
            Data::List(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Data::Map(members) => {
                Self::map(members.into_iter().map(|member| (member.name, Self::from(member.value))))
            }
        }
    }
}
