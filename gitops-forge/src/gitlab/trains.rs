//! Merge trains.

use async_trait::async_trait;
use gitops_core::{Cx, ErrorKind, Result};

use super::json::CarJson;
use super::{GitLab, PAGE};
use crate::capability::MergeQueue;
use crate::http::Ask;
use crate::value::{CommitId, QueuedCommit, train_request};

const LIST: &str = "/projects/{id}/merge_trains";

#[async_trait]
impl MergeQueue for GitLab {
    async fn waiting(&self, cx: &Cx) -> Result<Vec<QueuedCommit>> {
        let ask = Ask::get(LIST, &[&self.project]).query("scope", "active").query("sort", "asc");
        let cars: Vec<CarJson> = match self.client.list(cx, &ask, PAGE).await {
            // A project without trains, and an edition without them.
            Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => Vec::new(),
            found => found?,
        };
        cars.into_iter().filter_map(queued).collect()
    }
}

/// What a car of a train would make of the branch; nothing before its pipeline is made.
fn queued(car: CarJson) -> Option<Result<QueuedCommit>> {
    let (pipeline, branch) = (car.pipeline?, car.target_branch);
    let request = Some(train_request(&pipeline.reference)?);
    Some(CommitId::parse(&pipeline.sha).map(|commit| QueuedCommit::new(branch, commit).of(request)))
}
