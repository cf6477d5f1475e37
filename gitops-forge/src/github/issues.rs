//! Issues of ours.

use async_trait::async_trait;
use gitops_core::{Cx, Result};
use serde_json::json;

use super::json::IssueJson;
use super::{GitHub, TEXTS};
use crate::capability::Issues;
use crate::forge::Forge;
use crate::http::Ask;
use crate::value::{Issue, IssueWrite};

const LIST: &str = "/repos/{owner}/{repo}/issues";
const ONE: &str = "/repos/{owner}/{repo}/issues/{issue_number}";

#[async_trait]
impl Issues for GitHub {
    async fn own_open(&self, cx: &Cx) -> Result<Vec<Issue>> {
        let me = self.me(cx).await?;
        let ask = Ask::get(LIST, &[&self.owner(), &self.name()]);
        let ask = ask.query("state", "open").query("creator", &me.login).query("direction", "asc");
        let found: Vec<IssueJson> = self.client.list(cx, &ask, TEXTS).await?;
        let is_ours = |issue: &IssueJson| {
            let author = issue.user.as_ref().map(|user| user.id.to_string());
            issue.pull_request.is_none() && author.is_some_and(|author| author == me.id)
        };
        let mut ours: Vec<_> = found.into_iter().filter(is_ours).map(issue).collect();
        ours.sort_by_key(|issue| issue.number);
        ours.dedup_by_key(|issue| issue.number);
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
    Issue::new(json.number, json.title, json.body.unwrap_or_default())
}
