//! What the forge answers, as far as it is read.

use gitops_core::Time;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct UserJson {
    pub id: u64,
    pub login: String,
    /// `User`, `Bot`, `Organization`, `Mannequin`.
    #[serde(rename = "type", default)]
    pub kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RequestJson {
    pub number: u64,
    pub title: String,
    pub user: Option<UserJson>,
    pub state: String,
    #[serde(default)]
    pub draft: bool,
    /// Only of a single one, and nothing until the forge has looked.
    #[serde(default)]
    pub mergeable: Option<bool>,
    pub merged_at: Option<Time>,
    /// Until it is merged, that of a trial.
    pub merge_commit_sha: Option<String>,
    /// Only of a single one.
    #[serde(default)]
    pub merged_by: Option<UserJson>,
    pub base: BranchJson,
    pub head: BranchJson,
    pub updated_at: Time,
    pub html_url: String,
}

/// Who is asked for a review of a request.
#[derive(Debug, Deserialize)]
pub(super) struct AskedJson {
    #[serde(default)]
    pub requested_reviewers: Vec<UserJson>,
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
pub(super) struct MergedJson {
    pub sha: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct CommentJson {
    pub id: u64,
    pub user: Option<UserJson>,
    #[serde(default)]
    pub body: Option<String>,
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
    pub statuses: Vec<StatusJson>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StatusJson {
    pub state: String,
    pub context: String,
    pub description: Option<String>,
    pub target_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReviewJson {
    pub id: u64,
    pub user: Option<UserJson>,
    pub state: String,
    pub commit_id: Option<String>,
    #[serde(default)]
    pub submitted_at: Option<Time>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PermissionJson {
    pub permission: String,
    pub role_name: String,
    pub user: Option<UserJson>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitJson {
    pub sha: String,
    pub author: Option<AccountJson>,
    pub committer: Option<AccountJson>,
    pub commit: SaidJson,
}

/// An account, or an object without anything.
#[derive(Debug, Deserialize)]
pub(super) struct AccountJson {
    pub id: Option<u64>,
    pub login: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// What a commit says itself.
#[derive(Debug, Deserialize)]
pub(super) struct SaidJson {
    pub author: Option<AddressJson>,
    pub committer: Option<AddressJson>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AddressJson {
    pub email: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct IssueJson {
    pub number: u64,
    pub title: String,
    #[serde(default)]
    pub body: Option<String>,
    pub user: Option<UserJson>,
    /// Of a pull request, which is an issue too.
    #[serde(default)]
    pub pull_request: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeploymentJson {
    pub id: u64,
    pub sha: String,
    #[serde(rename = "ref")]
    pub reference: String,
    pub environment: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeploymentStatusJson {
    pub state: String,
    pub description: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct AppJson {
    #[serde(default)]
    pub slug: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct InstallationJson {
    pub id: u64,
}

/// It holds a secret, so it is never shown.
#[derive(Deserialize)]
pub(super) struct TokenJson {
    pub token: String,
    pub expires_at: Time,
}
