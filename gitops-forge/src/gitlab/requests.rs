//! Merge requests.

use std::collections::BTreeMap;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Retry};
use serde_json::json;

use super::json::{BranchJson, RequestJson};
use super::{GitLab, PAGE};
use crate::capability::Closing;
use crate::http::Ask;
use crate::value::{
    Branch, ChangeRequest, CommitId, Merge, MergeMethod, Mergeable, Merged, NewRequest, RequestQuery,
    RequestState,
};

const LIST: &str = "/projects/{id}/merge_requests";
const ONE: &str = "/projects/{id}/merge_requests/{merge_request_iid}";
const MERGE: &str = "/projects/{id}/merge_requests/{merge_request_iid}/merge";
const OF_COMMIT: &str = "/projects/{id}/repository/commits/{sha}/merge_requests";
const BRANCH: &str = "/projects/{id}/repository/branches/{branch}";

impl GitLab {
    pub(super) async fn request(&self, cx: &Cx, number: u64) -> Result<ChangeRequest> {
        let found: RequestJson = self.client.read(cx, &Ask::get(ONE, &[&self.project, &number])).await?;
        let base = found.diff_refs.as_ref().and_then(|refs| refs.start_sha.clone());
        let base = base.ok_or_else(unready)?;
        self.read_request(found, &base)
    }

    pub(super) async fn requests(&self, cx: &Cx, query: &RequestQuery) -> Result<Vec<ChangeRequest>> {
        let open = Ask::get(LIST, &[&self.project]).query("state", "opened");
        let open = open.query("order_by", "created_at").query("sort", "asc");
        let (ask, commit) = match query {
            RequestQuery::Open => (open, None),
            RequestQuery::Between { head, base } => {
                (open.query("source_branch", head).query("target_branch", base), None)
            }
            RequestQuery::OfCommit(commit) => (Ask::get(OF_COMMIT, &[&self.project, commit]), Some(commit)),
            RequestQuery::ChangedSince(since) => {
                let all =
                    Ask::get(LIST, &[&self.project]).query("state", "all").time("updated_after", *since);
                (all.query("order_by", "created_at").query("sort", "asc"), None)
            }
        };
        let found: Vec<RequestJson> = match self.client.list(cx, &ask, PAGE).await {
            Err(error) if commit.is_some() && error.is_not_found() => Vec::new(),
            found => found?,
        };
        let mut requests = self.with_bases(cx, found).await?;
        match (query, commit) {
            (_, Some(commit)) => requests.retain(|request| {
                request.head.commit == *commit || request.merge_commit.as_ref() == Some(commit)
            }),
            (RequestQuery::Between { .. }, _) => requests.retain(|request| !request.is_fork()),
            _ => {}
        }
        requests.sort_by_key(|request| request.number);
        requests.dedup_by_key(|request| request.number);
        Ok(requests)
    }

    /// A list does not tell the commits of the target branches, so each branch is asked for once. One that the forge has
    /// not made ready, or whose branch is gone, is left out: its event comes when it is ready.
    async fn with_bases(&self, cx: &Cx, found: Vec<RequestJson>) -> Result<Vec<ChangeRequest>> {
        let mut bases: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut requests = Vec::new();
        for json in found.into_iter().filter(|json| json.sha.is_some()) {
            let branch = json.target_branch.clone();
            if !bases.contains_key(&branch) {
                let ask = Ask::get(BRANCH, &[&self.project, &branch]);
                let tip = self.client.find::<BranchJson>(cx, &ask).await?;
                bases.insert(branch.clone(), tip.map(|tip| tip.commit.id));
            }
            if let Some(Some(base)) = bases.get(&branch) {
                requests.push(self.read_request(json, base)?);
            }
        }
        Ok(requests)
    }

