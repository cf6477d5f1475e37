use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// One immutable state of a source: a commit, a digest.
///
/// [`id`](Self::id) decides; [`name`](Self::name) is what it was called when it was resolved (a branch, a
/// tag) and is there for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Revision {
    id: SmolStr,
    name: SmolStr,
}

impl Revision {
    /// A revision by its immutable id, and the name that led to it.
    pub fn new(id: impl Into<SmolStr>, name: impl Into<SmolStr>) -> Self {
        Self { id: id.into(), name: name.into() }
    }

    /// The immutable id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name that was resolved.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first 12 characters of the id.
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

impl PartialEq for Revision {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Revision {}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.is_empty() || self.name == self.id {
            true => f.write_str(self.short()),
            false => write!(f, "{} ({})", self.short(), self.name),
        }
    }
}
