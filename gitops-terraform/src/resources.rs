use gitops_core::{Cx, Error, ErrorKind, Key, Result};

use crate::json::{Plan, StateFile};
use crate::root::Settled;
use crate::site::{Fresh, Site};
use crate::terraform::Terraform;

/// One resource of a root, as its state has it. Resources are read and never written one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceInstance {
    /// The address.
    pub address: String,
    /// The identity that the provider gave it, where it has one.
    pub id: Option<String>,
    /// Whether it is marked to be replaced, or left something behind.
    pub is_unsettled: bool,
    /// What nobody knows about it, after an apply that was cut short.
    pub doubt: Option<String>,
}

impl Terraform {
    /// The resources of a root, in the order of their addresses, and those of which nobody knows whether they exist.
    pub async fn resources(&self, cx: &Cx, key: &Key) -> Result<Vec<ResourceInstance>> {
        let site = Site::enter(self, key, cx).await?;
        let state = site.state(cx, Fresh::Enough).await?;
        let mut found: Vec<ResourceInstance> = state.iter().flat_map(instances).collect();
        for doubt in &site.record().doubts {
            let said = Some(doubt.to_string());
            match found.iter_mut().find(|known| known.address == doubt.address) {
                Some(known) => known.doubt = said,
                None => found.push(ResourceInstance {
                    address: doubt.address.clone(),
                    id: doubt.id.clone(),
                    is_unsettled: false,
                    doubt: said,
                }),
            }
        }
        found.sort_by(|a, b| a.address.cmp(&b.address));
        Ok(found)
    }

    /// Ends a doubt about a resource, on the word of a person who looked: one that is not in the state does not exist,
    /// or is not to be managed; one that is in the state is whole. Who said so is kept.
    ///
    /// What does exist and is to be managed needs no word: import it, and the state says so.
    ///
    /// # Errors
    /// `NotFound` if nothing is in doubt at this address.
    pub async fn settle(&self, cx: &Cx, key: &Key, address: &str, by: &str) -> Result<()> {
        let mut site = Site::enter(self, key, cx).await?;
        let Some(doubt) = site.record().doubts.iter().find(|doubt| doubt.address == address).cloned() else {
            let message = format!("nothing is in doubt about `{address}`");
            return Err(Error::new(ErrorKind::NotFound, message).at(key));
        };
        let settled = Settled { doubt, by: by.to_owned(), at: cx.now() };
        site.note(cx, |record| {
            record.doubts.retain(|doubt| doubt.address != address);
            record.settled.push(settled);
        })
        .await
    }

    /// What the plan that is kept for a root would do to its resources; nothing if none is kept.
    pub async fn kept_plan(&self, cx: &Cx, key: &Key) -> Result<Option<Plan>> {
        Site::enter(self, key, cx).await?.kept_plan(cx).await
    }
}

fn instances(state: &StateFile) -> impl Iterator<Item = ResourceInstance> {
    state.instances.iter().map(|(address, id)| ResourceInstance {
        address: address.clone(),
        id: id.clone(),
        is_unsettled: state.unsettled.contains(address),
        doubt: None,
    })
}
