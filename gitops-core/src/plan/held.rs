use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cx::Time;
use crate::value::Key;

/// An object about which nothing may be done now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The object.
    pub key: Key,
    /// Why.
    pub why: HeldBecause,
}

/// Why nothing may be done about an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HeldBecause {
    /// It is there, made by other means, and nobody said to take it over.
    Unmarked,
    /// It carries another owner's mark.
    OwnedByOther {
        /// The other owner.
        owner: String,
    },
    /// It is on its way out; it can be made anew once it is gone.
    Deleting,
    /// It can't be read.
    Unreadable {
        /// The target's reason.
        reason: String,
    },
    /// It uses an output that is not there yet, or that is about to change. The pass after that one's knows it.
    AwaitsOutput {
        /// Whose output.
        of: Key,
        /// Its name.
        output: String,
        /// The outputs that are there; none if their object is about to change.
        known: Vec<String>,
    },
    /// It has an output as a part of a text, and that output is no text.
    UnfitOutput {
        /// Whose output.
        of: Key,
        /// Its name.
        output: String,
        /// What it is.
        what: String,
    },
    /// Its target could not foretell what a change of it would do.
    Unforeseen {
        /// The target's reason.
        reason: String,
    },
    /// Somebody else changes it again and again; it is corrected rarely until that ends.
    Contested {
        /// When it may be corrected next.
        until: Time,
    },
    /// We may have made it and its target can't say: for good, then a person must; or not yet, for it may still land.
    Quarantined,
    /// We set out to make it, something else is there, and it is no longer declared.
    Unresolved,
}

impl HeldBecause {
    /// The object whose output is awaited, if it is that.
    pub fn awaited(&self) -> Option<&Key> {
        match self {
            Self::AwaitsOutput { of, .. } => Some(of),
            _ => None,
        }
    }
}

impl fmt::Display for HeldBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmarked => f.write_str("it is there and was not made by us"),
            Self::OwnedByOther { owner } => write!(f, "it belongs to {owner}"),
            Self::Deleting => f.write_str("it is being deleted"),
            Self::Unreadable { reason } => write!(f, "it can't be read: {reason}"),
            Self::AwaitsOutput { of, output, known } if known.is_empty() => {
                write!(f, "it awaits the output `{output}` of {of}")
            }
            Self::AwaitsOutput { of, output, known } => {
                write!(f, "it awaits the output `{output}` of {of}, which has: {}", known.join(", "))
            }
            Self::UnfitOutput { of, output, what } => {
                write!(f, "the output `{output}` of {of} is {what} and can't be a part of a text")
            }
            Self::Unforeseen { reason } => write!(f, "its target can't foretell a change: {reason}"),
            Self::Contested { until } => {
                write!(f, "others change it as often as it is corrected; the next time is at {until}")
            }
            Self::Quarantined => f.write_str("we may have made it already, and its target can't say"),
            Self::Unresolved => f.write_str("we meant to make it, and what is there may not be ours"),
        }
    }
}
