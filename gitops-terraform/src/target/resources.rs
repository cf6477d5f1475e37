use gitops_core::{Component, Cx, Error, ErrorKind, Key, Result};

use crate::root::{Doubt, Settled};
use crate::target::site::{Fresh, Site};
use crate::target::terraform::Terraform;
use crate::tool::address::kind_of;
use crate::tool::json::{Plan, StateFile};

impl Terraform {
    /// The resources of a root, in the order of their addresses, and those of which nobody knows whether they exist.
    /// They are read and never written one by one.
    pub async fn resources(&self, cx: &Cx, key: &Key) -> Result<Vec<Component>> {
        let site = Site::enter(self, key, cx).await?;
        let state = site.state(cx, Fresh::Enough).await?;
        Ok(site.components(state.as_ref()))
    }

    /// Ends a doubt about a resource, on the word of a person who looked: one that is not in the state does not exist,
    /// or is not to be managed; one that is in the state is whole. Who said so is kept.
    ///
    /// What does exist and is to be managed needs no word: import it, and the state says so.
    ///
    /// # Errors
    /// `NotFound` if nothing is in doubt at this address.
    pub async fn confirm(&self, cx: &Cx, key: &Key, address: &str, by: &str) -> Result<()> {
        let mut site = Site::enter(self, key, cx).await?;
        let doubt = site.doubt_about(address)?;
        let address = doubt.address.clone();
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

impl Site<'_> {
    /// The doubt about an address, as it is or as it is shown: its key may be hidden.
    ///
    /// # Errors
    /// `NotFound` if nothing is in doubt there; `Conflict` if several addresses are shown so.
    pub fn doubt_about(&self, address: &str) -> Result<Doubt> {
        let (redact, doubts) = (self.redact(), &self.record().doubts);
        let is_shown = |doubt: &&Doubt| redact.text(&doubt.address) == address;
        let is = doubts.iter().find(|doubt| doubt.address == address);
        let mut shown = doubts.iter().filter(is_shown);
        let Some(doubt) = is.or_else(|| shown.next()) else {
            let message = format!("nothing is in doubt about `{}`", redact.text(address));
            return Err(Error::new(ErrorKind::NotFound, message).at(self.key));
        };
        match is.is_none() && shown.next().is_some() {
            true => {
                let message =
                    format!("several resources are shown as `{address}`, for a secret is in their keys");
                Err(Error::new(ErrorKind::Conflict, message).at(self.key).help("name it with its key"))
            }
            false => Ok(doubt.clone()),
        }
    }

    /// What a state holds, with what is known to be wrong with it, and what may exist without it.
    pub fn components(&self, state: Option<&StateFile>) -> Vec<Component> {
        let redact = self.redact();
        let mut found: Vec<Component> = state.into_iter().flat_map(of_state).collect();
        for doubt in self.record().doubts_after(state) {
            let trouble = Some(doubt.to_string());
            match found.iter_mut().find(|known| known.name == doubt.address) {
                Some(known) => known.trouble = trouble,
                None => found.push(named(&doubt.address, doubt.id.clone(), trouble)),
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        for component in &mut found {
            component.name = redact.text(&component.name);
            let texts = [&mut component.id, &mut component.trouble];
            texts.into_iter().flatten().for_each(|text| *text = redact.text(text));
        }
        found
    }
}

fn of_state(state: &StateFile) -> impl Iterator<Item = Component> {
    state.instances.iter().map(|(address, id)| {
        let is_unsettled = state.unsettled.contains(address);
        let trouble = is_unsettled.then(|| "it is tainted, or has a deposed object".to_owned());
        named(address, id.clone(), trouble)
    })
}

fn named(address: &str, id: Option<String>, trouble: Option<String>) -> Component {
    let mut component = Component::new(address, kind_of(address));
    (component.id, component.trouble) = (id, trouble);
    component
}
