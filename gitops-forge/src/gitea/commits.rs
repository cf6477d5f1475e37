//! The commits of change requests.

use async_trait::async_trait;
use gitops_core::{Cx, Result};

use super::json::{CommitJson, OwnAddressJson};
use super::{Gitea, PAGE};
use crate::capability::Commits;
use crate::http::Ask;
use crate::value::{CommitId, CommitPerson, RequestCommit};

const LIST: &str = "/repos/{owner}/{repo}/pulls/{index}/commits";

const ONE: &str = "/repos/{owner}/{repo}/git/commits/{sha}";

#[async_trait]
impl Commits for Gitea {
    async fn of_request(&self, cx: &Cx, number: u64) -> Result<Vec<RequestCommit>> {
        let ask = Ask::get(LIST, &[&self.owner(), &self.name(), &number]);
        let ask = ask.query("verification", false).query("files", false);
        let found: Vec<CommitJson> = self.client.list(cx, &ask, PAGE).await?;
        let mut found = found.into_iter().map(|json| self.commit(json)).collect::<Result<Vec<_>>>()?;
        found.sort_by(|one, other| one.commit.cmp(&other.commit));
        Ok(found)
    }

    async fn of_commit(&self, cx: &Cx, commit: &CommitId) -> Result<RequestCommit> {
        let ask = Ask::get(ONE, &[&self.owner(), &self.name(), commit]);
        let ask = ask.query("stat", false).query("verification", false).query("files", false);
        self.commit(self.client.call(cx, &ask).await?.json(&ask)?)
    }

    async fn own_address(&self, cx: &Cx) -> Result<Option<String>> {
        let me: OwnAddressJson = self.client.read(cx, &Ask::get("/user", &[])).await?;
        Ok(Some(me.email).filter(|email| !email.is_empty()))
    }
}

impl Gitea {
    fn commit(&self, json: CommitJson) -> Result<RequestCommit> {
        let people = [(json.author, json.commit.author), (json.committer, json.commit.committer)];
        let people = people.map(|(account, said)| {
            // For an address that it does not know, the forge gives an account without a number.
            let account = account.filter(|account| account.id > 0).map(|account| self.user(account));
            CommitPerson::new(account, said.email)
        });
        Ok(RequestCommit::new(CommitId::parse(&json.sha)?, people))
    }
}
