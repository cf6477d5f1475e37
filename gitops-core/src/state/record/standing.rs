//! How far revisions have come: which one is live completely, and which one is in progress.

use serde::{Deserialize, Serialize};

use crate::cx::Time;
use crate::value::{Key, Revision};

/// How many of the missing objects are named; the others are counted.
pub(crate) const NAMED: usize = 32;

/// The revision that is live completely, and the one in progress. A revision that was begun counts for the line from
/// which no branch may be moved back, whether it is complete or not: see [`Inventory::accepted`](crate::Inventory::accepted).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Standing {
    pub complete: Option<Complete>,
    pub progress: Option<Progress>,
    /// How many objects were owned when what is in progress began, be it one revision or several in a row. What was made
    /// since makes no deletion of the others smaller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<usize>,
    /// How many objects were removed since then without a person's approval: they count for the next removals, or many small ones
    /// would be none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub removed: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The last revision of which every object was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Complete {
    /// Which one.
    pub revision: Revision,
    /// When its last object was applied, or was seen to be as declared.
    pub at: Time,
}

/// A revision whose application began and is not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// Which one.
    pub revision: Revision,
    /// When it began.
    pub since: Time,
    /// What the last reconciliation left: nothing if none has come to its end yet.
    pub left: Option<Left>,
}

/// The objects of a revision that were not applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Left {
    /// The first of them by key, at most 32.
    pub missing: Vec<Key>,
    /// How many more there are.
    pub more: usize,
    /// What failed first when they were tried last: the object and why, in at most 300 characters. Nothing if none failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Left {
    /// These objects, each once: the first 32 by key, and how many more there are.
    pub fn of(mut missing: Vec<Key>) -> Self {
        missing.sort();
        missing.dedup();
        let more = missing.len().saturating_sub(NAMED);
        missing.truncate(NAMED);
        Self { missing, more, error: None }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.missing.len() + self.more
    }
}

impl Standing {
    pub fn begin(&mut self, revision: &Revision, since: Time, owned: usize) {
        // Of less than two objects no deletion is a large one: then what is there by now counts.
        self.baseline = Some(self.baseline.filter(|baseline| *baseline > 1).unwrap_or(owned));
        self.progress = Some(Progress { revision: revision.clone(), since, left: None });
    }

    /// Something was removed, and nobody had approved it.
    pub fn remove(&mut self) {
        if self.progress.is_some() {
            self.removed += 1;
        }
    }

    pub fn leave(&mut self, left: &Left) {
        if let Some(progress) = &mut self.progress {
            progress.left = Some(left.clone());
        }
    }

    pub fn finish(&mut self, revision: &Revision, at: Time) {
        let complete = Some(Complete { revision: revision.clone(), at });
        *self = Self { complete, ..Self::default() };
    }

    /// The revision that was begun last, whether it is complete or not.
    pub fn newest(&self) -> Option<&Revision> {
        let complete = || self.complete.as_ref().map(|complete| &complete.revision);
        self.progress.as_ref().map(|progress| &progress.revision).or_else(complete)
    }

    /// Whether this revision is the one in progress.
    pub fn is_in_progress(&self, revision: &Revision) -> bool {
        self.progress.as_ref().is_some_and(|progress| &progress.revision == revision)
    }

    /// Whether this revision is live completely, and no other one was begun since.
    pub fn is_complete(&self, revision: &Revision) -> bool {
        self.progress.is_none()
            && self.complete.as_ref().is_some_and(|complete| &complete.revision == revision)
    }
}
