//! What a verified body says.

use gitops_core::Result;
use serde_json::Value;

use super::{HintKind, Sender, Written};
use crate::fault::invalid;
use crate::value::{CommitId, RepositoryPath, is_train, queued_request};

/// What was read.
pub(super) struct Read {
    pub kind: HintKind,
    pub repository: Option<RepositoryPath>,
    pub request: Option<u64>,
    pub commit: Option<CommitId>,
    pub branch: Option<String>,
    pub written: Option<Written>,
}

/// Reads a body. What is not there or of another form than it should is left out: a hint without it is a hint to look at
/// everything.
pub(super) fn read(sender: Sender, event: &str, body: &[u8]) -> Result<Read> {
    let body: Value = serde_json::from_slice(body).map_err(|_| {
        invalid("the body of a webhook is no JSON")
            .help("choose `application/json` where the forge asks for a content type")
    })?;
    Ok(match sender {
        Sender::GitHub | Sender::Gitea => of_github(event, &body),
        Sender::GitLab => of_gitlab(event, &body),
    })
}

/// Gitea's bodies are made after GitHub's.
fn of_github(event: &str, body: &Value) -> Read {
    let kind = match event {
        "push" | "create" | "delete" => HintKind::Push,
        "pull_request" | "pull_request_sync" | "pull_request_target" => HintKind::Request,
        "issue_comment" => HintKind::Comment,
        "status" | "check_run" | "check_suite" | "workflow_run" => HintKind::Status,
        // One that left the queue is asked about no more.
        "merge_group" if body["action"] != "destroyed" => HintKind::MergeQueue,
        review if review.starts_with("pull_request_") => HintKind::Review,
        _ => HintKind::Other,
    };
    let of_request = body["pull_request"]["number"].as_u64();
    // A pull request is an issue too, and only that is told of its comments.
    let is_request = body["issue"]["pull_request"].is_object() || body["is_pull"] == true;
    let of_issue = body["issue"]["number"].as_u64().filter(|_| is_request);
    let of_queue = body["merge_group"]["head_ref"].as_str().and_then(queued_request);
    let commits = match kind {
        HintKind::Push => &["/after"][..],
        HintKind::Status => {
            &["/sha", "/check_run/head_sha", "/check_suite/head_sha", "/workflow_run/head_sha"]
        }
        HintKind::MergeQueue => &["/merge_group/head_sha"],
        _ => &["/pull_request/head/sha"],
    };
    Read {
        kind,
        repository: path(&body["repository"]["full_name"]),
        request: of_request.or(of_issue).or(of_queue),
        commit: commit(body, commits),
        branch: branch(&body["ref"]).or_else(|| branch(&body["merge_group"]["base_ref"])),
        written: (kind == HintKind::Comment && body["action"] == "created").then(|| written(body)).flatten(),
    }
}

fn written(body: &Value) -> Option<Written> {
    let comment = body["comment"]["id"].as_u64()?.to_string();
    Some(Written { comment: comment.into(), body: body["comment"]["body"].as_str()?.to_owned() })
}

fn of_gitlab(event: &str, body: &Value) -> Read {
    let attributes = &body["object_attributes"];
    let kind = match event {
        "Push Hook" | "Tag Push Hook" => HintKind::Push,
        "Merge Request Hook" => match attributes["action"].as_str() {
            Some("approved" | "approval" | "unapproved" | "unapproval") => HintKind::Review,
            _ => HintKind::Request,
        },
        "Note Hook" | "Confidential Note Hook" => HintKind::Comment,
        "Pipeline Hook" if attributes["ref"].as_str().is_some_and(is_train) => HintKind::MergeQueue,
        "Pipeline Hook" | "Job Hook" => HintKind::Status,
        _ => HintKind::Other,
    };
    let own = attributes["iid"].as_u64().filter(|_| event == "Merge Request Hook");
    let commits = match kind {
        HintKind::Push => &["/after"][..],
        HintKind::Status | HintKind::MergeQueue => &["/object_attributes/sha", "/sha"],
        _ => &["/object_attributes/last_commit/id", "/merge_request/last_commit/id"],
    };
    Read {
        kind,
        repository: path(&body["project"]["path_with_namespace"]),
        request: own.or_else(|| body["merge_request"]["iid"].as_u64()),
        commit: commit(body, commits),
        branch: match kind {
            HintKind::MergeQueue => body["merge_request"]["target_branch"].as_str().map(str::to_owned),
            _ => branch(&body["ref"]),
        },
        // It tells edits by the time.
        written: None,
    }
}

fn path(text: &Value) -> Option<RepositoryPath> {
    RepositoryPath::parse(text.as_str()?).ok()
}

/// The first commit that is there; none where a branch was deleted.
fn commit(body: &Value, places: &[&str]) -> Option<CommitId> {
    let found = places.iter().find_map(|place| body.pointer(place)?.as_str());
    CommitId::parse(found?).ok().filter(|commit| !commit.is_null())
}

fn branch(reference: &Value) -> Option<String> {
    reference.as_str()?.strip_prefix("refs/heads/").map(str::to_owned)
}
