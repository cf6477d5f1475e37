//! GitHub, also Enterprise Server.

mod app;
mod comments;
mod commits;
mod deployments;
mod issues;
mod json;
mod jwt;
mod methods;
mod requests;
mod reviews;
mod statuses;

use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Secret};
use http::{HeaderName, header};
use tokio::sync::OnceCell;

pub use self::app::GitHubApp;
use self::app::Installation;
use self::json::UserJson;
use crate::bots::Bots;
use crate::capability::{Closing, Commits, Deployments, Issues, Reactions, Teams};
use crate::forge::{Forge, ForgeInfo};
use crate::http::{Ask, Auth, Client, Connection, Paging, StaticToken};
use crate::value::{
    ChangeRequest, Comment, CommentQuery, CommentWrite, CommitId, CommitStatus, Merge, MergeMethod, Merged,
    NewRequest, Permission, RepositoryPath, RequestQuery, Review, User,
};

/// A page of what is small.
const PAGE: Paging = Paging { parameter: "per_page", size: 100, short_is_last: true };

/// A page of texts: a comment may have 256 KiB, and an answer has a limit.
const TEXTS: Paging = Paging { size: 50, ..PAGE };

/// A repository on GitHub.
///
/// `https://github.com` stands for the cloud; any other URL is that of an Enterprise Server. `docs/forges.md` lists the
/// permissions that a token or an app needs.
///
/// ```
/// use gitops_core::{Secret, SecretKey};
/// use gitops_forge::{Connection, Forge, GitHub, RepositoryPath};
/// let token = Secret::new("not-a-real-token", &SecretKey::new([7; 32]));
/// let repository = RepositoryPath::parse("platform/site")?;
/// let forge = GitHub::new(Connection::to("https://github.com"), repository, &token)?;
/// assert_eq!(forge.info().kind, "github");
/// # Ok::<(), gitops_core::Error>(())
/// ```
pub struct GitHub {
    client: Client,
    repository: RepositoryPath,
    host: String,
    account: Account,
    bots: Bots,
    me: OnceCell<User>,
}

/// How we know who we are.
enum Account {
    /// By asking.
    Asked,
    /// By its name.
    Named(String),
    /// By what app we are.
    App(Arc<Installation>),
}

impl GitHub {
    /// A repository, seen by the account of a token.
    ///
    /// # Errors
    /// `Invalid` for a URL, a token or a certificate authority that can't be used.
    pub fn new(connection: Connection, repository: RepositoryPath, token: &Secret) -> Result<Self> {
        let auth = Arc::new(StaticToken::new(header::AUTHORIZATION, "Bearer", token)?);
        Self::with(connection, repository, auth, Account::Asked)
    }

    /// A repository, seen by an app that is installed on it.
    ///
    /// The app asks for tokens that are good for this repository alone, and renews them.
    ///
    /// # Errors
    /// `Invalid` for a URL or a certificate authority that can't be used.
    pub fn as_app(connection: Connection, repository: RepositoryPath, app: GitHubApp) -> Result<Self> {
        let installation = Arc::new(Installation::new(app, repository.clone()));
        Self::with(connection, repository, installation.clone(), Account::App(installation))
    }

    fn with(
        connection: Connection,
        repository: RepositoryPath,
        auth: Arc<dyn Auth>,
        account: Account,
    ) -> Result<Self> {
        let headers = [
            (header::ACCEPT, "application/vnd.github+json"),
            (HeaderName::from_static("x-github-api-version"), "2022-11-28"),
        ];
        let host = host_of(connection.url());
        let (connection, api) = api_of(connection);
        let client = Client::new("github", api, connection, auth, &headers)?;
        Ok(Self { client, repository, host, account, bots: Bots::default(), me: OnceCell::new() })
    }

    /// Says which account a token is of, where the forge does not: `github-actions[bot]` for the token of a workflow.
    #[must_use]
    pub fn account(mut self, login: impl Into<String>) -> Self {
        self.account = Account::Named(login.into());
        self
    }

    /// Names accounts that are programs and use a person's account; of others the forge tells.
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

    fn user(&self, user: UserJson) -> User {
        let is_bot = user.kind == "Bot" || self.bots.has(&user.login);
        User::new(user.id.to_string(), user.login).bot(is_bot)
    }

    /// The account of an answer, or the one that GitHub shows for accounts that are gone.
    fn user_or_ghost(&self, user: Option<UserJson>) -> User {
        user.map_or_else(|| User::new("ghost", "ghost"), |user| self.user(user))
    }

    async fn ask_me(&self, cx: &Cx) -> Result<User> {
        let login = match &self.account {
            Account::Named(login) => login.clone(),
            Account::App(app) => app.login(cx, self.client.transport()).await?,
            Account::Asked => {
                let me = self.client.read(cx, &Ask::get("/user", &[])).await;
                return me.map(|me| self.user(me)).map_err(unnamed);
            }
        };
        let ask = Ask::get("/users/{username}", &[&login]);
        self.client.read(cx, &ask).await.map(|me| self.user(me))
    }
}

/// The host of a URL, for addresses.
fn host_of(url: &str) -> String {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    host.strip_prefix("api.").filter(|host| *host == "github.com").unwrap_or(&host).to_owned()
}

/// Where the API of a GitHub is.
fn api_of(connection: Connection) -> (Connection, &'static str) {
    let url = connection.url().trim_end_matches('/').to_ascii_lowercase();
    match url.strip_prefix("https://") {
        Some(host @ "github.com") => (connection.at(format!("https://api.{host}")), ""),
        // The cloud of an enterprise.
        Some(host) if host.ends_with(".ghe.com") => (connection.at(format!("https://api.{host}")), ""),
        _ => (connection, "/api/v3"),
    }
}

/// The token of a workflow may not ask whose it is.
fn unnamed(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Forbidden => error.help("name the account of this token by `GitHub::account`"),
        _ => error,
    }
}

#[async_trait]
impl Forge for GitHub {
    fn info(&self) -> ForgeInfo {
        ForgeInfo::new("github", self.repository.clone())
    }

    async fn me(&self, cx: &Cx) -> Result<User> {
        self.me.get_or_try_init(|| self.ask_me(cx)).await.cloned()
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_where_github_has_it() {
        let api = |url: &str| {
            let (connection, path) = api_of(Connection::to(url));
            format!("{}{path}", connection.url())
        };
        assert_eq!(api("https://GitHub.com/"), "https://api.github.com");
        assert_eq!(api("https://octo.ghe.com"), "https://api.octo.ghe.com");
        assert_eq!(api("https://git.example.org"), "https://git.example.org/api/v3");
    }
}
