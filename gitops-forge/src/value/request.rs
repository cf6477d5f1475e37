use gitops_core::Time;
use serde::{Deserialize, Serialize};

use super::{CommitId, RepositoryPath, User};

/// A request to take a branch into another: a pull request, or a merge request.
///
/// Title and branch names were written by anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeRequest {
    /// Its number in the repository.
    pub number: u64,
    /// One line.
    pub title: String,
    /// Who opened it.
    pub author: User,
    /// Whether it is open.
    pub state: RequestState,
    /// Whether its author says that it is not ready.
    pub is_draft: bool,
    /// What is to be taken.
    pub head: Branch,
    /// What it is to be taken into. GitHub gives the commit that it had when the request was last pushed to: ask Git for
    /// the newest one.
    pub base: Branch,
    /// Whether it can be merged.
    pub mergeable: Mergeable,
    /// The commit on the base branch that holds it, once it is merged.
    pub merge_commit: Option<CommitId>,
    /// Who merged it, or put it into the queue that did, where the forge says it: lists of GitHub do not, and one that was merged by a
    /// push may name nobody.
    pub merged_by: Option<User>,
    /// When it was merged.
    pub merged: Option<Time>,
    /// When something about it last changed.
    pub updated: Time,
    /// Its page.
    pub web_url: String,
}

impl ChangeRequest {
    /// An open request of which nothing more is known.
    pub fn new(number: u64, title: impl Into<String>, author: User, head: Branch, base: Branch) -> Self {
        Self {
            number,
            title: title.into(),
            author,
            state: RequestState::Open,
            is_draft: false,
            head,
            base,
            mergeable: Mergeable::Unknown,
            merge_commit: None,
            merged_by: None,
            merged: None,
            updated: Time::default(),
            web_url: String::new(),
        }
    }

    /// Whether its head is not a branch in the repository of its base, which only those can push who may write there. A head whose
    /// repository is gone counts as a fork's, and so does one that was pushed for review to where everybody may push.
    pub fn is_fork(&self) -> bool {
        match (&self.head.repository, &self.base.repository) {
            (Some(head), Some(base)) => !head.is(base),
            _ => true,
        }
    }
}

/// A branch, where it is, and its newest commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Branch {
    /// Its name, without `refs/heads/`.
    pub name: String,
    /// Its newest commit.
    pub commit: CommitId,
    /// The repository that it is in; `None` if that is gone or may not be seen, and for a head that is no branch.
    pub repository: Option<RepositoryPath>,
}

impl Branch {
    /// A branch of a repository.
    pub fn new(name: impl Into<String>, commit: CommitId, repository: Option<RepositoryPath>) -> Self {
        Self { name: name.into(), commit, repository }
    }
}

/// Whether a request is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestState {
    /// It waits for reviews, or to be merged.
    Open,
    /// It was merged.
    Merged,
    /// It was closed without being merged.
    Closed,
}

/// Whether a request can be merged, as the forge sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Mergeable {
    /// Without a conflict.
    Yes,
    /// There is a conflict, or a rule is against it.
    No,
    /// The forge has not looked yet.
    Unknown,
}

/// Which requests are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestQuery {
    /// All that are open.
    Open,
    /// Those that are open from one branch of this repository into another.
    Between {
        /// What is to be taken.
        head: String,
        /// What it is to be taken into.
        base: String,
    },
    /// Those whose head is this commit, or that were merged as this commit.
    OfCommit(CommitId),
    /// Those that were changed at this time or later by the forge's clock, whatever became of them. A comment is a change too.
    ChangedSince(Time),
}

/// A request to be opened, between two branches of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewRequest {
    /// What is to be taken.
    pub head: String,
    /// What it is to be taken into.
    pub base: String,
    /// One line.
    pub title: String,
    /// The text under it.
    pub body: String,
}

impl NewRequest {
    /// A request without a text.
    pub fn new(head: impl Into<String>, base: impl Into<String>, title: impl Into<String>) -> Self {
        Self { head: head.into(), base: base.into(), title: title.into(), body: String::new() }
    }

    /// The same with a text.
    #[must_use]
    pub fn body(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }
}

/// How a request is to be merged. The precondition travels in the value: there is no merge of whatever is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Merge {
    /// The head commit that was reviewed; if it is another one by now, nothing is merged.
    pub expected_head: CommitId,
    /// What the base branch gets.
    pub method: MergeMethod,
    /// The branch that it is to be merged into, if that matters: forges compare the head alone, so what is to be merged into another one
    /// by now is not merged by [`ensure_merged`](crate::ForgeExt::ensure_merged).
    pub base: Option<String>,
}

impl Merge {
    /// A merge commit of this head.
    pub fn of(expected_head: CommitId) -> Self {
        Self { expected_head, method: MergeMethod::Merge, base: None }
    }

    /// The same in another way.
    #[must_use]
    pub fn method(self, method: MergeMethod) -> Self {
        Self { method, ..self }
    }

    /// Into this branch, and into no other one.
    #[must_use]
    pub fn into_branch(self, base: impl Into<String>) -> Self {
        Self { base: Some(base.into()), ..self }
    }
}

/// What the base branch gets from a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MergeMethod {
    /// A commit with two parents.
    Merge,
    /// One commit with all changes.
    Squash,
    /// The request's commits, one by one.
    Rebase,
}

impl MergeMethod {
    /// Those that a repository does not forbid. A forge that says nothing of one leaves it to the merge.
    pub(crate) fn allowed(merge: Option<bool>, squash: Option<bool>, rebase: Option<bool>) -> Vec<Self> {
        let all = [(Self::Merge, merge), (Self::Squash, squash), (Self::Rebase, rebase)];
        all.into_iter().filter(|(_, said)| said.unwrap_or(true)).map(|(method, _)| method).collect()
    }
}

/// What came of a merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Merged {
    /// The commit on the base branch; `None` if the forge has not said it yet.
    pub commit: Option<CommitId>,
}

impl Merged {
    /// Merged as this commit.
    pub fn new(commit: Option<CommitId>) -> Self {
        Self { commit }
    }
}
