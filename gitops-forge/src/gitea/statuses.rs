//! Statuses of commits.

use gitops_core::{Cx, Error, ErrorKind, Result};
use serde_json::json;

use super::json::{CombinedJson, StatusJson};
use super::{Gitea, PAGE};
use crate::fault::invalid;
use crate::http::Ask;
use crate::value::{CommitId, CommitStatus, StatusState};

const LATEST: &str = "/repos/{owner}/{repo}/commits/{ref}/status";
const WRITE: &str = "/repos/{owner}/{repo}/statuses/{sha}";

impl Gitea {
    pub(super) async fn latest_statuses(&self, cx: &Cx, commit: &CommitId) -> Result<Vec<CommitStatus>> {
        let ask = Ask::get(LATEST, &[&self.owner(), &self.name(), commit]);
        let statuses = |page: CombinedJson| page.statuses.unwrap_or_default();
        let found = self.client.list_in(cx, &ask, PAGE, statuses).await?;
        let mut found: Vec<_> = found.into_iter().map(status).collect();
        found.sort_by(|one, other| one.context.cmp(&other.context));
        Ok(found)
    }

    pub(super) async fn write_status(&self, cx: &Cx, commit: &CommitId, status: &CommitStatus) -> Result<()> {
        let mut body = json!({
            "context": status.context,
            "state": state_word(status.state).ok_or_else(|| invalid("this state of a status can't be written"))?,
            "description": status.description,
        });
        if let Some(url) = &status.target_url {
            body["target_url"] = url.as_str().into();
        }
        let ask = Ask::post(WRITE, &[&self.owner(), &self.name(), commit]).json(body);
        self.client.call(cx, &ask).await.map(drop).map_err(unknown_commit)
    }
}

/// For a commit that it does not have, the forge answers as if it had failed itself.
fn unknown_commit(error: Error) -> Error {
    match error.message().contains("object does not exist") {
        true => Error::new(ErrorKind::NotFound, "the repository has no such commit"),
        false => error,
    }
}

fn state_word(state: StatusState) -> Option<&'static str> {
    match state {
        StatusState::Pending => Some("pending"),
        StatusState::Success => Some("success"),
        StatusState::Failure => Some("failure"),
        StatusState::Error => Some("error"),
        StatusState::Other => None,
    }
}

fn status(json: StatusJson) -> CommitStatus {
    let state = match json.status.as_str() {
        "pending" => StatusState::Pending,
        "success" => StatusState::Success,
        "failure" => StatusState::Failure,
        "error" => StatusState::Error,
        _ => StatusState::Other,
    };
    let target_url = Some(json.target_url).filter(|url| !url.is_empty());
    CommitStatus { target_url, ..CommitStatus::new(json.context, state, &json.description) }
}
