//! Change requests.

use std::time::Duration;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Retry, Time};
use serde_json::json;

use super::json::{BranchJson, RequestJson};
use super::{Gitea, PAGE};
use crate::capability::Closing;
use crate::http::Ask;
use crate::value::{
    Branch, ChangeRequest, CommitId, Merge, MergeMethod, Mergeable, Merged, NewRequest, RepositoryPath,
    RequestQuery, RequestState,
};

const LIST: &str = "/repos/{owner}/{repo}/pulls";
const ONE: &str = "/repos/{owner}/{repo}/pulls/{index}";
const MERGE: &str = "/repos/{owner}/{repo}/pulls/{index}/merge";
/// How often the forge is asked to merge while it still looks for conflicts, and how long apart.
const LOOKS: u32 = 60;
const LOOK: Duration = Duration::from_millis(500);
const OF_COMMIT: &str = "/repos/{owner}/{repo}/commits/{sha}/pull";

impl Gitea {
    pub(super) async fn request(&self, cx: &Cx, number: u64) -> Result<ChangeRequest> {
        let ask = Ask::get(ONE, &[&self.owner(), &self.name(), &number]);
        self.read_request(self.client.read(cx, &ask).await?)
    }

    pub(super) async fn requests(&self, cx: &Cx, query: &RequestQuery) -> Result<Vec<ChangeRequest>> {
        if let RequestQuery::ChangedSince(since) = query {
            return self.changed(cx, *since).await;
        }
        let mut found = self.open_requests(cx).await?;
        match query {
            RequestQuery::Open | RequestQuery::ChangedSince(_) => {}
            RequestQuery::Between { head, base } => {
                found.retain(|request| {
                    !request.is_fork() && request.head.name == *head && request.base.name == *base
                });
            }
            RequestQuery::OfCommit(commit) => {
                found.retain(|request| request.head.commit == *commit);
                found.extend(self.merged_as(cx, commit).await?);
            }
        }
        Ok(by_number(found))
    }

    async fn changed(&self, cx: &Cx, since: Time) -> Result<Vec<ChangeRequest>> {
        let ask = Ask::get(LIST, &[&self.owner(), &self.name()]);
        let ask = ask.query("state", "all").query("sort", "recentupdate");
        let is_wanted = |request: &RequestJson| request.updated_at >= since;
        let found = self.client.list_while(cx, &ask, PAGE, is_wanted).await?;
        let found: Result<_> = found.into_iter().map(|request| self.read_request(request)).collect();
        found.map(by_number)
    }

    async fn open_requests(&self, cx: &Cx) -> Result<Vec<ChangeRequest>> {
        let ask = Ask::get(LIST, &[&self.owner(), &self.name()]);
        let ask = ask.query("state", "open").query("sort", "oldest");
        let found: Vec<RequestJson> = self.client.list(cx, &ask, PAGE).await?;
        found.into_iter().map(|request| self.read_request(request)).collect()
    }

    async fn merged_as(&self, cx: &Cx, commit: &CommitId) -> Result<Option<ChangeRequest>> {
        let ask = Ask::get(OF_COMMIT, &[&self.owner(), &self.name(), commit]);
        self.client.find(cx, &ask).await?.map(|request| self.read_request(request)).transpose()
    }

    pub(super) async fn open_request(&self, cx: &Cx, new: &NewRequest) -> Result<ChangeRequest> {
        let body = json!({"head": new.head, "base": new.base, "title": new.title, "body": new.body});
        let ask = Ask::post(LIST, &[&self.owner(), &self.name()]).json(body);
        self.read_request(self.client.read(cx, &ask).await?)
    }

    pub(super) async fn merge_request(&self, cx: &Cx, number: u64, merge: &Merge) -> Result<Merged> {
        let how = match merge.method {
            MergeMethod::Merge => "merge",
            MergeMethod::Squash => "squash",
            MergeMethod::Rebase => "rebase",
        };
        let body = json!({"do": how, "head_commit_id": merge.expected_head});
        let ask = Ask::post(MERGE, &[&self.owner(), &self.name(), &number]).json(body);
        let mut looks = 0;
        loop {
            match self.client.call(cx, &ask).await.map_err(refused) {
                // Nothing was done: the same may be asked again.
                Err(error) if is_being_checked(&error) && looks < LOOKS => looks += 1,
                answered => {
                    answered?;
                    break;
                }
            }
            cx.sleep(LOOK).await?;
        }
        // It was merged; that its commit can't be read now does not undo it.
        let merged = self.request(cx, number).await.ok();
        Ok(Merged::new(merged.and_then(|request| request.merge_commit)))
    }

    fn read_request(&self, json: RequestJson) -> Result<ChangeRequest> {
        let (head, base) = (branch(json.head)?, branch(json.base)?);
        let state = match (json.merged, json.state.as_str()) {
            (true, _) => RequestState::Merged,
            (false, "open") => RequestState::Open,
            (false, _) => RequestState::Closed,
        };
        let merge_commit = json.merge_commit_sha.filter(|_| json.merged);
        let merge_commit = merge_commit.map(|id| CommitId::parse(&id)).transpose()?;
        let author = self.user(json.user);
        let merged_by = json.merged_by.filter(|_| json.merged);
        Ok(ChangeRequest {
            state,
            is_draft: json.draft,
            // `false` stands for a conflict, and also for one that was not looked for yet.
            mergeable: if json.mergeable { Mergeable::Yes } else { Mergeable::Unknown },
            merge_commit,
            merged_by: merged_by.map(|by| self.user(by)),
            merged: json.merged_at.filter(|_| json.merged),
            updated: json.updated_at,
            web_url: json.html_url,
            ..ChangeRequest::new(json.number, json.title, author, head, base)
        })
    }
}

/// A list that moves while its pages are asked for may show one twice.
fn by_number(mut found: Vec<ChangeRequest>) -> Vec<ChangeRequest> {
    found.sort_by_key(|request| request.number);
    found.dedup_by_key(|request| request.number);
    found
}

#[async_trait]
impl Closing for Gitea {
    async fn close(&self, cx: &Cx, number: u64) -> Result<()> {
        let ask = Ask::patch(ONE, &[&self.owner(), &self.name(), &number]).json(json!({"state": "closed"}));
        self.client.call(cx, &ask).await.map(drop)
    }
}

fn branch(json: BranchJson) -> Result<Branch> {
    // Whoever may read can push for review (`refs/for/…`), and Gitea names the base's repository as that of the head, which is no
    // branch there. A branch that is gone looks the same.
    let is_branch = !json.name.starts_with("refs/");
    let repository = json.repo.filter(|_| is_branch).map(|repo| RepositoryPath::parse(&repo.full_name));
    let repository = repository.transpose()?;
    Ok(Branch::new(json.name, CommitId::parse(&json.sha)?, repository))
}

/// Whether the forge still looks for conflicts with the target branch, as it does after each push.
fn is_being_checked(error: &Error) -> bool {
    error.kind() == ErrorKind::Unavailable && error.message().contains("try again later")
}

/// One status stands for several reasons not to merge.
fn refused(error: Error) -> Error {
    let says = |words: &str| error.message().contains(words);
    match error.kind() {
        ErrorKind::Denied if says("try again later") => {
            Error::new(ErrorKind::Unavailable, error.message()).retry_when(Retry::Now)
        }
        ErrorKind::Denied if says("already merged") => Error::new(ErrorKind::Conflict, error.message()),
        _ => error,
    }
}
