//! What people may do, and groups.

use async_trait::async_trait;
use gitops_core::{Cx, Result};

use super::json::{MemberJson, UserJson};
use super::{GitLab, PAGE};
use crate::capability::Teams;
use crate::http::Ask;
use crate::value::{Permission, User};

const MEMBER: &str = "/projects/{id}/members/all/{user_id}";
const MEMBERS: &str = "/groups/{id}/members/all";

impl GitLab {
    pub(super) async fn permission_of(&self, cx: &Cx, user: &User) -> Result<Permission> {
        let ask = Ask::get(MEMBER, &[&self.project, &user.id]);
        let found: Option<MemberJson> = self.client.find(cx, &ask).await?;
        Ok(found
            .filter(|member| member.state == "active")
            .map_or(Permission::None, |member| level(member.access_level)))
    }
}

fn level(level: u32) -> Permission {
    match level {
        50.. => Permission::Admin,
        40.. => Permission::Maintain,
        30.. => Permission::Write,
        20.. => Permission::Triage,
        10.. => Permission::Read,
        _ => Permission::None,
    }
}

#[async_trait]
impl Teams for GitLab {
    async fn members(&self, cx: &Cx, team: &str) -> Result<Vec<User>> {
        let members: Vec<UserJson> = self.client.list(cx, &Ask::get(MEMBERS, &[&team]), PAGE).await?;
        let active = members.into_iter().filter(|user| user.state == "active");
        let mut members: Vec<_> = active.map(|user| self.user(user)).collect();
        members.sort();
        members.dedup();
        Ok(members)
    }
}
