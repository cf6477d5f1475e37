//! How requests may be merged.

use gitops_core::{Cx, Result};
use serde::Deserialize;

use super::Gitea;
use crate::http::Ask;
use crate::value::MergeMethod;

const REPOSITORY: &str = "/repos/{owner}/{repo}";

/// Left out means allowed: older versions do not tell.
#[derive(Debug, Deserialize)]
struct MethodsJson {
    #[serde(rename = "allow_merge_commits")]
    merge: Option<bool>,
    #[serde(rename = "allow_squash_merge")]
    squash: Option<bool>,
    #[serde(rename = "allow_rebase")]
    rebase: Option<bool>,
}

impl Gitea {
    pub(super) async fn allowed_methods(&self, cx: &Cx) -> Result<Vec<MergeMethod>> {
        let ask = Ask::get(REPOSITORY, &[&self.owner(), &self.name()]);
        let MethodsJson { merge, squash, rebase } = self.client.read(cx, &ask).await?;
        Ok(MergeMethod::allowed(merge, squash, rebase))
    }
}
