use async_trait::async_trait;
use gitops_core::capability::{Health, Readiness};
use gitops_core::{Applied, Cx, Key, Result};

use crate::json::StateFile;
use crate::site::{Fresh, Site};
use crate::terraform::Terraform;

/// A root works if its state holds no resource that is to be replaced, and no check that failed. No process is started
/// where the state can be read without one.
#[async_trait]
impl Health for Terraform {
    async fn ready(&self, cx: &Cx, key: &Key, _: &Applied) -> Result<Readiness> {
        let site = Site::enter(self, key, cx).await?;
        let state = site.state(cx, Fresh::Enough).await?;
        let redact = site.redact();
        Ok(state.as_ref().map_or(Readiness::Ready, |state| match troubles(state) {
            troubles if troubles.is_empty() => Readiness::Ready,
            troubles => Readiness::Failed(redact.text(&troubles.join("; "))),
        }))
    }
}

fn troubles(state: &StateFile) -> Vec<String> {
    let unsettled = state.unsettled.iter().map(|address| format!("{address} is to be replaced"));
    unsettled.chain(state.failed_checks.iter().cloned()).collect()
}
