//! The commits of pull requests.

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result};

use super::json::{AccountJson, CommitJson, UserJson};
use super::{GitHub, PAGE};
use crate::capability::Commits;
use crate::forge::Forge;
use crate::http::Ask;
use crate::value::{CommitId, CommitPerson, RequestCommit, User};

const LIST: &str = "/repos/{owner}/{repo}/pulls/{pull_number}/commits";

const ONE: &str = "/repos/{owner}/{repo}/commits/{ref}";

/// The forge lists no more commits of a request, and does not say that it leaves some out.
const MOST: usize = 250;

#[async_trait]
impl Commits for GitHub {
    async fn of_request(&self, cx: &Cx, number: u64) -> Result<Vec<RequestCommit>> {
        let ask = Ask::get(LIST, &[&self.owner(), &self.name(), &number]);
        let found: Vec<CommitJson> = self.client.list(cx, &ask, PAGE).await?;
        if found.len() >= MOST {
            let message = "GitHub does not list all commits of so long a request";
            let error = Error::new(ErrorKind::Limit, message).with("limit", format!("commits = {MOST}"));
            return Err(error.with("route", LIST).help("squash the commits of the request, or split it"));
        }
        let mut found = found.into_iter().map(|json| self.commit(json)).collect::<Result<Vec<_>>>()?;
        found.sort_by(|one, other| one.commit.cmp(&other.commit));
        Ok(found)
    }

    async fn of_commit(&self, cx: &Cx, commit: &CommitId) -> Result<RequestCommit> {
        let ask = Ask::get(ONE, &[&self.owner(), &self.name(), commit]);
        self.commit(self.client.call(cx, &ask).await?.json(&ask)?)
    }

    /// The one that the forge gives each account, also an app's.
    async fn own_address(&self, cx: &Cx) -> Result<Option<String>> {
        let User { id, login, .. } = self.me(cx).await?;
        Ok(Some(format!("{id}+{login}@users.noreply.{}", self.host)))
    }
}

impl GitHub {
    fn commit(&self, json: CommitJson) -> Result<RequestCommit> {
        let people = [(json.author, json.commit.author), (json.committer, json.commit.committer)];
        let people = people.map(|(account, said)| {
            let email = said.and_then(|said| said.email).unwrap_or_default();
            CommitPerson::new(account.and_then(|account| self.account_of(account)), email)
        });
        Ok(RequestCommit::new(CommitId::parse(&json.sha)?, people))
    }

    /// For an address that it does not know, the forge gives nothing or an account without a number.
    fn account_of(&self, json: AccountJson) -> Option<User> {
        let AccountJson { id, login, kind } = json;
        Some(self.user(UserJson { id: id?, login: login?, kind: kind.unwrap_or_default() }))
    }
}
