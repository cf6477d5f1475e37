//! How requests may be merged.

use gitops_core::{Cx, Result};
use serde::Deserialize;

use super::GitLab;
use crate::http::Ask;
use crate::value::MergeMethod;

const PROJECT: &str = "/projects/{id}";

#[derive(Debug, Deserialize)]
struct ProjectJson {
    /// `never`, `always`, `default_on`, `default_off`.
    #[serde(default)]
    squash_option: String,
}

impl GitLab {
    /// Whether the branch gets a merge commit is the project's setting, which each merge keeps to.
    pub(super) async fn allowed_methods(&self, cx: &Cx) -> Result<Vec<MergeMethod>> {
        let project: ProjectJson = self.client.read(cx, &Ask::get(PROJECT, &[&self.project])).await?;
        Ok(match project.squash_option.as_str() {
            "always" => vec![MergeMethod::Squash],
            "never" => vec![MergeMethod::Merge],
            _ => vec![MergeMethod::Merge, MergeMethod::Squash],
        })
    }
}
