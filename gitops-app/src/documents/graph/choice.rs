//! Which part of a graph is shown.

use std::collections::BTreeSet;

use gitops_core::{Error, ErrorKind, Graph, GroupKind, Key, Result};

/// The objects that are chosen; what is shown besides is shown because of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice {
    /// Everything.
    All,
    /// One object.
    One(Key),
    /// All of some kinds and namespaces; an empty list limits nothing.
    Of {
        /// The kinds.
        kinds: BTreeSet<GroupKind>,
        /// The namespaces.
        namespaces: BTreeSet<String>,
    },
}

impl Choice {
    /// All objects of these kinds and namespaces, as people write them; no words choose everything.
    ///
    /// # Errors
    /// `NotFound` if a word means nothing that is there: it names what is.
    pub fn of(kinds_meant: &[String], namespaces: &[String], graph: &Graph) -> Result<Self> {
        if kinds_meant.is_empty() && namespaces.is_empty() {
            return Ok(Self::All);
        }
        let mut kinds = BTreeSet::new();
        for word in kinds_meant {
            kinds.extend(meant(word, graph)?);
        }
        let there: BTreeSet<&str> =
            graph.keys().map(Key::namespace).filter(|name| !name.is_empty()).collect();
        for name in namespaces {
            if !there.contains(name.as_str()) {
                return Err(none(&format!("no object is in the namespace `{name}`"), there));
            }
        }
        Ok(Self::Of { kinds, namespaces: namespaces.iter().cloned().collect() })
    }

    /// Whether an object is chosen.
    pub fn has(&self, key: &Key) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == key,
            Self::Of { kinds, namespaces } => {
                (kinds.is_empty() || kinds.contains(key.kind()))
                    && (namespaces.is_empty() || namespaces.contains(key.namespace()))
            }
        }
    }

    /// Whether an object is chosen by its name.
    pub fn names(&self, key: &Key) -> bool {
        matches!(self, Self::One(one) if one == key)
    }
}

/// The kinds that a word means: with the group or without it, its letters large or small.
fn meant(word: &str, graph: &Graph) -> Result<BTreeSet<GroupKind>> {
    let there: BTreeSet<&GroupKind> = graph.keys().map(Key::kind).collect();
    let is_meant = |kind: &GroupKind| {
        word.eq_ignore_ascii_case(kind.kind()) || word.eq_ignore_ascii_case(&kind.to_string())
    };
    let kinds: BTreeSet<GroupKind> =
        there.iter().filter(|kind| is_meant(kind)).map(|kind| (*kind).clone()).collect();
    match kinds.is_empty() {
        false => Ok(kinds),
        true => Err(none(&format!("no object is of the kind `{word}`"), there)),
    }
}

fn none<T: ToString>(message: &str, there: BTreeSet<T>) -> Error {
    let there: Vec<String> = there.iter().map(ToString::to_string).collect();
    let help = match there.is_empty() {
        true => "there is none at all".to_owned(),
        false => format!("there are: {}", there.join(", ")),
    };
    Error::new(ErrorKind::NotFound, message).help(help)
}
