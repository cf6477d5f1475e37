//! Which part of a graph is shown.

use std::collections::BTreeSet;

use gitops_app::lookup;
use gitops_core::{Error, ErrorKind, Graph, GroupKind, Key, Result};

use crate::cli::GraphArgs;

/// The objects that are chosen; what is shown besides is shown because of them.
pub enum Choice {
    /// Everything.
    All,
    /// One object.
    One(Key),
    /// All of some kinds and namespaces; an empty list limits nothing.
    Of { kinds: BTreeSet<GroupKind>, namespaces: BTreeSet<String> },
}

impl Choice {
    /// Reads what the command line chooses.
    ///
    /// # Errors
    /// `NotFound` if a word means nothing that is there: it names what is.
    pub fn of(args: &GraphArgs, graph: &Graph) -> Result<Self> {
        if let Some(text) = &args.key {
            return lookup::find(text, graph.keys()).map(Self::One);
        }
        if args.kinds.is_empty() && args.namespaces.is_empty() {
            return Ok(Self::All);
        }
        let mut kinds = BTreeSet::new();
        for word in &args.kinds {
            kinds.extend(meant(word, graph)?);
        }
        let there: BTreeSet<&str> =
            graph.keys().map(Key::namespace).filter(|name| !name.is_empty()).collect();
        for name in &args.namespaces {
            if !there.contains(name.as_str()) {
                return Err(none(&format!("no object is in the namespace `{name}`"), there));
            }
        }
        Ok(Self::Of { kinds, namespaces: args.namespaces.iter().cloned().collect() })
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
