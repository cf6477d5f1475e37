//! The commits of merge requests. Whose account an address is, only the GraphQL API tells.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Retry};
use serde_json::json;

use super::GitLab;
use super::json::{AccountJson, AddressJson, CommitsAnswerJson, CommitsJson, RequestCommitJson, UserJson};
use crate::capability::Commits;
use crate::fault::{over_limit, shown};
use crate::http::Ask;
use crate::value::{CommitId, CommitPerson, RequestCommit, User};

const ROUTE: &str = "/graphql";

/// The forge gives at most 100 of a list at once.
const QUERY: &str = "query($project: ID!, $iid: String!, $after: String) { \
    project(fullPath: $project) { mergeRequest(iid: $iid) { \
    commitCount \
    committers(first: 100) { nodes { id username } pageInfo { hasNextPage } } \
    commits(first: 100, after: $after) { \
    nodes { sha authorEmail committerEmail author { id username } signature { verificationStatus } } \
    pageInfo { hasNextPage endCursor } } } } }";

/// The committer of a commit that the forge made itself for somebody on its pages, and signed.
const BY_THE_FORGE: &str = "VERIFIED_SYSTEM";

#[async_trait]
impl Commits for GitLab {
    async fn of_request(&self, cx: &Cx, number: u64) -> Result<Vec<RequestCommit>> {
        let (commits, committers) = self.all_commits(cx, number).await?;
        let known = self.accounts(&commits, committers);
        let mut found =
            commits.iter().map(|commit| Self::commit(commit, &known)).collect::<Result<Vec<_>>>()?;
        found.sort_by(|one, other| one.commit.cmp(&other.commit));
        Ok(found)
    }

    async fn own_address(&self, cx: &Cx) -> Result<Option<String>> {
        let AddressJson { commit_email, email } = self.client.read(cx, &Ask::get("/user", &[])).await?;
        Ok([commit_email, email].into_iter().flatten().find(|email| !email.is_empty()))
    }
}

impl GitLab {
    /// All commits, and the accounts of all committers; nothing of those if there are too many.
    async fn all_commits(
        &self,
        cx: &Cx,
        number: u64,
    ) -> Result<(Vec<RequestCommitJson>, Option<Vec<AccountJson>>)> {
        let (mut found, mut after) = (Vec::new(), None);
        for _ in 0..self.client.limits().pages {
            let page = self.page_of_commits(cx, number, after.take()).await?;
            found.extend(page.commits.nodes);
            match page.commits.page_info.end_cursor {
                Some(cursor) if page.commits.page_info.has_next_page => after = Some(cursor),
                _ if found.len() < page.commit_count.unwrap_or_default() => {
                    let message = "the forge does not show all commits of a request";
                    return Err(Error::new(ErrorKind::Unavailable, message).retry_when(Retry::Now));
                }
                _ => {
                    let committers = page.committers;
                    let committers = committers.filter(|found| !found.page_info.has_next_page);
                    return Ok((found, committers.map(|found| found.nodes)));
                }
            }
        }
        Err(over_limit("a list of the forge has too many pages", "pages", self.client.limits().pages)
            .with("route", ROUTE))
    }

    async fn page_of_commits(&self, cx: &Cx, number: u64, after: Option<String>) -> Result<CommitsJson> {
        let variables =
            json!({"project": self.project.to_string(), "iid": number.to_string(), "after": after});
        let ask = Ask::post(ROUTE, &[]).json(json!({"query": QUERY, "variables": variables})).only_reads();
        let url = self.client.base().beside(ROUTE);
        let answer: CommitsAnswerJson = self.client.call_at(cx, &ask, url).await?.json(&ask)?;
        if let Some(error) = answer.errors.first() {
            // It answers so also where it is too old for what is asked.
            let message = format!("the forge can't say whose commits are: {}", shown(&error.message, 200));
            return Err(Error::new(ErrorKind::Unsupported, message).with("route", ROUTE));
        }
        let request = answer.data.and_then(|data| data.project).and_then(|project| project.merge_request);
        request.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no such merge request").with("route", ROUTE)
        })
    }

    /// The accounts of addresses, as far as the forge tells: those of authors, and that of a committer who is no author if
    /// there is one such address and one such account.
    fn accounts(
        &self,
        commits: &[RequestCommitJson],
        committers: Option<Vec<AccountJson>>,
    ) -> BTreeMap<String, User> {
        let authors = commits.iter().filter_map(|commit| {
            let email = commit.author_email.as_deref()?.to_lowercase();
            Some((email, self.account_of(commit.author.as_ref()?)?))
        });
        let mut known: BTreeMap<String, User> = authors.collect();
        let emails = commits.iter().filter(|commit| !commit.is_by_the_forge());
        let emails = emails.filter_map(|commit| commit.committer_email.as_deref()).map(str::to_lowercase);
        let unknown: BTreeSet<String> = emails.filter(|email| !known.contains_key(email)).collect();
        let others = committers.into_iter().flatten().filter_map(|account| self.account_of(&account));
        let others: BTreeSet<User> =
            others.filter(|account| !known.values().any(|known| known.is(account))).collect();
        if unknown.len() == 1 && others.len() == 1 {
            known.extend(unknown.into_iter().zip(others));
        }
        known
    }

    fn commit(json: &RequestCommitJson, known: &BTreeMap<String, User>) -> Result<RequestCommit> {
        let person = |email: &Option<String>| {
            let email = email.clone().unwrap_or_default();
            CommitPerson::new(known.get(&email.to_lowercase()).cloned(), email)
        };
        let author = [person(&json.author_email)];
        let committer = (!json.is_by_the_forge()).then(|| person(&json.committer_email));
        Ok(RequestCommit::new(CommitId::parse(&json.sha)?, author.into_iter().chain(committer)))
    }

    /// Its id ends in the number that the other API calls it by: `gid://gitlab/User/7`.
    fn account_of(&self, json: &AccountJson) -> Option<User> {
        let id = json.id.rsplit('/').next()?.parse().ok()?;
        let username = json.username.clone();
        Some(self.user(UserJson { id, username, bot: false, state: String::new() }))
    }
}

impl RequestCommitJson {
    /// Whether the forge made and signed it for its author.
    fn is_by_the_forge(&self) -> bool {
        self.signature.as_ref().is_some_and(|signature| {
            signature.verification_status.as_deref().is_some_and(|status| status == BY_THE_FORGE)
        })
    }
}
