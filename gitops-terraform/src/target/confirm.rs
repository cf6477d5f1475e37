//! What a person found out, where only a person can.

use async_trait::async_trait;
use gitops_core::capability::Confirmation;
use gitops_core::{Cx, Error, ErrorKind, Key, Result};

use crate::disk;
use crate::root::{Confirmed, DoubtKind, Home, Stamp, backup_of};
use crate::target::site::{Fresh, Site};
use crate::target::terraform::Terraform;

/// About `state`, it is `absent` or a line of states; about a resource, `absent`, `whole` or its id.
#[async_trait]
impl Confirmation for Terraform {
    async fn take_finding(&self, cx: &Cx, key: &Key, about: &str, finding: &str, by: &str) -> Result<()> {
        match (about, finding) {
            ("state", "absent") => self.confirm_state_absent(cx, key, by).await,
            ("state", line) => self.confirm_state(cx, key, line, by).await,
            (address, "absent" | "whole") => self.confirm(cx, key, address, by).await,
            (address, id) => self.confirm_exists(cx, key, address, id, by).await,
        }
    }
}

impl Terraform {
    /// Ends a doubt about a resource: it exists, with the id that its provider knows it by. The next plan imports it, and
    /// shows the import.
    ///
    /// # Errors
    /// `NotFound` if nothing is in doubt at this address; `Invalid` for an empty id.
    pub async fn confirm_exists(&self, cx: &Cx, key: &Key, address: &str, id: &str, by: &str) -> Result<()> {
        if id.trim().is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the id is empty").at(key));
        }
        let mut site = Site::enter(self, key, cx).await?;
        let address = site.doubt_about(address)?.address;
        let what = site.redact().text(&format!("{address} exists, with the id `{id}`"));
        let confirmed = confirmed(cx, what, by);
        site.folder.drop_plans()?;
        site.note(cx, |record| {
            for doubt in record.doubts.iter_mut().filter(|doubt| doubt.address == address) {
                doubt.kind = DoubtKind::NotInState;
                doubt.id = Some(id.to_owned());
            }
            record.confirmed.push(confirmed);
        })
        .await
    }

    /// A line of states is the root's own: the state that is there goes on from where it is, though it was restored from
    /// a backup, made by somebody else, or moved by hand. An apply on another machine that still holds its lock is over.
    pub async fn confirm_state(&self, cx: &Cx, key: &Key, lineage: &str, by: &str) -> Result<()> {
        let mut site = Site::enter_alone(self, key, cx).await?;
        let state = site.state(cx, Fresh::Now).await?.filter(|state| state.lineage == lineage);
        let confirmed = confirmed(cx, format!("the line of states {lineage} is its own"), by);
        site.folder.drop_plans()?;
        site.note(cx, |record| {
            record.remember_line(lineage);
            if let Some(state) = &state {
                record.seen = Some(Stamp::from(state));
            }
            record.confirmed.push(confirmed);
        })
        .await
    }

    /// The state with which the root was applied last is gone for good, or nobody looks after it any more. The next plan
    /// begins with what is declared, as for a new root.
    ///
    /// Where an apply left a state that no backend took, it is that one: it is set aside, the root goes on from the state that
    /// is there, and each resource that the apply made or may have made, and that is not in there, is in doubt.
    ///
    /// # Errors
    /// `Conflict` if the state is there and holds resources: they would be made a second time.
    pub async fn confirm_state_absent(&self, cx: &Cx, key: &Key, by: &str) -> Result<()> {
        let (mut site, set_aside) = Site::enter_giving_up(self, key, cx).await?;
        if set_aside.is_some() {
            let confirmed = confirmed(cx, "the state that could not be written is absent".to_owned(), by);
            return site.note(cx, |record| record.confirmed.push(confirmed)).await;
        }
        let state = match &site.record().given_up {
            Some(place) if site.record().place.is_none() => site.state_at(cx, place, Fresh::Now).await,
            _ => site.state(cx, Fresh::Now).await,
        };
        // A state that can't be read any more is what this is for.
        if let Ok(Some(state)) = state
            && !state.instances.is_empty()
        {
            let message = format!("the state is there, with {} resources", state.instances.len());
            return Err(Error::new(ErrorKind::Conflict, message).at(key).help(
                "confirm its line of states as the root's own instead, or remove the state yourself first",
            ));
        }
        let confirmed = confirmed(cx, "its state is absent".to_owned(), by);
        site.folder.drop_plans()?;
        site.set_aside()?;
        site.note(cx, |record| {
            record.owner = None;
            record.place = None;
            record.seen = None;
            record.confirmed.push(confirmed);
        })
        .await
    }
}

impl Site<'_> {
    /// Leaves what is left of a state in a file of this machine under other names, where no plan takes it for a state.
    fn set_aside(&self) -> Result<()> {
        let Some(place) = &self.record().place else { return Ok(()) };
        let Home::File(state) = Home::of(&self.folder, place)? else { return Ok(()) };
        for file in [state.clone(), backup_of(&state)] {
            if file.exists() {
                let mut aside = file.clone().into_os_string();
                aside.push(".absent");
                std::fs::rename(&file, aside).map_err(|error| disk::failed("set aside", &file, error))?;
            }
        }
        Ok(())
    }
}

fn confirmed(cx: &Cx, what: String, by: &str) -> Confirmed {
    Confirmed { what, by: by.to_owned(), at: cx.now() }
}
