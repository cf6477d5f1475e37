//! Gitea and Forgejo, whose APIs are one.

mod comments;
mod commits;
mod issues;
mod json;
mod methods;
mod requests;
mod reviews;
mod statuses;
mod teams;

use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::{Cx, Result, Secret};
use http::header;
use tokio::sync::OnceCell;

use self::json::UserJson;
use crate::bots::Bots;
use crate::capability::{Closing, Commits, Issues, Reactions, Teams};
use crate::forge::{Forge, ForgeInfo};
use crate::http::{Ask, Client, Connection, Paging, StaticToken};
use crate::value::{
    ChangeRequest, Comment, CommentQuery, CommentWrite, CommitId, CommitStatus, Merge, MergeMethod, Merged,
    NewRequest, Permission, RepositoryPath, RequestQuery, Review, User,
};

/// The most items of a page that a server allows unless it was told otherwise. One that allows less is asked for more pages.
const PAGE: Paging = Paging { parameter: "limit", size: 50, short_is_last: false };

/// A repository on Gitea or Forgejo.
///
/// The token needs `write:repository`, `write:issue`, `read:user`, `read:organization`, and its account the right to
/// administer the repository: only an administrator may ask for the permission of others. Which accounts are programs the
/// forge does not tell; name them by [`bots`](Self::bots).
///
/// ```
/// use gitops_core::{Secret, SecretKey};
/// use gitops_forge::{Connection, Forge, Gitea, RepositoryPath};
/// let token = Secret::new("not-a-real-token", &SecretKey::new([7; 32]));
/// let repository = RepositoryPath::parse("platform/site")?;
/// let forge = Gitea::new(Connection::to("https://forge.example.org"), repository, &token)?;
/// assert_eq!(forge.info().kind, "gitea");
/// # Ok::<(), gitops_core::Error>(())
/// ```
pub struct Gitea {
    client: Client,
    repository: RepositoryPath,
    bots: Bots,
    me: OnceCell<User>,
}

impl Gitea {
    /// A repository, seen by the account of a token.
    ///
    /// # Errors
    /// `Invalid` for a URL, a token or a certificate authority that can't be used.
    pub fn new(connection: Connection, repository: RepositoryPath, token: &Secret) -> Result<Self> {
        let auth = Arc::new(StaticToken::new(header::AUTHORIZATION, "token", token)?);
        let headers = [(header::ACCEPT, "application/json")];
        let client = Client::new("gitea", "/api/v1", connection, auth, &headers)?;
        Ok(Self { client, repository, bots: Bots::default(), me: OnceCell::new() })
    }

    /// Names accounts that are programs.
    #[must_use]
    pub fn bots(mut self, logins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.bots.extend(logins);
        self
    }

    fn owner(&self) -> &str {
        self.repository.owner()
    }

    fn name(&self) -> &str {
        self.repository.name()
    }

    /// The account of an answer; programs of the forge itself have negative ids.
    fn user(&self, user: UserJson) -> User {
        let is_bot = user.id < 0 || self.bots.has(&user.login);
        User::new(user.id.to_string(), user.login).bot(is_bot)
    }
}

#[async_trait]
impl Forge for Gitea {
    fn info(&self) -> ForgeInfo {
        ForgeInfo::new("gitea", self.repository.clone())
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

    fn issues(&self) -> Option<&dyn Issues> {
        Some(self)
    }

    fn closing(&self) -> Option<&dyn Closing> {
        Some(self)
    }

    fn commits(&self) -> Option<&dyn Commits> {
        Some(self)
    }
}
