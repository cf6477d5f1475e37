use serde::{Deserialize, Serialize};

use crate::value::{Error, ErrorKind};

/// An answer about an object that a target could not give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    /// What kind of error it was. It decides who has to do something about it.
    pub kind: ErrorKind,
    /// The target's reason, in one line.
    pub reason: String,
}

impl Refusal {
    /// The refusal of this kind for this reason.
    pub fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }
}

/// The error on one line, with what a person can do about it.
impl From<&Error> for Refusal {
    fn from(error: &Error) -> Self {
        Self::new(error.kind(), error.with_help())
    }
}

/// A reason alone is one that lies in the object.
impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::new(ErrorKind::Invalid, reason)
    }
}

/// As from a `String`.
impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}
