//! GitLab.

mod approvals;
mod comments;
mod commits;
mod deployments;
mod issues;
mod json;
mod members;
mod methods;
mod requests;
mod statuses;
mod trains;

use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::{Cx, Result, Secret};
use http::header;
use tokio::sync::OnceCell;

use self::json::UserJson;
use crate::bots::Bots;
use crate::capability::{Closing, Commits, Deployments, Issues, MergeQueue, Reactions, Teams};
use crate::forge::{Forge, ForgeInfo};
use crate::http::{Ask, Client, Connection, Paging, StaticToken};
use crate::value::{
    ChangeRequest, Comment, CommentQuery, CommentWrite, CommitId, CommitStatus, Merge, MergeMethod, Merged,
    NewRequest, Permission, RepositoryPath, RequestQuery, Review, User,
};

/// A page of what is small.
const PAGE: Paging = Paging { parameter: "per_page", size: 100, short_is_last: false };

/// A page of texts: a note may have a million characters, and an answer has a limit.
const TEXTS: Paging = Paging { size: 20, ..PAGE };

/// A project on GitLab.
///
/// The token needs the scope `api`, and its account the role Developer, or Maintainer to merge into protected branches.
///
/// ```
/// use gitops_core::{Secret, SecretKey};
/// use gitops_forge::{Connection, Forge, GitLab, RepositoryPath};
/// let token = Secret::new("not-a-real-token", &SecretKey::new([7; 32]));
/// let project = RepositoryPath::parse("platform/team/site")?;
/// let forge = GitLab::new(Connection::to("https://gitlab.com"), project, &token)?;
/// assert_eq!(forge.info().kind, "gitlab");
/// # Ok::<(), gitops_core::Error>(())
/// ```
///
/// # Where it differs
/// - An approval does not say of which commit it is. It is that of the newest version of the merge request that was
///   there when the approval was given, by the forge's clock. Where the forge does not tell the time of an approval (before
///   18.5 or so), the commit is not known, and the approval proves nothing about one.
/// - Whether merges are squashed is a choice; whether branches are rebased is a setting of the project
///   ([`MergeMethod::Rebase`](crate::MergeMethod::Rebase) is `Unsupported`).
/// - Merge trains need the edition Premium. Where there are none, or the account may not see them, none wait.
/// - [`StatusState::Error`](crate::StatusState::Error) is written as `canceled`.
/// - A line that begins with `/` may be a quick action, which is carried out with our rights. Whoever puts texts of
///   others into a comment must not let them begin a line.
pub struct GitLab {
    client: Client,
    project: RepositoryPath,
    bots: Bots,
    me: OnceCell<User>,
}

impl GitLab {
    /// A project, seen by the account of a personal, group or project access token.
    ///
    /// # Errors
    /// `Invalid` for a URL, a token or a certificate authority that can't be used.
    pub fn new(connection: Connection, project: RepositoryPath, token: &Secret) -> Result<Self> {
        let auth = Arc::new(StaticToken::new(header::AUTHORIZATION, "Bearer", token)?);
        let headers = [(header::ACCEPT, "application/json")];
        let client = Client::new("gitlab", "/api/v4", connection, auth, &headers)?;
        Ok(Self { client, project, bots: Bots::default(), me: OnceCell::new() })
    }

    /// Names accounts that are programs; those of project and group access tokens are known.
    #[must_use]
    pub fn bots(mut self, logins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.bots.extend(logins);
        self
    }

    fn user(&self, user: UserJson) -> User {
        let is_bot = user.bot || is_of_token(&user.username) || self.bots.has(&user.username);
        User::new(user.id.to_string(), user.username).bot(is_bot)
    }
}

/// Whether the forge made the account for an access token: `project_4_bot_7f3a…`, `group_9_bot1`, `service_account_…`.
fn is_of_token(login: &str) -> bool {
    let digits = |c: char| c.is_ascii_digit();
    let numbered = |kind: &str| {
        let number = login.strip_prefix(kind)?;
        number.starts_with(digits).then(|| number.trim_start_matches(digits))
    };
    let is_bot = |rest: &str| {
        rest.strip_prefix("_bot")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_') || rest.starts_with(digits))
    };
    let is_made = ["project_", "group_"].into_iter().filter_map(numbered).any(is_bot);
    is_made || login.starts_with("service_account_")
}

#[async_trait]
impl Forge for GitLab {
    fn info(&self) -> ForgeInfo {
        // Its times are in milliseconds; an edit is a call of its own.
        ForgeInfo::new("gitlab", self.project.clone()).telling_edits()
    }

    async fn me(&self, cx: &Cx) -> Result<User> {
        let ask = Ask::get("/user", &[]);
        let me =
            self.me.get_or_try_init(|| async { self.client.read(cx, &ask).await.map(|me| self.user(me)) });
        me.await.cloned()
    }

    async fn change_request(&self, cx: &Cx, number: u64) -> Result<ChangeRequest> {
        self.request(cx, number).await
    }

    async fn change_requests(&self, cx: &Cx, query: &RequestQuery) -> Result<Vec<ChangeRequest>> {
        self.requests(cx, query).await
    }

    async fn open(&self, cx: &Cx, new: &NewRequest) -> Result<ChangeRequest> {
        self.open_request(cx, new).await
    }

    async fn merge_methods(&self, cx: &Cx) -> Result<Vec<MergeMethod>> {
        self.allowed_methods(cx).await
    }

    async fn merge(&self, cx: &Cx, number: u64, merge: &Merge) -> Result<Merged> {
        self.merge_request(cx, number, merge).await
    }

    async fn comments(&self, cx: &Cx, number: u64, query: &CommentQuery) -> Result<Vec<Comment>> {
        self.list_comments(cx, number, query).await
    }

    async fn write_comment(&self, cx: &Cx, number: u64, write: &CommentWrite) -> Result<Option<Comment>> {
        self.write(cx, number, write).await
    }

    async fn statuses(&self, cx: &Cx, commit: &CommitId) -> Result<Vec<CommitStatus>> {
        self.latest_statuses(cx, commit).await
    }

    async fn set_status(&self, cx: &Cx, commit: &CommitId, status: &CommitStatus) -> Result<()> {
        self.write_status(cx, commit, status).await
    }

    async fn reviews(&self, cx: &Cx, number: u64) -> Result<Vec<Review>> {
        self.list_reviews(cx, number).await
    }

    async fn permission(&self, cx: &Cx, user: &User) -> Result<Permission> {
        self.permission_of(cx, user).await
    }

    fn teams(&self) -> Option<&dyn Teams> {
        Some(self)
    }

    fn reactions(&self) -> Option<&dyn Reactions> {
        Some(self)
    }

    fn deployments(&self) -> Option<&dyn Deployments> {
        Some(self)
    }

    fn issues(&self) -> Option<&dyn Issues> {
        Some(self)
    }

    fn closing(&self) -> Option<&dyn Closing> {
        Some(self)
    }

    fn commits(&self) -> Option<&dyn Commits> {
        Some(self)
    }

    fn merge_queue(&self) -> Option<&dyn MergeQueue> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::is_of_token;

    #[test]
    fn accounts_of_access_tokens_are_programs() {
        for login in ["project_4_bot", "project_4_bot_7f3a", "group_12_bot1", "service_account_group_9_ab"] {
            assert!(is_of_token(login), "{login}");
        }
        for login in ["project_4_bottle", "project_bot_", "alice", "group_", "my_project_4_bot"] {
            assert!(!is_of_token(login), "{login}");
        }
    }
}
