//! Pull requests.

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Time};
use serde_json::json;

use super::json::{BranchJson, MergedJson, RequestJson};
use super::{GitHub, PAGE};
use crate::capability::Closing;
use crate::http::Ask;
use crate::value::{
    Branch, ChangeRequest, CommitId, Merge, MergeMethod, Mergeable, Merged, NewRequest, RepositoryPath,
    RequestQuery, RequestState,
};

const LIST: &str = "/repos/{owner}/{repo}/pulls";
pub(super) const ONE: &str = "/repos/{owner}/{repo}/pulls/{pull_number}";
const MERGE: &str = "/repos/{owner}/{repo}/pulls/{pull_number}/merge";
const OF_COMMIT: &str = "/repos/{owner}/{repo}/commits/{commit_sha}/pulls";

impl GitHub {
    pub(super) async fn request(&self, cx: &Cx, number: u64) -> Result<ChangeRequest> {
        let ask = Ask::get(ONE, &[&self.owner(), &self.name(), &number]);
        self.read_request(self.client.read(cx, &ask).await?)
    }

    pub(super) async fn requests(&self, cx: &Cx, query: &RequestQuery) -> Result<Vec<ChangeRequest>> {
        let open = Ask::get(LIST, &[&self.owner(), &self.name()]);
        let open = open.query("state", "open").query("sort", "created").query("direction", "asc");
        let mut found = match query {
            RequestQuery::Open => self.list(cx, &open).await?,
            RequestQuery::Between { head, base } => {
                let head = format!("{}:{head}", self.owner());
                self.list(cx, &open.query("head", head).query("base", base)).await?
            }
            RequestQuery::OfCommit(commit) => self.of_commit(cx, commit).await?,
            RequestQuery::ChangedSince(since) => self.changed(cx, *since).await?,
        };
        found.sort_by_key(|request| request.number);
        found.dedup_by_key(|request| request.number);
        Ok(found)
    }

    async fn list(&self, cx: &Cx, ask: &Ask) -> Result<Vec<ChangeRequest>> {
        let found: Vec<RequestJson> = self.client.list(cx, ask, PAGE).await?;
        found.into_iter().map(|request| self.read_request(request)).collect()
    }

    async fn changed(&self, cx: &Cx, since: Time) -> Result<Vec<ChangeRequest>> {
        let ask = Ask::get(LIST, &[&self.owner(), &self.name()]).query("state", "all");
        let ask = ask.query("sort", "updated").query("direction", "desc");
        let is_wanted = |request: &RequestJson| request.updated_at >= since;
        let found = self.client.list_while(cx, &ask, PAGE, is_wanted).await?;
        found.into_iter().map(|request| self.read_request(request)).collect()
    }

    /// The forge gives all requests that hold the commit, and says that a commit that it does not know is no input.
    async fn of_commit(&self, cx: &Cx, commit: &CommitId) -> Result<Vec<ChangeRequest>> {
        let ask = Ask::get(OF_COMMIT, &[&self.owner(), &self.name(), commit]);
        match self.list(cx, &ask).await {
            Ok(mut found) => {
                let merged = |request: &ChangeRequest| request.merge_commit.as_ref() == Some(commit);
                found.retain(|request| request.head.commit == *commit || merged(request));
                Ok(found)
            }
            Err(error) if error.is_not_found() || error.kind() == ErrorKind::Invalid => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn open_request(&self, cx: &Cx, new: &NewRequest) -> Result<ChangeRequest> {
        let body = json!({"head": new.head, "base": new.base, "title": new.title, "body": new.body});
        let ask = Ask::post(LIST, &[&self.owner(), &self.name()]).json(body);
        self.read_request(self.client.read(cx, &ask).await.map_err(there_already)?)
    }

    pub(super) async fn merge_request(&self, cx: &Cx, number: u64, merge: &Merge) -> Result<Merged> {
        let how = match merge.method {
            MergeMethod::Merge => "merge",
            MergeMethod::Squash => "squash",
            MergeMethod::Rebase => "rebase",
        };
        let body = json!({"sha": merge.expected_head, "merge_method": how});
        let ask = Ask::put(MERGE, &[&self.owner(), &self.name(), &number]).json(body);
        let merged: MergedJson = self.client.read(cx, &ask).await?;
        Ok(Merged::new(CommitId::parse(&merged.sha).ok()))
    }

    fn read_request(&self, json: RequestJson) -> Result<ChangeRequest> {
        let (head, base) = (branch(json.head)?, branch(json.base)?);
        let state = match (json.merged_at, json.state.as_str()) {
            (Some(_), _) => RequestState::Merged,
            (None, "open") => RequestState::Open,
            (None, _) => RequestState::Closed,
        };
        let merge_commit = json.merge_commit_sha.filter(|_| state == RequestState::Merged);
        let merge_commit = merge_commit.map(|id| CommitId::parse(&id)).transpose()?;
        let author = self.user_or_ghost(json.user);
        let merged_by = json.merged_by.filter(|_| state == RequestState::Merged);
        let mergeable = json.mergeable.map(|can| if can { Mergeable::Yes } else { Mergeable::No });
        Ok(ChangeRequest {
            state,
            is_draft: json.draft,
            mergeable: mergeable.unwrap_or(Mergeable::Unknown),
            merge_commit,
            merged_by: merged_by.map(|by| self.user(by)),
            merged: json.merged_at,
            updated: json.updated_at,
            web_url: json.html_url,
            ..ChangeRequest::new(json.number, json.title, author, head, base)
        })
    }
}

#[async_trait]
impl Closing for GitHub {
    async fn close(&self, cx: &Cx, number: u64) -> Result<()> {
        let ask = Ask::patch(ONE, &[&self.owner(), &self.name(), &number]).json(json!({"state": "closed"}));
        self.client.call(cx, &ask).await.map(drop)
    }
}

fn branch(json: BranchJson) -> Result<Branch> {
    let repository = json.repo.map(|repo| RepositoryPath::parse(&repo.full_name)).transpose()?;
    Ok(Branch::new(json.name, CommitId::parse(&json.sha)?, repository))
}

/// The forge calls it wrong input.
fn there_already(error: Error) -> Error {
    match error.kind() == ErrorKind::Invalid && error.message().contains("already exists") {
        true => Error::new(ErrorKind::Conflict, error.message()),
        false => error,
    }
}
