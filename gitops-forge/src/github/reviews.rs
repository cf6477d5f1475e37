//! Reviews, what people may do, and teams.

use async_trait::async_trait;
use gitops_core::{Cx, Result};

use super::json::{AskedJson, PermissionJson, ReviewJson, UserJson};
use super::requests::ONE;
use super::{GitHub, PAGE, TEXTS};
use crate::capability::Teams;
use crate::fault::{invalid, shown};
use crate::http::Ask;
use crate::value::{CommitId, Permission, Review, ReviewState, User};

const LIST: &str = "/repos/{owner}/{repo}/pulls/{pull_number}/reviews";
const PERMISSION: &str = "/repos/{owner}/{repo}/collaborators/{username}/permission";
const MEMBERS: &str = "/orgs/{org}/teams/{team_slug}/members";

impl GitHub {
    pub(super) async fn list_reviews(&self, cx: &Cx, number: u64) -> Result<Vec<Review>> {
        let ask = Ask::get(LIST, &[&self.owner(), &self.name(), &number]);
        let mut found: Vec<ReviewJson> = self.client.list(cx, &ask, TEXTS).await?;
        found.sort_by_key(|review| review.id);
        found.dedup_by_key(|review| review.id);
        let mut reviews: Vec<Review> = found.into_iter().filter_map(|review| self.review(review)).collect();
        let is_approval = |review: &Review| review.state == ReviewState::Approved;
        if reviews.iter().any(is_approval) {
            // Whoever approved and is asked again has not approved what is there now. A no stands until its author says otherwise.
            let ask = Ask::get(ONE, &[&self.owner(), &self.name(), &number]);
            let AskedJson { requested_reviewers } = self.client.read(cx, &ask).await?;
            let asked: Vec<User> = requested_reviewers.into_iter().map(|user| self.user(user)).collect();
            let is_asked = |review: &Review| asked.iter().any(|user| user.is(&review.author));
            for review in reviews.iter_mut().filter(|review| is_approval(review)) {
                review.is_dismissed |= is_asked(review);
            }
        }
        Ok(reviews)
    }

    /// Nothing of what was not submitted or is of somebody who is gone.
    fn review(&self, json: ReviewJson) -> Option<Review> {
        let (state, is_dismissed) = match json.state.as_str() {
            "APPROVED" => (ReviewState::Approved, false),
            "CHANGES_REQUESTED" => (ReviewState::ChangesRequested, false),
            "COMMENTED" => (ReviewState::Commented, false),
            // What it said before is not told any more.
            "DISMISSED" => (ReviewState::Commented, true),
            _ => return None,
        };
        let review = Review::new(json.id.to_string(), self.user(json.user?), state);
        let commit = json.commit_id.and_then(|id| CommitId::parse(&id).ok());
        Some(review.commit(commit).submitted(json.submitted_at).dismissed(is_dismissed))
    }

    pub(super) async fn permission_of(&self, cx: &Cx, user: &User) -> Result<Permission> {
        let ask = Ask::get(PERMISSION, &[&self.owner(), &self.name(), &user.login]);
        let Some(found) = self.client.find::<PermissionJson>(cx, &ask).await? else {
            return Ok(Permission::None);
        };
        // The login may be somebody else's by now.
        if !found.user.is_some_and(|found| self.user(found).is(user)) {
            return Ok(Permission::None);
        }
        // A role that an organisation made has a name of its own; what it is made from is told beside it.
        Ok(match (found.permission.as_str(), found.role_name.as_str()) {
            ("admin", _) => Permission::Admin,
            ("write", "maintain") => Permission::Maintain,
            ("write", _) => Permission::Write,
            ("read", "triage") => Permission::Triage,
            ("read", _) => Permission::Read,
            _ => Permission::None,
        })
    }
}

#[async_trait]
impl Teams for GitHub {
    async fn members(&self, cx: &Cx, team: &str) -> Result<Vec<User>> {
        let wrong = || invalid(format!("`{}` is not a team: write `organisation/team`", shown(team, 80)));
        let (organisation, name) = team.split_once('/').ok_or_else(wrong)?;
        let ask = Ask::get(MEMBERS, &[&organisation, &name]);
        let members: Vec<UserJson> = self.client.list(cx, &ask, PAGE).await?;
        let mut members: Vec<_> = members.into_iter().map(|user| self.user(user)).collect();
        members.sort();
        members.dedup();
        Ok(members)
    }
}
