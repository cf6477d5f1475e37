use serde::{Deserialize, Serialize};

use super::CommitId;

/// A commit that a merge queue made: a branch, what is before it in the queue, and a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueuedCommit {
    /// The branch that it would become.
    pub branch: String,
    /// The commit.
    pub commit: CommitId,
}

impl QueuedCommit {
    /// A commit that would become a branch.
    pub fn new(branch: impl Into<String>, commit: CommitId) -> Self {
        Self { branch: branch.into(), commit }
    }
}

/// Whether a reference is that of a merge request's commit on a merge train of GitLab.
pub(crate) fn is_train(reference: &str) -> bool {
    let number = reference.strip_prefix("refs/merge-requests/").and_then(|rest| rest.strip_suffix("/train"));
    number.is_some_and(|number| number.parse::<u64>().is_ok())
}
