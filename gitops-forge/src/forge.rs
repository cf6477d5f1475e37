use async_trait::async_trait;
use gitops_core::{Cx, Result};

use crate::capability::{Closing, Commits, Deployments, Issues, MergeQueue, Reactions, Teams};
use crate::value::{
    ChangeRequest, Comment, CommentQuery, CommentWrite, CommitId, CommitStatus, Merge, MergeMethod, Merged,
    NewRequest, Permission, RepositoryPath, RequestQuery, Review, User,
};

/// One repository on a forge, as one account sees it.
///
/// | Method | Reads or writes |
/// | --- | --- |
/// | `info() -> ForgeInfo` | what is known without a call |
/// | `me(cx) -> User` | who we are |
/// | `change_request(cx, number) -> ChangeRequest` | a request |
/// | `change_requests(cx, query) -> Vec<ChangeRequest>` | open requests, or those of a commit |
/// | `open(cx, new) -> ChangeRequest` | opens a request |
/// | `merge_methods(cx) -> Vec<MergeMethod>` | how requests may be merged |
/// | `merge(cx, number, merge) -> Merged` | merges one, if its head is the expected one |
/// | `comments(cx, number, query) -> Vec<Comment>` | the comments of a request |
/// | `write_comment(cx, number, write) -> Option<Comment>` | writes, edits or removes one |
/// | `statuses(cx, commit) -> Vec<CommitStatus>` | the latest status of each context |
/// | `set_status(cx, commit, status)` | sets one |
/// | `reviews(cx, number) -> Vec<Review>` | what reviewers said |
/// | `permission(cx, user) -> Permission` | what a user may do |
///
/// These are the calls as a forge has them. [`ForgeExt`](crate::ForgeExt) makes of them what a program wants: one
/// comment that is kept current, a status that is written only when it changes, a merge whose answer may be lost.
///
/// Which files a request changes is not asked here: lists of forges are cut short (GitHub's at 3,000 files). Compare
/// the Git trees of [`base`](ChangeRequest::base) and [`head`](ChangeRequest::head) instead.
///
/// # Guarantees
/// - Reads write nothing. A list is whole, or it is an error.
/// - Lists come in one order: reviews and comments in that of their creation, requests by number, statuses by context.
/// - A write that answers `Ok` was done. One whose answer was lost is
///   [`Outcome::Unknown`](gitops_core::Outcome::Unknown): it may have been done, now or later.
/// - [`merge`](Self::merge) with another head than the expected one is a `Conflict`, and merges nothing.
/// - What strangers wrote comes as it is. Nothing of it is trusted, and whoever shows it escapes it.
/// - No error, `Debug` text or [`Call`](crate::Call) holds a token.
///
/// # Assumptions
/// - Two accounts with one id are one account.
///
/// # Errors
/// `NotFound` also for what the account may not see, as forges answer; `Unauthenticated` and `Forbidden`; `Limit` for a
/// text or list that is too long; `Unavailable` with [`Retry::After`](gitops_core::Retry::After) when the forge asks
/// for patience; `Timeout` and `Cancelled` by the [`Cx`].
///
/// # Cancel safety
/// A read that is dropped has no effect. A write that is dropped may have been done.
#[async_trait]
pub trait Forge: Send + Sync {
    /// What is known without a call.
    fn info(&self) -> ForgeInfo;

    /// Who we are: the author of what we write.
    async fn me(&self, cx: &Cx) -> Result<User>;

    /// The request of a number.
    async fn change_request(&self, cx: &Cx, number: u64) -> Result<ChangeRequest>;

    /// The requests that a query asks for, by number.
    async fn change_requests(&self, cx: &Cx, query: &RequestQuery) -> Result<Vec<ChangeRequest>>;

    /// Opens a request. Where one between these branches is open already, that is a `Conflict`.
    async fn open(&self, cx: &Cx, new: &NewRequest) -> Result<ChangeRequest>;

    /// How the repository lets its requests be merged; a merge commit where the forge has no word for it.
    async fn merge_methods(&self, cx: &Cx) -> Result<Vec<MergeMethod>> {
        cx.check()?;
        Ok(vec![MergeMethod::Merge])
    }

    /// Merges a request, if its head is the expected one and the rules of its base branch allow it.
    async fn merge(&self, cx: &Cx, number: u64, merge: &Merge) -> Result<Merged>;

    /// The comments on a request as a whole, in the order of their creation; those on lines of the diff are not among them.
    async fn comments(&self, cx: &Cx, number: u64, query: &CommentQuery) -> Result<Vec<Comment>>;

    /// Writes, edits or removes a comment; gives it as the forge now has it, `None` if it was removed.
    async fn write_comment(&self, cx: &Cx, number: u64, write: &CommentWrite) -> Result<Option<Comment>>;

    /// The latest status of each context of a commit, by context.
    async fn statuses(&self, cx: &Cx, commit: &CommitId) -> Result<Vec<CommitStatus>>;

    /// Sets the status of a context of a commit.
    async fn set_status(&self, cx: &Cx, commit: &CommitId, status: &CommitStatus) -> Result<()>;

    /// What reviewers said of a request, in the order in which they said it.
    async fn reviews(&self, cx: &Cx, number: u64) -> Result<Vec<Review>>;

    /// What a user may do with the repository; `None` for a user who is not there any more.
    async fn permission(&self, cx: &Cx, user: &User) -> Result<Permission>;

    /// The members of teams.
    fn teams(&self) -> Option<&dyn Teams> {
        None
    }

    /// Emojis on comments.
    fn reactions(&self) -> Option<&dyn Reactions> {
        None
    }

    /// Records of deployments.
    fn deployments(&self) -> Option<&dyn Deployments> {
        None
    }

    /// Issues.
    fn issues(&self) -> Option<&dyn Issues> {
        None
    }

    /// Closing requests without a merge.
    fn closing(&self) -> Option<&dyn Closing> {
        None
    }

    /// Whose the commits of requests are.
    fn commits(&self) -> Option<&dyn Commits> {
        None
    }

    /// What waits in the merge queue.
    fn merge_queue(&self) -> Option<&dyn MergeQueue> {
        None
    }
}

/// What is known of a forge without a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForgeInfo {
    /// The kind of forge: `github`, `gitlab`, `gitea`.
    pub kind: &'static str,
    /// The repository.
    pub repository: RepositoryPath,
    /// The most bytes that a comment or an issue should have. Well below what the forge refuses.
    pub comment_bytes: usize,
    /// The most characters of a status's context.
    pub context_chars: usize,
    /// Whether the times of a comment tell each edit. They do not where they are in seconds: somebody else may edit a comment in the second
    /// in which it was written.
    pub tells_edits: bool,
}

impl ForgeInfo {
    /// The limits that every forge but Bitbucket keeps: 60,000 bytes of a comment, 255 characters of a context. Its times are taken for such
    /// in seconds.
    pub fn new(kind: &'static str, repository: RepositoryPath) -> Self {
        Self { kind, repository, comment_bytes: 60_000, context_chars: 255, tells_edits: false }
    }

    /// Of a forge whose times of comments tell each edit.
    #[must_use]
    pub fn telling_edits(self) -> Self {
        Self { tells_edits: true, ..self }
    }
}
