//! Reviews, and what people may do.

use gitops_core::{Cx, Result};

use super::json::{PermissionJson, ReviewJson};
use super::{Gitea, PAGE};
use crate::http::Ask;
use crate::value::{CommitId, Permission, Review, ReviewState, User};

const LIST: &str = "/repos/{owner}/{repo}/pulls/{index}/reviews";
const PERMISSION: &str = "/repos/{owner}/{repo}/collaborators/{collaborator}/permission";

impl Gitea {
    pub(super) async fn list_reviews(&self, cx: &Cx, number: u64) -> Result<Vec<Review>> {
        let ask = Ask::get(LIST, &[&self.owner(), &self.name(), &number]);
        let mut found: Vec<ReviewJson> = self.client.list(cx, &ask, PAGE).await?;
        found.sort_by_key(|review| review.id);
        Ok(found.into_iter().filter_map(|review| self.review(review)).collect())
    }

    /// Nothing of what was not submitted, is only asked for, or is of somebody who is gone.
    fn review(&self, json: ReviewJson) -> Option<Review> {
        let state = match json.state.as_str() {
            "APPROVED" => ReviewState::Approved,
            "REQUEST_CHANGES" => ReviewState::ChangesRequested,
            "COMMENT" => ReviewState::Commented,
            _ => return None,
        };
        let review = Review::new(json.id.to_string(), self.user(json.user?), state);
        let commit = CommitId::parse(&json.commit_id).ok();
        Some(review.commit(commit).submitted(json.submitted_at).dismissed(json.dismissed))
    }

    pub(super) async fn permission_of(&self, cx: &Cx, user: &User) -> Result<Permission> {
        let ask = Ask::get(PERMISSION, &[&self.owner(), &self.name(), &user.login]);
        let Some(found) = self.client.find::<PermissionJson>(cx, &ask).await? else {
            return Ok(Permission::None);
        };
        // The login may be somebody else's by now.
        if !self.user(found.user).is(user) {
            return Ok(Permission::None);
        }
        Ok(match found.permission.as_str() {
            "read" => Permission::Read,
            "write" => Permission::Write,
            "admin" | "owner" => Permission::Admin,
            _ => Permission::None,
        })
    }
}
