//! Reviews, and what people may do.

use std::collections::BTreeMap;

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
        // Whoever approved and is asked again has not approved what is there now. A no stands until its author says otherwise.
        let mut asked: BTreeMap<i64, i64> = BTreeMap::new();
        for request in found.iter().filter(|review| review.state == "REQUEST_REVIEW") {
            asked.extend(request.user.as_ref().map(|user| (user.id, request.id)));
        }
        for review in found.iter_mut().filter(|review| review.state == "APPROVED") {
            let again = review.user.as_ref().and_then(|user| asked.get(&user.id));
            review.dismissed |= again.is_some_and(|again| *again > review.id);
        }
        Ok(found.into_iter().filter_map(|review| self.review(review)).collect())
    }

    /// Nothing of what was not submitted, is only asked for, or is of somebody who is gone.
    ///
    /// A draft keeps the time at which it was begun. So an approval counts as given then, and a no as given when it was changed last:
    /// neither lets anything through that its author did not mean.
    fn review(&self, json: ReviewJson) -> Option<Review> {
        let (state, submitted) = match json.state.as_str() {
            "APPROVED" => (ReviewState::Approved, json.submitted_at),
            "REQUEST_CHANGES" if json.dismissed => (ReviewState::ChangesRequested, json.submitted_at),
            "REQUEST_CHANGES" => (ReviewState::ChangesRequested, json.updated_at.max(json.submitted_at)),
            "COMMENT" => (ReviewState::Commented, json.submitted_at),
            _ => return None,
        };
        let review = Review::new(json.id.to_string(), self.user(json.user?), state);
        let commit = CommitId::parse(&json.commit_id).ok();
        Some(review.commit(commit).submitted(submitted).dismissed(json.dismissed))
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
