//! One line of an audit file.

use serde::{Deserialize, Serialize};

use super::AuditEntry;
use crate::value::{Digest, Hasher};

/// An entry with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// Its number, from 1.
    pub seq: u64,
    /// The digest of the line before it.
    pub prev: Digest,
    pub entry: AuditEntry,
    /// The digest of this line.
    pub digest: Digest,
}

impl Line {
    pub fn after(seq: u64, prev: Digest, entry: AuditEntry) -> serde_json::Result<Self> {
        let digest = digest(seq, &prev, &entry)?;
        Ok(Self { seq: seq + 1, prev, entry, digest })
    }

    /// What is wrong with a line that should follow another.
    pub fn check(&self, seq: u64, prev: &Digest) -> Result<(), &'static str> {
        if self.seq != seq + 1 {
            return Err("has another number than its place");
        }
        if &self.prev != prev {
            return Err("does not follow the line before it");
        }
        match digest(seq, prev, &self.entry) {
            Ok(digest) if digest == self.digest => Ok(()),
            _ => Err("was changed"),
        }
    }

    /// The line's text, with its end.
    pub fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|text| text + "\n")
    }
}

fn digest(seq: u64, prev: &Digest, entry: &AuditEntry) -> serde_json::Result<Digest> {
    let mut hasher = Hasher::new("gitops audit line");
    hasher.field(seq.to_le_bytes()).field(prev.as_bytes()).field(serde_json::to_vec(entry)?);
    Ok(hasher.finish())
}
