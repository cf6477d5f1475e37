//! What a state belongs to.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// What a state belongs to: it is of no use to another application, and dangerous for another source or target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Binding {
    /// The application.
    pub application: String,
    /// The source.
    pub source: String,
    /// Each target that can name the place that it works on, by the name under which keys call it.
    #[serde(default)]
    pub targets: BTreeMap<SmolStr, String>,
}

/// One thing that the state belongs to, and that is another one now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rebound {
    /// What it is: `application`, `source`, or `target` and its name.
    pub what: String,
    /// What the state belongs to.
    pub from: String,
    /// What it would belong to.
    pub to: String,
}

impl fmt::Display for Rebound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, from, to } = self;
        write!(f, "the {what} was `{from}` and is `{to}`")
    }
}

impl Binding {
    /// What moves if a state of this binding goes on under another one. A target that is new, or that the other one can't
    /// identify, moves nothing.
    pub(crate) fn moved(&self, now: &Self) -> Vec<Rebound> {
        let one = |what: &str, from: &str, to: &str| {
            (from != to).then(|| Rebound { what: what.to_owned(), from: from.to_owned(), to: to.to_owned() })
        };
        let target =
            |(name, to): (&SmolStr, &String)| one(&format!("target {name}"), self.targets.get(name)?, to);
        let named = [
            one("application", &self.application, &now.application),
            one("source", &self.source, &now.source),
        ];
        named.into_iter().flatten().chain(now.targets.iter().filter_map(target)).collect()
    }

    /// The binding after going on under another one: what could not be identified now stays as it was known.
    pub(crate) fn renewed(&self, now: &Self) -> Self {
        let mut targets = self.targets.clone();
        targets.extend(now.targets.clone());
        Self { targets, ..now.clone() }
    }
}
