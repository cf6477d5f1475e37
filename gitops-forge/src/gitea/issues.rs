//! Issues of ours.

use async_trait::async_trait;
use gitops_core::{Cx, Result};
use serde_json::json;

use super::json::IssueJson;
use super::{Gitea, PAGE};
use crate::capability::Issues;
use crate::forge::Forge;
use crate::http::Ask;
use crate::value::{Issue, IssueWrite};

const LIST: &str = "/repos/{owner}/{repo}/issues";
const ONE: &str = "/repos/{owner}/{repo}/issues/{index}";

#[async_trait]
impl Issues for Gitea {
    async fn own_open(&self, cx: &Cx) -> Result<Vec<Issue>> {
        let me = self.me(cx).await?;
        let ask = Ask::get(LIST, &[&self.owner(), &self.name()]);
        let ask = ask.query("state", "open").query("type", "issues").query("created_by", &me.login);
        let found: Vec<IssueJson> = self.client.list(cx, &ask, PAGE).await?;
        let ours = found.into_iter().filter(|issue| issue.user.id.to_string() == me.id);
        let mut ours: Vec<_> = ours.map(issue).collect();
        ours.sort_by_key(|issue| issue.number);
        Ok(ours)
    }

    async fn write(&self, cx: &Cx, write: &IssueWrite) -> Result<Option<Issue>> {
        let (owner, name) = (&self.owner(), &self.name());
        let ask = match write {
            IssueWrite::Create { title, body } => {
                Ask::post(LIST, &[owner, name]).json(json!({"title": title, "body": body}))
            }
            IssueWrite::Edit { number, title, body } => {
                Ask::patch(ONE, &[owner, name, number]).json(json!({"title": title, "body": body}))
            }
            IssueWrite::Close { number } => {
                let close = Ask::patch(ONE, &[owner, name, number]).json(json!({"state": "closed"}));
                return self.client.call(cx, &close).await.map(|_| None);
            }
        };
        self.client.read(cx, &ask).await.map(|found| Some(issue(found)))
    }
}

fn issue(json: IssueJson) -> Issue {
    Issue::new(json.number, json.title, json.body)
}
