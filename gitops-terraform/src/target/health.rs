use async_trait::async_trait;
use gitops_core::capability::{Health, Readiness};
use gitops_core::{Applied, Cx, Key, Result};

use crate::target::site::{Fresh, Site};
use crate::target::terraform::Terraform;
use crate::tool::json::StateFile;

/// A root works if its state holds no resource that is to be replaced, and no check that failed. No process is started
/// where the state can be read without one.
#[async_trait]
impl Health for Terraform {
    async fn ready(&self, cx: &Cx, key: &Key, _: &Applied) -> Result<Readiness> {
        let site = Site::enter(self, key, cx).await?;
        let state = site.state(cx, Fresh::Enough).await?;
        let redact = site.redact();
        let troubles = site.troubles(state.as_ref());
        Ok(match troubles.is_empty() {
            true => Readiness::Ready,
            false => Readiness::Failed(redact.text(&troubles.join("; "))),
        })
    }
}

impl Site<'_> {
    /// What is wrong with the root, by its state and by what the providers said since.
    pub fn troubles(&self, state: Option<&StateFile>) -> Vec<String> {
        let Some(state) = state else { return Vec::new() };
        let unsettled = state.unsettled.iter().map(|address| format!("{address} is to be replaced"));
        let failed = self.record().failed_checks.as_ref().unwrap_or(&state.failed_checks);
        unsettled.chain(failed.iter().cloned()).collect()
    }
}
