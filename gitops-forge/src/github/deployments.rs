//! Deployments: a record, and statuses of it.

use async_trait::async_trait;
use gitops_core::{Cx, Result};
use serde_json::json;
use smol_str::{SmolStr, ToSmolStr};

use super::GitHub;
use super::json::{DeploymentJson, DeploymentStatusJson};
use crate::capability::Deployments;
use crate::http::Ask;
use crate::value::{CommitId, Deployment, DeploymentState};

const LIST: &str = "/repos/{owner}/{repo}/deployments";
const STATUSES: &str = "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses";

#[async_trait]
impl Deployments for GitHub {
    async fn latest(&self, cx: &Cx, environment: &str) -> Result<Option<(SmolStr, Deployment)>> {
        let ask = Ask::get(LIST, &[&self.owner(), &self.name()]);
        let ask = ask.query("environment", environment).query("per_page", 1);
        let found: Vec<DeploymentJson> = self.client.read(cx, &ask).await?;
        let Some(found) = found.into_iter().next() else { return Ok(None) };
        let ask = Ask::get(STATUSES, &[&self.owner(), &self.name(), &found.id]).query("per_page", 1);
        let statuses: Vec<DeploymentStatusJson> = self.client.read(cx, &ask).await?;
        let (state, description) = match statuses.first() {
            Some(status) => (state(&status.state), status.description.as_str()),
            None => (DeploymentState::Queued, ""),
        };
        let deployment = Deployment::new(found.environment, CommitId::parse(&found.sha)?, found.reference);
        Ok(Some((found.id.to_smolstr(), deployment.state(state, description))))
    }

    async fn create(&self, cx: &Cx, deployment: &Deployment) -> Result<SmolStr> {
        // The commit itself and not its branch, which may move; nothing is merged into it, and no status is waited for.
        let body = json!({
            "ref": deployment.commit, "environment": deployment.environment, "auto_merge": false,
            "required_contexts": [], "description": deployment.description,
        });
        let ask = Ask::post(LIST, &[&self.owner(), &self.name()]).json(body);
        let made: DeploymentJson = self.client.read(cx, &ask).await?;
        let id = made.id.to_smolstr();
        self.set_state(cx, &id, deployment).await?;
        Ok(id)
    }

    async fn set_state(&self, cx: &Cx, id: &str, deployment: &Deployment) -> Result<()> {
        let body = json!({"state": word(deployment.state), "description": deployment.description});
        let ask = Ask::post(STATUSES, &[&self.owner(), &self.name(), &id]).json(body);
        self.client.call(cx, &ask).await.map(drop)
    }
}

fn word(state: DeploymentState) -> &'static str {
    match state {
        DeploymentState::Queued => "queued",
        DeploymentState::Running => "in_progress",
        DeploymentState::Success => "success",
        DeploymentState::Failure => "failure",
        DeploymentState::Inactive => "inactive",
    }
}

fn state(word: &str) -> DeploymentState {
    match word {
        "in_progress" | "pending" => DeploymentState::Running,
        "success" => DeploymentState::Success,
        "failure" | "error" => DeploymentState::Failure,
        "inactive" => DeploymentState::Inactive,
        _ => DeploymentState::Queued,
    }
}
