//! What the forge answers, as far as it is read.

use gitops_core::Time;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct UserJson {
    pub id: i64,
    pub login: String,
}

/// The address of an account, or one that stands for it.
#[derive(Debug, Deserialize)]
pub(super) struct OwnAddressJson {
    #[serde(default)]
    pub email: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RequestJson {
    pub number: u64,
    pub title: String,
    pub user: UserJson,
    pub state: String,
    #[serde(default)]
    pub draft: bool,
    #[serde(default)]
    pub mergeable: bool,
    #[serde(default)]
    pub merged: bool,
    pub merge_commit_sha: Option<String>,
    #[serde(default)]
    pub merged_at: Option<Time>,
    #[serde(default)]
    pub merged_by: Option<UserJson>,
    pub base: BranchJson,
    pub head: BranchJson,
    pub updated_at: Time,
    pub html_url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct BranchJson {
    #[serde(rename = "ref")]
    pub name: String,
    pub sha: String,
    pub repo: Option<RepositoryJson>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RepositoryJson {
    pub full_name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct CommentJson {
    pub id: i64,
    pub user: UserJson,
    pub body: String,
    pub created_at: Time,
    pub updated_at: Time,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReactionJson {
    pub user: Option<UserJson>,
    pub content: String,
    pub created_at: Time,
}

#[derive(Debug, Deserialize)]
pub(super) struct CombinedJson {
    pub statuses: Option<Vec<StatusJson>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StatusJson {
    pub status: String,
    pub context: String,
    pub description: String,
    pub target_url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReviewJson {
    pub id: i64,
    pub user: Option<UserJson>,
    pub state: String,
    #[serde(default)]
    pub commit_id: String,
    #[serde(default)]
    pub dismissed: bool,
    /// When it was begun: a draft is submitted later.
    pub submitted_at: Option<Time>,
    #[serde(default)]
    pub updated_at: Option<Time>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PermissionJson {
    pub permission: String,
    pub user: UserJson,
}

#[derive(Debug, Deserialize)]
pub(super) struct TeamJson {
    pub id: i64,
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct IssueJson {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub user: UserJson,
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitJson {
    pub sha: String,
    pub author: Option<UserJson>,
    pub committer: Option<UserJson>,
    pub commit: SaidJson,
}

/// What a commit says itself.
#[derive(Debug, Deserialize)]
pub(super) struct SaidJson {
    pub author: AddressJson,
    pub committer: AddressJson,
}

#[derive(Debug, Deserialize)]
pub(super) struct AddressJson {
    pub email: String,
}
