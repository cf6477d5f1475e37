//! Issues of ours.

use async_trait::async_trait;
use gitops_core::{Cx, Result};
use serde_json::json;

use super::json::IssueJson;
use super::{GitLab, TEXTS};
use crate::capability::Issues;
use crate::forge::Forge;
use crate::http::Ask;
use crate::value::{Issue, IssueWrite};

const LIST: &str = "/projects/{id}/issues";
const ONE: &str = "/projects/{id}/issues/{issue_iid}";

#[async_trait]
impl Issues for GitLab {
    async fn own_open(&self, cx: &Cx) -> Result<Vec<Issue>> {
        let me = self.me(cx).await?;
        let ask = Ask::get(LIST, &[&self.project]).query("state", "opened").query("scope", "all");
        let ask = ask.query("author_id", &me.id).query("order_by", "created_at").query("sort", "asc");
        let found: Vec<IssueJson> = self.client.list(cx, &ask, TEXTS).await?;
        let ours = found.into_iter().filter(|issue| issue.author.id.to_string() == me.id);
        let mut ours: Vec<_> = ours.map(issue).collect();
        ours.sort_by_key(|issue| issue.number);
        ours.dedup_by_key(|issue| issue.number);
        Ok(ours)
    }

    async fn write(&self, cx: &Cx, write: &IssueWrite) -> Result<Option<Issue>> {
        let ask = match write {
            IssueWrite::Create { title, body } => {
                Ask::post(LIST, &[&self.project]).json(json!({"title": title, "description": body}))
            }
            IssueWrite::Edit { number, title, body } => {
                Ask::put(ONE, &[&self.project, number]).json(json!({"title": title, "description": body}))
            }
            IssueWrite::Close { number } => {
                let close = Ask::put(ONE, &[&self.project, number]).json(json!({"state_event": "close"}));
                return self.client.call(cx, &close).await.map(|_| None);
            }
        };
        self.client.read(cx, &ask).await.map(|found| Some(issue(found)))
    }
}

fn issue(json: IssueJson) -> Issue {
    Issue::new(json.iid, json.title, json.description.unwrap_or_default())
}
