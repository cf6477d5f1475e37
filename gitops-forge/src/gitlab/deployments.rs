//! Deployments.

use async_trait::async_trait;
use gitops_core::{Cx, Result};
use serde_json::json;
use smol_str::{SmolStr, ToSmolStr};

use super::GitLab;
use super::json::DeploymentJson;
use crate::capability::Deployments;
use crate::http::Ask;
use crate::value::{CommitId, Deployment, DeploymentState};

const LIST: &str = "/projects/{id}/deployments";
const ONE: &str = "/projects/{id}/deployments/{deployment_id}";

#[async_trait]
impl Deployments for GitLab {
    async fn latest(&self, cx: &Cx, environment: &str) -> Result<Option<(SmolStr, Deployment)>> {
        let ask = Ask::get(LIST, &[&self.project]).query("environment", environment);
        let ask = ask.query("order_by", "id").query("sort", "desc").query("per_page", 1);
        let found: Vec<DeploymentJson> = self.client.read(cx, &ask).await?;
        let Some(found) = found.into_iter().next() else { return Ok(None) };
        let environment =
            found.environment.map_or_else(|| environment.to_owned(), |environment| environment.name);
        let mut deployment = Deployment::new(environment, CommitId::parse(&found.sha)?, found.reference);
        deployment.state = state(&found.status);
        Ok(Some((found.id.to_smolstr(), deployment)))
    }

    async fn create(&self, cx: &Cx, deployment: &Deployment) -> Result<SmolStr> {
        let body = json!({
            "environment": deployment.environment, "sha": deployment.commit, "ref": deployment.reference,
            "tag": false, "status": word(deployment.state).unwrap_or("success"),
        });
        let made: DeploymentJson =
            self.client.read(cx, &Ask::post(LIST, &[&self.project]).json(body)).await?;
        Ok(made.id.to_smolstr())
    }

    async fn set_state(&self, cx: &Cx, id: &str, deployment: &Deployment) -> Result<()> {
        let Some(word) = word(deployment.state) else { return Ok(()) };
        let ask = Ask::put(ONE, &[&self.project, &id]).json(json!({"status": word}));
        self.client.call(cx, &ask).await.map(drop)
    }
}

/// The forge's word; it has none for a deployment whose place another one took.
fn word(state: DeploymentState) -> Option<&'static str> {
    match state {
        DeploymentState::Queued => Some("created"),
        DeploymentState::Running => Some("running"),
        DeploymentState::Success => Some("success"),
        DeploymentState::Failure => Some("failed"),
        DeploymentState::Inactive => None,
    }
}

fn state(word: &str) -> DeploymentState {
    match word {
        "running" => DeploymentState::Running,
        "success" => DeploymentState::Success,
        "failed" | "canceled" => DeploymentState::Failure,
        _ => DeploymentState::Queued,
    }
}
