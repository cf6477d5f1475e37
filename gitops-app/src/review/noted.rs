//! What a forge says of a merged request, for the audit log.

use std::collections::BTreeMap;

use gitops_core::review::Command;
use gitops_core::{Cx, MergedRequest, RequestReview, Result, Time};
use gitops_forge::{CommentQuery, Permission, RequestState, ReviewState, User};

use super::Asked;
use super::request::patiently;

impl Asked {
    /// What the forge says of the request: who opened it, who reviewed it, and who merged it. Nothing if it is not merged.
    ///
    /// Only what was said by those who may write to the repository is in it; it is what they said, and not whether it counted.
    ///
    /// # Errors
    /// Those of the forge.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn merged(&self, cx: &Cx) -> Result<Option<MergedRequest>> {
        let request = patiently(cx, || self.forge.change_request(cx, self.number)).await?;
        let Some(commit) = request.merge_commit.filter(|_| request.state == RequestState::Merged) else {
            return Ok(None);
        };
        let head = request.head.commit.to_string();
        let merged = MergedRequest::new(self.name(), &*request.author.login, head, commit.to_string());
        let merged_by = request.merged_by.map(|by| by.login.to_string());
        Ok(Some(merged.merged_by(merged_by).reviews(self.said_by_writers(cx).await?)))
    }

    async fn said_by_writers(&self, cx: &Cx) -> Result<Vec<RequestReview>> {
        let mut found: Vec<(Time, User, RequestReview)> = Vec::new();
        for review in patiently(cx, || self.forge.reviews(cx, self.number)).await? {
            let said = match review.state {
                _ if review.is_dismissed => "withdrawn",
                ReviewState::Approved => "approved",
                ReviewState::ChangesRequested => "changes requested",
                _ => continue,
            };
            let told = RequestReview::new(&*review.author.login, format!("review {}", review.id), said);
            let told = told.of_commit(review.commit.map(|commit| commit.to_string()));
            found.push((review.submitted.unwrap_or_default(), review.author, told));
        }
        let query = CommentQuery::default();
        for comment in patiently(cx, || self.forge.comments(cx, self.number, &query)).await? {
            // Others may edit what somebody wrote.
            if comment.created != comment.updated {
                continue;
            }
            for command in Command::read(&comment.body).into_iter().flatten() {
                let Command::Approve { effect } = command else { continue };
                let place = format!("comment {}", comment.id);
                let told = RequestReview::new(&*comment.author.login, place, "approved").naming(effect);
                found.push((comment.created, comment.author.clone(), told));
            }
        }
        found.sort_by(|(at, _, a), (other, _, b)| (at, &a.place).cmp(&(other, &b.place)));
        let mut writers: BTreeMap<User, bool> = BTreeMap::new();
        let mut said = Vec::new();
        for (_, who, told) in found {
            if !writers.contains_key(&who) {
                let permission = patiently(cx, || self.forge.permission(cx, &who)).await?;
                writers.insert(who.clone(), permission >= Permission::Write);
            }
            if writers.get(&who) == Some(&true) {
                said.push(told);
            }
        }
        Ok(said)
    }
}
