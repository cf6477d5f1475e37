use gitops_core::Time;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{CommitId, User};

/// What a reviewer said about one commit of a change request.
///
/// It is what the forge recorded, not what it counts for: rules of approval judge that from the author, the commit and
/// the time. The latest review of a person that is not a comment is the one that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Review {
    /// What the forge knows it by, for the audit.
    pub id: SmolStr,
    /// Who wrote it.
    pub author: User,
    /// What was said.
    pub state: ReviewState,
    /// The head commit that it is about; `None` where the forge does not tell, and then it proves nothing about a commit.
    pub commit: Option<CommitId>,
    /// When it was submitted; `None` where the forge does not tell.
    pub submitted: Option<Time>,
    /// Whether it was taken back, by its author or by somebody who may.
    pub is_dismissed: bool,
}

impl Review {
    /// A review that counts, of no known commit and time.
    pub fn new(id: impl Into<SmolStr>, author: User, state: ReviewState) -> Self {
        Self { id: id.into(), author, state, commit: None, submitted: None, is_dismissed: false }
    }

    /// The same, about a commit.
    #[must_use]
    pub fn commit(self, commit: Option<CommitId>) -> Self {
        Self { commit, ..self }
    }

    /// The same, submitted at a time.
    #[must_use]
    pub fn submitted(self, submitted: Option<Time>) -> Self {
        Self { submitted, ..self }
    }

    /// The same, taken back or not.
    #[must_use]
    pub fn dismissed(self, is_dismissed: bool) -> Self {
        Self { is_dismissed, ..self }
    }
}

/// What a reviewer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReviewState {
    /// Yes.
    Approved,
    /// Not like this.
    ChangesRequested,
    /// Neither.
    Commented,
}
