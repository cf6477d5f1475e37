//! What reviewers said: approvals, and the reviewers who asked for changes.

use gitops_core::{Cx, Result, Time};

use super::json::{ApprovalsJson, ReviewerJson, VersionJson};
use super::{GitLab, PAGE};
use crate::http::Ask;
use crate::value::{CommitId, Review, ReviewState};

const APPROVALS: &str = "/projects/{id}/merge_requests/{merge_request_iid}/approvals";
const REVIEWERS: &str = "/projects/{id}/merge_requests/{merge_request_iid}/reviewers";
const VERSIONS: &str = "/projects/{id}/merge_requests/{merge_request_iid}/versions";

impl GitLab {
    pub(super) async fn list_reviews(&self, cx: &Cx, number: u64) -> Result<Vec<Review>> {
        let approvals: ApprovalsJson =
            self.client.read(cx, &Ask::get(APPROVALS, &[&self.project, &number])).await?;
        let reviewers: Vec<ReviewerJson> =
            self.client.list(cx, &Ask::get(REVIEWERS, &[&self.project, &number]), PAGE).await?;
        let versions: Vec<VersionJson> = match approvals.approved_by.is_empty() {
            true => Vec::new(),
            false => self.client.list(cx, &Ask::get(VERSIONS, &[&self.project, &number]), PAGE).await?,
        };
        let mut found: Vec<_> = approvals
            .approved_by
            .into_iter()
            .map(|approval| {
                let at = approval.approved_at;
                let user = self.user(approval.user.into());
                let id = format!("approval-{}-{}", user.id, at.unwrap_or_default().as_micros());
                let commit = at.and_then(|at| head_at(&versions, at));
                Review::new(id, user, ReviewState::Approved).commit(commit).submitted(at)
            })
            .collect();
        found.sort_by(|one, other| (one.submitted, &one.id).cmp(&(other.submitted, &other.id)));
        // When somebody asked for changes is not told; it comes last, so that it counts.
        let against = reviewers.into_iter().filter(|reviewer| reviewer.state == "requested_changes");
        found.extend(against.map(|reviewer| {
            let user = self.user(reviewer.user.into());
            Review::new(format!("changes-{}", user.id), user, ReviewState::ChangesRequested)
        }));
        Ok(found)
    }
}

/// The head of the newest version that was there at a time.
fn head_at(versions: &[VersionJson], at: Time) -> Option<CommitId> {
    let newest = versions
        .iter()
        .filter(|version| version.created_at <= at)
        .max_by_key(|version| version.created_at)?;
    CommitId::parse(&newest.head_commit_sha).ok()
}
