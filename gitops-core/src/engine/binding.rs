//! Whose the state is: an engine works with the state of its own application, source and targets, and refuses any other.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::{SmolStr, ToSmolStr};

use super::Engine;
use super::effects::contained;
use crate::cx::Cx;
use crate::state::inventory::Inventory;
use crate::state::record::{Binding, Rebound, Record};
use crate::value::{Error, ErrorKind, Result, owner};

/// What an engine may take for its own state although it is bound to something else.
#[derive(Clone, Debug, Default)]
pub(super) struct Grant {
    /// The name that the application had before.
    pub renamed_from: Option<String>,
    /// Another source, and other targets.
    pub rebind: bool,
    /// The audit log is not the one that the journal knows.
    pub audit_is_lost: bool,
}

/// What the state moves to with the next write.
pub(super) struct Binds {
    /// What the plan shows.
    pub rebound: Vec<Rebound>,
    /// What is made durable before anything else; nothing if the state says so already.
    pub record: Option<Record>,
    /// What each target works on: as it is recorded, or else as far as it can say.
    pub places: BTreeMap<SmolStr, String>,
    /// The first target of each target's place; none for one that can't say.
    pub sites: BTreeMap<SmolStr, Option<SmolStr>>,
}

/// Refuses the state of another application.
pub(super) fn check_application(inventory: &Inventory, application: &str, grant: &Grant) -> Result<()> {
    let found = inventory.application();
    if found == application || grant.renamed_from.as_deref() == Some(found) {
        return Ok(());
    }
    let message = format!("the state belongs to the application `{found}`, and this is `{application}`");
    let help = format!(
        "give `{application}` a state of its own. If it is `{found}` under a new name, say so: `plan` and `apply` take \
         `--renamed-from {found}`"
    );
    Err(Error::new(ErrorKind::NotOwned, message).help(help))
}

impl Engine {
    /// Refuses the state of another source, before any target is asked.
    pub(super) fn check_source(&self) -> Result<()> {
        self.rebound(&self.named(BTreeMap::new())).map(drop)
    }

    /// What the state belongs to, and what it would belong to.
    ///
    /// # Errors
    /// `NotOwned` if it belongs to another application, source or target, and nobody said that it moves.
    pub(super) async fn binds(&mut self, cx: &Cx) -> Result<Binds> {
        let found = self.identities(cx).await?;
        let now = self.named(found);
        let rebound = self.rebound(&now)?;
        let inventory = self.inventory();
        let binding = inventory.binding().map_or_else(|| now.clone(), |known| known.renewed(&now));
        // What is approved is the same for whoever can name a place and whoever can't.
        let sites = self.sites(&binding.targets);
        let mut places = binding.targets.clone();
        if let Some(recorded) = inventory.binding() {
            places.retain(|name, _| recorded.targets.contains_key(name));
        }
        let label = owner::renamed(inventory.owner(), &self.name).to_smolstr();
        let is_known = inventory.binding() == Some(&binding) && inventory.owner() == &label;
        let record = (!is_known).then_some(Record::Bound { owner: label, binding });
        Ok(Binds { rebound, record, places, sites })
    }

    fn named(&self, targets: BTreeMap<SmolStr, String>) -> Binding {
        Binding { application: self.name.clone(), source: self.source.info().name, targets }
    }

    fn rebound(&self, now: &Binding) -> Result<Vec<Rebound>> {
        let inventory = self.inventory();
        let unbound = || Binding { application: inventory.application().to_owned(), ..now.clone() };
        let rebound = inventory.binding().cloned().unwrap_or_else(unbound).moved(now);
        match rebound.iter().find(|moved| !self.may_move(moved)) {
            None => Ok(rebound),
            Some(moved) => Err(refused(moved)),
        }
    }

    fn may_move(&self, moved: &Rebound) -> bool {
        match moved.what.as_str() {
            "application" => self.grant.renamed_from.as_ref() == Some(&moved.from),
            _ => self.grant.rebind,
        }
    }

    /// The places that the targets work on, as far as they can name them. Each is asked once.
    async fn identities(&mut self, cx: &Cx) -> Result<BTreeMap<SmolStr, String>> {
        if let Some(known) = &self.identities {
            return Ok(known.clone());
        }
        let mut found = BTreeMap::new();
        for (name, target) in &self.targets {
            let Some(identity) = target.identity() else { continue };
            let answer = contained(cx.bounded(identity.place(cx))).await;
            let answer = answer.map_err(|error| error.during("identify").with("target", name))?;
            found.extend(answer.map(|place| (name.clone(), place)));
        }
        self.identities = Some(found.clone());
        Ok(found)
    }

    /// Two targets of one application may reach one cluster: what they hold there is one object.
    pub(super) fn sites(&self, places: &BTreeMap<SmolStr, String>) -> BTreeMap<SmolStr, Option<SmolStr>> {
        let first = |name| places.iter().find(|(_, place)| Some(*place) == places.get(name));
        self.targets.keys().map(|name| (name.clone(), first(name).map(|(first, _)| first.clone()))).collect()
    }

    /// The targets on whose objects people read the owner's label: it moves with the application's name.
    pub(super) fn labelled(&self) -> BTreeSet<SmolStr> {
        let shows = self.targets.iter().filter(|(_, target)| target.info().shows_owner);
        shows.map(|(name, _)| name.clone()).collect()
    }
}

fn refused(moved: &Rebound) -> Error {
    let Rebound { what, from, to } = moved;
    let message = format!("the state belongs to the {what} `{from}`, and this is `{to}`");
    Error::new(ErrorKind::NotOwned, message).help(format!(
        "give another {} a state of its own. If it is the same one at another place, say so: `plan`, `apply` and \
         `rollback` take `--rebind`, and the plan shows what would change",
        what.split(' ').next().unwrap_or_default()
    ))
}
