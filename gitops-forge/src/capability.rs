//! What only some forges can do. Presence is the capability.

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Time};
use smol_str::SmolStr;

use crate::value::{CommitId, Deployment, Issue, IssueWrite, QueuedCommit, Reaction, RequestCommit, User};

/// The members of teams.
#[async_trait]
pub trait Teams: Send + Sync {
    /// The members of a team, by id: `organisation/team`; on GitLab the path of a group, its inherited members included.
    ///
    /// # Errors
    /// `NotFound` for a team that is not there, never an empty list.
    async fn members(&self, cx: &Cx, team: &str) -> Result<Vec<User>>;
}

/// Emojis on comments.
#[async_trait]
pub trait Reactions: Send + Sync {
    /// Puts an emoji on a comment of a request; one that we put there already is no error.
    async fn react(&self, cx: &Cx, number: u64, comment: &str, reaction: Reaction) -> Result<()>;

    /// Who put 👍 on a comment of a request, and when: nobody can do that in the name of somebody else.
    ///
    /// # Errors
    /// `Unsupported` where nobody asks for it, since the forge [tells edits](crate::ForgeInfo::tells_edits) otherwise.
    async fn thumbs_up(&self, cx: &Cx, number: u64, comment: &str) -> Result<Vec<(User, Time)>> {
        cx.check()?;
        let message = format!("nobody knows who put a thumb up on the comment {comment} of {number}");
        Err(Error::new(ErrorKind::Unsupported, message))
    }
}

/// Records of deployments.
#[async_trait]
pub trait Deployments: Send + Sync {
    /// The latest deployment of an environment, with the id that the forge gave it.
    async fn latest(&self, cx: &Cx, environment: &str) -> Result<Option<(SmolStr, Deployment)>>;

    /// Records a new deployment and how it stands; gives its id.
    async fn create(&self, cx: &Cx, deployment: &Deployment) -> Result<SmolStr>;

    /// Says how a deployment stands now.
    async fn set_state(&self, cx: &Cx, id: &str, deployment: &Deployment) -> Result<()>;
}

/// Issues.
#[async_trait]
pub trait Issues: Send + Sync {
    /// The open issues that we opened, by number.
    async fn own_open(&self, cx: &Cx) -> Result<Vec<Issue>>;

    /// Opens, edits or closes an issue; gives it as it is now, `None` if it was closed.
    async fn write(&self, cx: &Cx, write: &IssueWrite) -> Result<Option<Issue>>;
}

/// Requests that are closed without a merge.
#[async_trait]
pub trait Closing: Send + Sync {
    /// Closes an open request without merging it. Of one that is merged or closed nothing is asked: see
    /// [`ForgeExt::close_request`](crate::ForgeExt::close_request).
    async fn close(&self, cx: &Cx, number: u64) -> Result<()>;
}

/// The commits of requests, and whose they are.
#[async_trait]
pub trait Commits: Send + Sync {
    /// Every commit of a request, by commit id: all of them, or an error.
    async fn of_request(&self, cx: &Cx, number: u64) -> Result<Vec<RequestCommit>>;

    /// One commit of the repository, whether it came by a request or not.
    ///
    /// # Errors
    /// `NotFound` for a commit that is not there; `Unsupported` where the forge tells it of requests only.
    async fn of_commit(&self, cx: &Cx, commit: &CommitId) -> Result<RequestCommit> {
        cx.check()?;
        let message = format!("the forge does not tell whose the commit {commit} is");
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    /// An address by which the forge knows commits for those of our account; nothing where it has none.
    async fn own_address(&self, cx: &Cx) -> Result<Option<String>>;
}

/// A merge queue of which the forge itself tells what waits in it.
#[async_trait]
pub trait MergeQueue: Send + Sync {
    /// What the queue made and has not merged yet, the oldest first; nothing where the repository has no queue.
    async fn waiting(&self, cx: &Cx) -> Result<Vec<QueuedCommit>>;
}
