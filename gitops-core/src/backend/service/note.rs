//! What the adapter remembers of an object: on the object itself, as a label, or in the ledger.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::shape::Shape;
use crate::value::OwnerLabel;

/// What a label begins with, for the people who find one.
const PREFIX: &str = "gitops ";

/// A label that is longer is none of ours.
const MAX_LABEL: usize = 256 << 10;

/// Whose an object is, which change wrote it last, and which fields were declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) owner: SmolStr,
    pub(super) op: SmolStr,
    /// The operation that made it; empty of an object that others made.
    pub(super) made: SmolStr,
    pub(super) fields: Shape,
}

impl Note {
    /// The note of an object that a change makes.
    pub(super) fn made_by(owner_label: &OwnerLabel, fields: Shape) -> Self {
        Self {
            owner: owner_label.owner.clone(),
            op: owner_label.op.clone(),
            made: owner_label.op.clone(),
            fields,
        }
    }

    /// The note that a change leaves on an object that is there.
    pub(super) fn written_by(&self, owner_label: &OwnerLabel, fields: Shape) -> Self {
        Self { made: self.made.clone(), ..Self::made_by(owner_label, fields) }
    }

    pub(super) fn label(&self) -> String {
        let text = serde_json::to_string(self).expect("texts and a tree of texts are JSON");
        format!("{PREFIX}{text}")
    }

    /// The note of a label; nothing if it is not ours to read.
    pub(super) fn read(label: &str) -> Option<Self> {
        let text = label.strip_prefix(PREFIX).filter(|text| text.len() <= MAX_LABEL)?;
        serde_json::from_str(text).ok()
    }
}
