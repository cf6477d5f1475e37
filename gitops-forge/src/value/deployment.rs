use serde::{Deserialize, Serialize};

use super::CommitId;

/// The record that a commit was brought to an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deployment {
    /// The environment, such as `production`.
    pub environment: String,
    /// What was deployed.
    pub commit: CommitId,
    /// The branch or tag that the commit is known by here; GitLab wants one.
    pub reference: String,
    /// How it stands.
    pub state: DeploymentState,
    /// In a few words; at most 140 characters. `None` where the forge keeps none, as GitLab.
    pub description: Option<String>,
}

impl Deployment {
    /// A deployment that is under way.
    pub fn new(environment: impl Into<String>, commit: CommitId, reference: impl Into<String>) -> Self {
        let (environment, reference) = (environment.into(), reference.into());
        Self { environment, commit, reference, state: DeploymentState::Running, description: None }
    }

    /// The same in another state. A description of more than 140 characters is cut.
    #[must_use]
    pub fn state(self, state: DeploymentState, description: &str) -> Self {
        Self { state, description: Some(crate::fault::cut(description, 140)), ..self }
    }
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DeploymentState {
    /// It waits.
    Queued,
    /// It is under way.
    Running,
    /// It is live.
    Success,
    /// It failed.
    Failure,
    /// Another one took its place; on GitLab, which has no such state, it stays as it was.
    Inactive,
}