    pub(super) async fn open_request(&self, cx: &Cx, new: &NewRequest) -> Result<ChangeRequest> {
        let body = json!({
            "source_branch": new.head, "target_branch": new.base, "title": new.title, "description": new.body,
        });
        let ask = Ask::post(LIST, &[&self.project]).json(body);
        let opened: RequestJson = self.client.read(cx, &ask).await?;
        // It is made ready in the background, so the branch is asked.
        let base: BranchJson = self.client.read(cx, &Ask::get(BRANCH, &[&self.project, &new.base])).await?;
        self.read_request(opened, &base.commit.id)
    }

    pub(super) async fn merge_request(&self, cx: &Cx, number: u64, merge: &Merge) -> Result<Merged> {
        let squash = match merge.method {
            MergeMethod::Merge => false,
            MergeMethod::Squash => true,
            MergeMethod::Rebase => {
                return Err(Error::new(ErrorKind::Unsupported, "GitLab rebases by a setting of the project")
                    .help("choose the merge method of the project, and merge with `MergeMethod::Merge`"));
            }
        };
        let body = json!({"sha": merge.expected_head, "squash": squash});
        let ask = Ask::put(MERGE, &[&self.project, &number]).json(body);
        let merged: RequestJson = self.client.read(cx, &ask).await.map_err(refused)?;
        let commit = merge_commit(&merged);
        Ok(Merged::new(commit.and_then(|id| CommitId::parse(&id).ok())))
    }

    fn read_request(&self, json: RequestJson, base: &str) -> Result<ChangeRequest> {
        let state = match json.state.as_str() {
            "merged" => RequestState::Merged,
            "closed" => RequestState::Closed,
            _ => RequestState::Open,
        };
        let merge_commit = merge_commit(&json).filter(|_| state == RequestState::Merged);
        let is_fork = json.source_project_id != Some(json.target_project_id);
        let source = (!is_fork).then(|| self.project.clone());
        let head = CommitId::parse(&json.sha.ok_or_else(unready)?)?;
        let head = Branch::new(json.source_branch, head, source);
        let base = Branch::new(json.target_branch, CommitId::parse(base)?, Some(self.project.clone()));
        let author = self.user(json.author.into());
        let merged_by = json.merge_user.or(json.merged_by).filter(|_| state == RequestState::Merged);
        Ok(ChangeRequest {
            state,
            is_draft: json.draft,
            mergeable: mergeable(&json.detailed_merge_status),
            merge_commit: merge_commit.map(|id| CommitId::parse(&id)).transpose()?,
            merged_by: merged_by.map(|by| self.user(by.into())),
            merged: json.merged_at.filter(|_| state == RequestState::Merged),
            updated: json.updated_at,
            web_url: json.web_url,
            ..ChangeRequest::new(json.iid, json.title, author, head, base)
        })
    }
}

#[async_trait]
impl Closing for GitLab {
    async fn close(&self, cx: &Cx, number: u64) -> Result<()> {
        let ask = Ask::put(ONE, &[&self.project, &number]).json(json!({"state_event": "close"}));
        self.client.call(cx, &ask).await.map(drop)
    }
}

/// A merge without a merge commit has that of the squash, or moves the branch to the head itself.
fn merge_commit(json: &RequestJson) -> Option<String> {
    let squash = || json.squash_commit_sha.clone();
    json.merge_commit_sha.clone().or_else(squash).or_else(|| json.sha.clone())
}

fn mergeable(status: &str) -> Mergeable {
    match status {
        "mergeable" => Mergeable::Yes,
        "" | "checking" | "unchecked" | "preparing" | "approvals_syncing" | "ci_still_running" => {
            Mergeable::Unknown
        }
        _ => Mergeable::No,
    }
}

fn unready() -> Error {
    Error::new(ErrorKind::Unavailable, "the forge has not made the merge request ready")
        .retry_when(Retry::Now)
}

/// The forge says "unauthorized" where the account may not merge, and "unprocessable" where a branch can't be merged.
fn refused(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unauthenticated => Error::new(ErrorKind::Forbidden, error.message()),
        ErrorKind::Invalid => Error::new(ErrorKind::Denied, error.message()),
        _ => error,
    }
}
