use std::collections::BTreeMap;

use async_trait::async_trait;
use gitops_core::capability::{Health, Readiness};
use gitops_core::{Applied, Cx, Key, Result};

use crate::root::{Home, Place};
use crate::target::site::{Fresh, Site};
use crate::target::terraform::{Terraform, is_over};
use crate::tool::json::StateFile;

/// A root works if its state holds no resource that is to be replaced, and no check that failed. No process is started
/// where the state can be read without one.
#[async_trait]
impl Health for Terraform {
    async fn ready(&self, cx: &Cx, key: &Key, _: &Applied) -> Result<Readiness> {
        let site = Site::enter(self, key, cx).await?;
        let state = site.state(cx, Fresh::Enough).await?;
        Ok(site.readiness(state.as_ref()))
    }

    async fn look(&self, cx: &Cx, keys: &[Key]) -> Result<BTreeMap<Key, Readiness>> {
        let mut found = BTreeMap::new();
        for key in keys {
            match self.glance(cx, key).await {
                Ok(seen) => found.extend(seen.map(|readiness| (key.clone(), readiness))),
                Err(error) if is_over(&error) => return Err(error),
                // Why it can't be read is told by whoever plans the root.
                Err(_) => {}
            }
        }
        Ok(found)
    }
}

impl Terraform {
    /// How a root is by what is at hand, with no process, and without waiting for one that works on it. Nothing where that
    /// does not say it.
    async fn glance(&self, cx: &Cx, key: &Key) -> Result<Option<Readiness>> {
        let site = Site::at_a_glance(self, key, cx).await?;
        let is_settled = site.record().owner.is_some() && site.record().running.is_none();
        let Some(place) = site.record().place.as_ref().filter(|_| is_settled) else { return Ok(None) };
        let Some(state) = site.state_at_hand(cx, place).await? else { return Ok(None) };
        // An apply that began meanwhile may have been writing what was read.
        let is_as_before = Site::at_a_glance(self, key, cx).await?.record() == site.record();
        Ok(is_as_before.then(|| site.readiness(state.as_ref())))
    }
}

impl Site<'_> {
    /// The state at a place, if it takes no process to read it; one that is kept elsewhere as it was read last.
    async fn state_at_hand(&self, cx: &Cx, place: &Place) -> Result<Option<Option<StateFile>>> {
        match Home::of(&self.folder, place)? {
            Home::Elsewhere { .. } => {
                let pulled = self.target.pulled(self.key).filter(|pulled| pulled.place == *place);
                let has_failed =
                    self.record().failed_checks.as_ref().is_some_and(|failed| !failed.is_empty());
                Ok(pulled.map(|pulled| pulled.state).or(has_failed.then_some(None)))
            }
            Home::Server(_) | Home::File(_) => self.state_at(cx, place, Fresh::Enough).await.map(Some),
        }
    }

    fn readiness(&self, state: Option<&StateFile>) -> Readiness {
        let troubles = self.troubles(state);
        match troubles.is_empty() {
            true => Readiness::Ready,
            false => Readiness::Failed(self.redact().text(&troubles.join("; "))),
        }
    }

    /// What is wrong with the root, by its state and by what the providers said since.
    fn troubles(&self, state: Option<&StateFile>) -> Vec<String> {
        let unsettled = state.into_iter().flat_map(|state| &state.unsettled);
        let unsettled = unsettled.map(|address| format!("{address} is to be replaced"));
        unsettled.chain(self.failed_checks(state).iter().cloned()).collect()
    }

    /// The checks that did not hold when they were last looked at.
    pub fn failed_checks<'s>(&'s self, state: Option<&'s StateFile>) -> &'s [String] {
        let seen = self.record().failed_checks.as_ref().or(state.map(|state| &state.failed_checks));
        seen.map_or(&[], Vec::as_slice)
    }
}
