use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Where in the source an object is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Provenance {
    /// The source, as a person would name it: a URL without credentials.
    pub source: Arc<str>,
    /// The revision from which the object was read.
    pub revision: Arc<str>,
    /// The file below the source's root.
    pub path: SmolStr,
    /// The line on which it begins, from 1; 0 where it is the whole file.
    pub line: u32,
}

impl Provenance {
    /// A line of a file; 0 for the whole file.
    pub fn new(
        source: impl Into<Arc<str>>,
        revision: impl Into<Arc<str>>,
        path: impl Into<SmolStr>,
        line: u32,
    ) -> Self {
        Self { source: source.into(), revision: revision.into(), path: path.into(), line }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.path),
            line => write!(f, "{}:{line}", self.path),
        }
    }
}
