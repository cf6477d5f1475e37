//! What the forge answers, as far as it is read.

use gitops_core::Time;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct UserJson {
    pub id: u64,
    pub username: String,
    /// Told of few accounts.
    #[serde(default)]
    pub bot: bool,
    /// `active`, `blocked` and others.
    #[serde(default)]
    pub state: String,
}

/// The addresses of an account.
#[derive(Debug, Deserialize)]
pub(super) struct AddressJson {
    #[serde(default)]
    pub commit_email: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RequestJson {
    pub iid: u64,
    pub title: String,
    pub author: AuthorJson,
    /// `opened`, `closed`, `locked` (while it is merged), `merged`.
    pub state: String,
    #[serde(default)]
    pub draft: bool,
    pub source_branch: String,
    pub target_branch: String,
    pub source_project_id: Option<u64>,
    pub target_project_id: u64,
    /// The head commit; nothing until the forge has made it ready.
    pub sha: Option<String>,
    pub merge_commit_sha: Option<String>,
    #[serde(default)]
    pub squash_commit_sha: Option<String>,
    #[serde(default)]
    pub merged_at: Option<Time>,
    /// Nothing until it is merged, and of one whose merger the forge does not know.
    #[serde(default)]
    pub merge_user: Option<AuthorJson>,
    /// The same in GitLab before 14.7.
    #[serde(default)]
    pub merged_by: Option<AuthorJson>,
    #[serde(default)]
    pub detailed_merge_status: String,
    /// Only of a single one.
    #[serde(default)]
    pub diff_refs: Option<DiffRefsJson>,
    pub updated_at: Time,
    pub web_url: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AuthorJson {
    pub id: u64,
    pub username: String,
}

impl From<AuthorJson> for UserJson {
    fn from(author: AuthorJson) -> Self {
        Self { id: author.id, username: author.username, bot: false, state: String::new() }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct DiffRefsJson {
    /// The target branch's commit when the latest version was made.
    pub start_sha: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct BranchJson {
    pub commit: CommitJson,
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitJson {
    pub id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct NoteJson {
    pub id: u64,
    pub body: String,
    pub author: AuthorJson,
    pub created_at: Time,
    pub updated_at: Time,
    #[serde(default)]
    pub system: bool,
    /// `DiffNote` for one on a line.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StatusJson {
    pub status: String,
    pub name: String,
    pub description: Option<String>,
    pub target_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ApprovalsJson {
    pub approved_by: Vec<ApprovalJson>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ApprovalJson {
    pub user: AuthorJson,
    #[serde(default)]
    pub approved_at: Option<Time>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReviewerJson {
    pub user: AuthorJson,
    /// `unreviewed`, `reviewed`, `requested_changes`, `approved`, `unapproved`.
    pub state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct VersionJson {
    pub head_commit_sha: String,
    pub created_at: Time,
}

#[derive(Debug, Deserialize)]
pub(super) struct MemberJson {
    pub access_level: u32,
    #[serde(default)]
    pub state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct IssueJson {
    pub iid: u64,
    pub title: String,
    pub description: Option<String>,
    pub author: AuthorJson,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeploymentJson {
    pub id: u64,
    pub sha: String,
    #[serde(rename = "ref")]
    pub reference: String,
    pub status: String,
    pub environment: Option<EnvironmentJson>,
}

#[derive(Debug, Deserialize)]
pub(super) struct EnvironmentJson {
    pub name: String,
}

/// A merge request on a merge train.
#[derive(Debug, Deserialize)]
pub(super) struct CarJson {
    pub target_branch: String,
    /// Nothing until it is made.
    pub pipeline: Option<PipelineJson>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PipelineJson {
    pub sha: String,
    #[serde(rename = "ref")]
    pub reference: String,
}

/// An answer of the GraphQL API, and what went wrong in it.
#[derive(Debug, Deserialize)]
pub(super) struct CommitsAnswerJson {
    #[serde(default)]
    pub data: Option<CommitsDataJson>,
    #[serde(default)]
    pub errors: Vec<GraphErrorJson>,
}

#[derive(Debug, Deserialize)]
pub(super) struct GraphErrorJson {
    pub message: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitsDataJson {
    pub project: Option<CommitsProjectJson>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommitsProjectJson {
    pub merge_request: Option<CommitsJson>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommitsJson {
    pub commit_count: Option<usize>,
    pub commits: NodesJson<RequestCommitJson>,
    pub committers: Option<NodesJson<AccountJson>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodesJson<T> {
    pub nodes: Vec<T>,
    pub page_info: PageInfoJson,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfoJson {
    pub has_next_page: bool,
    #[serde(default)]
    pub end_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestCommitJson {
    pub sha: String,
    pub author_email: Option<String>,
    pub committer_email: Option<String>,
    pub author: Option<AccountJson>,
    #[serde(default)]
    pub signature: Option<SignatureJson>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AccountJson {
    pub id: String,
    pub username: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignatureJson {
    pub verification_status: Option<String>,
}
