//! How requests may be merged.

use gitops_core::{Cx, Result};
use serde::Deserialize;

use super::GitHub;
use crate::http::Ask;
use crate::value::MergeMethod;

const REPOSITORY: &str = "/repos/{owner}/{repo}";

/// Left out means allowed: the forge tells only who may write to the repository.
#[derive(Debug, Deserialize)]
struct MethodsJson {
    #[serde(rename = "allow_merge_commit")]
    merge: Option<bool>,
    #[serde(rename = "allow_squash_merge")]
    squash: Option<bool>,
    #[serde(rename = "allow_rebase_merge")]
    rebase: Option<bool>,
}

impl GitHub {
    pub(super) async fn allowed_methods(&self, cx: &Cx) -> Result<Vec<MergeMethod>> {
        let ask = Ask::get(REPOSITORY, &[&self.owner(), &self.name()]);
        let MethodsJson { merge, squash, rebase } = self.client.read(cx, &ask).await?;
        Ok(MergeMethod::allowed(merge, squash, rebase))
    }
}
