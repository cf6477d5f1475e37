//! Teams of organisations.

use async_trait::async_trait;
use gitops_core::{Cx, Result};

use super::json::{TeamJson, UserJson};
use super::{Gitea, PAGE};
use crate::capability::Teams;
use crate::fault::{invalid, not_found, shown};
use crate::http::Ask;
use crate::value::User;

const LIST: &str = "/orgs/{org}/teams";
const MEMBERS: &str = "/teams/{id}/members";

#[async_trait]
impl Teams for Gitea {
    async fn members(&self, cx: &Cx, team: &str) -> Result<Vec<User>> {
        let wrong = || invalid(format!("`{}` is not a team: write `organisation/team`", shown(team, 80)));
        let (organisation, name) = team.split_once('/').ok_or_else(wrong)?;
        let teams: Vec<TeamJson> = self.client.list(cx, &Ask::get(LIST, &[&organisation]), PAGE).await?;
        let found = teams.into_iter().find(|team| team.name.eq_ignore_ascii_case(name));
        let missing = || not_found(format!("there is no team `{}`", shown(team, 80)));
        let id = found.ok_or_else(missing)?.id;
        let members: Vec<UserJson> = self.client.list(cx, &Ask::get(MEMBERS, &[&id]), PAGE).await?;
        let mut members: Vec<_> = members.into_iter().map(|user| self.user(user)).collect();
        members.sort();
        Ok(members)
    }
}
