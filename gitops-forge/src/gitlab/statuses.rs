//! Statuses of commits.

use gitops_core::{Cx, ErrorKind, Result};
use serde_json::json;

use super::json::StatusJson;
use super::{GitLab, PAGE};
use crate::fault::invalid;
use crate::http::Ask;
use crate::value::{CommitId, CommitStatus, StatusState};

const LATEST: &str = "/projects/{id}/repository/commits/{sha}/statuses";
const WRITE: &str = "/projects/{id}/statuses/{sha}";

impl GitLab {
    pub(super) async fn latest_statuses(&self, cx: &Cx, commit: &CommitId) -> Result<Vec<CommitStatus>> {
        let ask = Ask::get(LATEST, &[&self.project, commit]);
        let found: Vec<StatusJson> = self.client.list(cx, &ask, PAGE).await?;
        let mut found: Vec<_> = found.into_iter().map(status).collect();
        found.sort_by(|one, other| one.context.cmp(&other.context));
        Ok(found)
    }

    pub(super) async fn write_status(&self, cx: &Cx, commit: &CommitId, status: &CommitStatus) -> Result<()> {
        let state = match status.state {
            StatusState::Pending => "pending",
            StatusState::Success => "success",
            StatusState::Failure => "failed",
            StatusState::Error => "canceled",
            StatusState::Other => return Err(invalid("this state of a status can't be written")),
        };
        let mut body = json!({"state": state, "name": status.context, "description": status.description});
        if let Some(url) = &status.target_url {
            body["target_url"] = url.as_str().into();
        }
        let ask = Ask::post(WRITE, &[&self.project, commit]).json(body);
        match self.client.call(cx, &ask).await {
            Err(error)
                if error.kind() == ErrorKind::Invalid && error.message().contains("annot transition") =>
            {
                // From a state to itself there is no way, but the texts may have been taken over.
                match self.latest_statuses(cx, commit).await?.contains(status) {
                    true => Ok(()),
                    false => Err(error),
                }
            }
            written => written.map(drop),
        }
    }
}

fn status(json: StatusJson) -> CommitStatus {
    let state = match json.status.as_str() {
        "pending" | "running" | "created" => StatusState::Pending,
        "success" => StatusState::Success,
        "failed" => StatusState::Failure,
        "canceled" => StatusState::Error,
        _ => StatusState::Other,
    };
    let target_url = json.target_url.filter(|url| !url.is_empty());
    let description = json.description.unwrap_or_default();
    CommitStatus { target_url, ..CommitStatus::new(json.name, state, &description) }
}
