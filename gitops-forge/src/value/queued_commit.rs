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
    /// The request that it takes in last, where that is known.
    pub request: Option<u64>,
}

impl QueuedCommit {
    /// A commit that would become a branch.
    pub fn new(branch: impl Into<String>, commit: CommitId) -> Self {
        Self { branch: branch.into(), commit, request: None }
    }

    /// The same of a request.
    #[must_use]
    pub fn of(self, request: Option<u64>) -> Self {
        Self { request, ..self }
    }
}

/// The request of a branch that GitHub's merge queue made, such as `gh-readonly-queue/main/pr-7-0123abc`.
pub fn queued_request(branch: &str) -> Option<u64> {
    let (_, last) = branch.rsplit_once('/')?;
    last.strip_prefix("pr-")?.split('-').next()?.parse().ok()
}

/// The merge request of a reference, if that is one of a commit on a merge train of GitLab.
pub(crate) fn train_request(reference: &str) -> Option<u64> {
    reference.strip_prefix("refs/merge-requests/")?.strip_suffix("/train")?.parse().ok()
}

/// Whether a reference is that of a merge request's commit on a merge train of GitLab.
pub(crate) fn is_train(reference: &str) -> bool {
    train_request(reference).is_some()
}
