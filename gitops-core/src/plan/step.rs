use std::fmt;

use serde::{Deserialize, Serialize};

use crate::capability::Diff;
use crate::value::{Action, Components, Digest, Expect, ForeignField, Key, Provenance, Risk, Taken};

/// One object that would be changed: how, why, and on what condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// The object.
    pub key: Key,
    /// What would be done to it.
    pub action: Action,
    /// Whether the source or the target moved.
    pub cause: Cause,
    /// Why.
    pub reason: Reason,
    /// The fields that would change. Not read back from a saved plan.
    #[serde(skip_deserializing, default)]
    pub diff: Diff,
    /// What it does to what the object is made of. Not read back from a saved plan.
    #[serde(skip_deserializing, default)]
    pub components: Components,
    /// The state that the object must be in; nothing for one that must be absent.
    pub expect: Option<Expect>,
    /// The digest of the declared body; nothing for a delete.
    pub desired: Option<Digest>,
    /// The digest of what the target previewed, where it did.
    pub preview: Option<Digest>,
    /// Where it is, or was, declared.
    pub provenance: Option<Provenance>,
    /// What must be done and ready before: steps of this plan, objects that it holds, and its
    /// [prerequisites](crate::Plan::prerequisites).
    pub after: Vec<Key>,
    /// Whether it puts back what was recorded before: then it waits for what must be made first, ready or not, and for
    /// nothing else.
    #[serde(default)]
    pub brings_back: bool,
    /// Whether it writes again what was written last: the target left something else, and the declaration did not move
    /// since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_otherwise: bool,
    /// What a reviewer should look at twice.
    pub risk: Vec<Risk>,
    /// What goes with the object where it is deleted or replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<Taken>,
    /// Declared fields that other clients set, and what becomes of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<ForeignField>,
}

impl Step {
    /// Whether all that is declared is written: no field of it is blocked.
    pub fn is_whole(&self) -> bool {
        !self.foreign.iter().any(ForeignField::is_blocked)
    }

    /// Whether a declared field is left to another client, which may go without a word.
    pub(crate) fn leaves_fields(&self) -> bool {
        self.foreign.iter().any(ForeignField::is_left)
    }
}

/// Whether the source or the target moved since the last apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// The declaration is another than the one last applied.
    ThisChange,
    /// The declaration is the one last applied; the object is not.
    Drift,
}

/// Why a step is needed, with what a person needs to judge it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// It is declared and was never made, or was deleted by us since.
    New,
    /// We made it and it is gone.
    Missing,
    /// It differs from its declaration; the step's diff has the fields.
    Differs {
        /// How many fields differ.
        fields: usize,
    },
    /// It differs, and can't be changed in place.
    CannotChangeInPlace {
        /// The target's own reason.
        why: String,
    },
    /// It is no longer declared.
    Undeclared,
    /// It ran to its end, and is declared to be deleted after that.
    Ended {
        /// Why it failed, if it did.
        failure: Option<String>,
    },
    /// It is there, unlabelled, and the policy says to take it over.
    Adopted,
    /// It is the one that we made, and somebody took its owner label off.
    LabelLost,
    /// It is as declared, and carries the owner label of the application's former name.
    OwnershipMoves {
        /// That label.
        from: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Missing => f.write_str("deleted outside of Git"),
            Self::Differs { fields: 1 } => f.write_str("1 field differs"),
            Self::Differs { fields } => write!(f, "{fields} fields differ"),
            Self::CannotChangeInPlace { why } => write!(f, "can't be changed in place: {why}"),
            Self::Undeclared => f.write_str("no longer declared"),
            Self::Ended { failure: None } => f.write_str("it ended, and is declared to be deleted then"),
            Self::Ended { failure: Some(failure) } => {
                write!(f, "it failed, and is declared to be deleted then: {failure}")
            }
            Self::Adopted => f.write_str("adopted"),
            Self::LabelLost => f.write_str("its owner label was taken off outside of Git"),
            Self::OwnershipMoves { from } => write!(f, "the owner label moves on from {from}"),
        }
    }
}
