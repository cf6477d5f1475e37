use std::fmt;

use serde::Serialize;

use crate::capability::Diff;
use crate::value::{ForeignField, Key};

/// An object that a plan changes because the source moved, and that may not be as it was applied last either: somebody
/// changed it outside of Git beside the pending commit. So is one for which there is no step and that others deleted: it is
/// going, or it left the source too.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DriftBeside {
    /// The object.
    pub key: Key,
    /// What is known of it.
    #[serde(flatten)]
    pub found: FoundBeside,
    /// Whether the step of the plan does no more than put it back: the pending commit declares the object in other words, such
    /// as with another comment, and does not change it. That is drift like any other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_drift: bool,
}

/// How an object compares with what was applied last.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "found", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FoundBeside {
    /// It was applied, and is gone.
    Deleted,
    /// It was applied, and others are deleting it: something holds it for the moment.
    Going,
    /// It was applied, and goes, or is gone, with its place, which others are deleting: its namespace.
    GoesWith {
        /// Its place.
        of: Key,
    },
    /// It was applied, and another one is there under its name.
    MadeAnew,
    /// It differs from what was applied.
    Differs {
        /// The fields: what is there, and what was applied.
        fields: Diff,
        /// Those that other clients set, as far as the target tells.
        foreign: Vec<ForeignField>,
    },
    /// It is made of parts, and our own change of it was begun and not finished: what differs may be of that.
    HalfChanged,
    /// It moved since it was applied, and nobody can say whether it differs.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl DriftBeside {
    /// An object that the pending commit changes, as far as is known.
    pub(crate) const fn new(key: Key, found: FoundBeside) -> Self {
        Self { key, found, only_drift: false }
    }

    /// Whether it is known to differ from what was applied last.
    pub const fn is_known(&self) -> bool {
        !matches!(self.found, FoundBeside::HalfChanged | FoundBeside::Unknown { .. })
    }
}

impl fmt::Display for FoundBeside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted => f.write_str("deleted outside of Git"),
            Self::Going => f.write_str("deleted outside of Git, and gone as soon as nothing holds it"),
            Self::GoesWith { of } => write!(f, "goes with {of}, which is being deleted"),
            Self::MadeAnew => f.write_str("deleted and made anew outside of Git"),
            Self::Differs { .. } => f.write_str("differs from what was applied"),
            Self::HalfChanged => f.write_str(
                "our own change of it was begun and not finished, and what differs may be of that",
            ),
            Self::Unknown { reason } => {
                write!(
                    f,
                    "moved since it was applied, and cannot be compared with what was applied: {reason}"
                )
            }
        }
    }
}
