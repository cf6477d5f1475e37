//! What a forge says and is told, in words of no forge in particular.

mod comment;
mod commit_id;
mod deployment;
mod issue;
mod marker;
mod permission;
mod queued_commit;
mod repository;
mod request;
mod request_commit;
mod review;
mod status;
mod user;

pub use comment::{Comment, CommentQuery, CommentWrite, Reaction};
pub use commit_id::CommitId;
pub use deployment::{Deployment, DeploymentState};
pub use issue::{Issue, IssueWrite};
pub use marker::Marker;
pub use permission::Permission;
pub use queued_commit::{QueuedCommit, queued_request};
pub(crate) use queued_commit::{is_train, train_request};
pub use repository::RepositoryPath;
pub use request::{
    Branch, ChangeRequest, Merge, MergeMethod, Mergeable, Merged, NewRequest, RequestQuery, RequestState,
};
pub use request_commit::{CommitPerson, RequestCommit};
pub use review::{Review, ReviewState};
pub use status::{CommitStatus, StatusState};
pub use user::User;
