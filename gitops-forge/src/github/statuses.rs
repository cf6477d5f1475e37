//! Statuses of commits.

use gitops_core::{Cx, Result};
use serde_json::json;

use super::json::{CombinedJson, StatusJson};
use super::{GitHub, PAGE};
use crate::fault::invalid;
use crate::http::Ask;
use crate::value::{CommitId, CommitStatus, StatusState};

const LATEST: &str = "/repos/{owner}/{repo}/commits/{ref}/status";
const WRITE: &str = "/repos/{owner}/{repo}/statuses/{sha}";

impl GitHub {
    pub(super) async fn latest_statuses(&self, cx: &Cx, commit: &CommitId) -> Result<Vec<CommitStatus>> {
        let ask = Ask::get(LATEST, &[&self.owner(), &self.name(), commit]);
        let found = self.client.list_in(cx, &ask, PAGE, |page: CombinedJson| page.statuses).await?;
        let mut found: Vec<_> = found.into_iter().map(status).collect();
        found.sort_by(|one, other| one.context.cmp(&other.context));
        Ok(found)
    }

    pub(super) async fn write_status(&self, cx: &Cx, commit: &CommitId, status: &CommitStatus) -> Result<()> {
        let state = match status.state {
            StatusState::Pending => "pending",
            StatusState::Success => "success",
            StatusState::Failure => "failure",
            StatusState::Error => "error",
            StatusState::Other => return Err(invalid("this state of a status can't be written")),
        };
        let body = json!({
            "context": status.context, "state": state, "description": status.description,
            "target_url": status.target_url,
        });
        let ask = Ask::post(WRITE, &[&self.owner(), &self.name(), commit]).json(body);
        self.client.call(cx, &ask).await.map(drop)
    }
}

fn status(json: StatusJson) -> CommitStatus {
    let state = match json.state.as_str() {
        "pending" => StatusState::Pending,
        "success" => StatusState::Success,
        "failure" => StatusState::Failure,
        "error" => StatusState::Error,
        _ => StatusState::Other,
    };
    let target_url = json.target_url.filter(|url| !url.is_empty());
    let description = json.description.unwrap_or_default();
    CommitStatus { target_url, ..CommitStatus::new(json.context, state, &description) }
}
