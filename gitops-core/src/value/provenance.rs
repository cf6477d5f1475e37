use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Where in the source an object is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.path),
            line => write!(f, "{}:{line}", self.path),
        }
    }
}
