//! A change of the place of a root's state: what is there stays there, and the new place goes on from what it holds.

use std::path::Path;

use gitops_core::{Cx, Hasher, Result};

use crate::disk;
use crate::root::{Home, Place, read_file};
use crate::target::planning::{Purpose, Request};
use crate::target::site::{Fresh, Site};
use crate::tool::json::StateFile;

/// The most bytes that a state may have.
const STATE_BYTES: u64 = 256 << 20;

/// What a change of place means, in words and for the plan.
pub(crate) struct MovedPlace {
    pub from: String,
    pub to: String,
    /// The whole of it, for a person who is to approve it.
    pub words: String,
    /// The state whose resources nobody looks after any more.
    pub left_behind: Option<StateFile>,
}

impl MovedPlace {
    /// Makes it a part of the digest of what is done.
    pub fn add_to(&self, hasher: &mut Hasher) {
        hasher.field(&self.words);
        if let Some(state) = &self.left_behind {
            hasher.field(&state.lineage).field(state.digest.as_bytes());
        }
    }
}

impl Site<'_> {
    /// What a plan for a place leaves behind, if the root was applied at another one. Two declarations of one place are
    /// no change.
    pub async fn moved(&self, cx: &Cx, request: &Request) -> Result<Option<MovedPlace>> {
        let (to, before) = (&request.place, request.before.as_ref());
        if !matches!(request.purpose, Purpose::Make(_)) {
            return Ok(None);
        }
        let Some(from) = self.record().place.as_ref().filter(|_| self.record().owner.is_some()) else {
            return Ok(None);
        };
        let homes = (Home::of(&self.folder, from)?, Home::of(&self.folder, to)?);
        if from == to || homes.0 == homes.1 {
            return Ok(None);
        }
        let after = self.state_at(cx, to, Fresh::Enough).await?;
        let is_carried_along = match (before, &after) {
            (Some(before), Some(after)) => before.lineage == after.lineage && before.serial <= after.serial,
            _ => false,
        };
        let (from, to) = (name(from, &homes.0, to, &homes.1), name(to, &homes.1, from, &homes.0));
        let stays = match is_carried_along {
            true => format!("the state was carried over from {from}, where a copy of it stays"),
            false => format!("the state of {from} stays, with {}", resources(before)),
        };
        let begins = match &after {
            Some(state) if !state.instances.is_empty() => format!("{to} holds {}", resources(Some(state))),
            _ => format!("{to} begins empty"),
        };
        let left_behind = before.filter(|_| !is_carried_along).cloned();
        Ok(Some(MovedPlace { from, to, words: format!("{stays}; {begins}"), left_behind }))
    }
}

/// What of a path does not stand in front of another one as well: the same on every machine.
fn apart<'p>(path: &'p Path, other: &Path) -> &'p Path {
    let shared = path.ancestors().skip(1).find(|folder| other.starts_with(folder));
    shared.and_then(|shared| path.strip_prefix(shared).ok()).unwrap_or(path)
}

/// The name of a place as far as it differs from another one.
fn name(place: &Place, home: &Home, other: &Place, other_home: &Home) -> String {
    let workspace = (place.workspace != other.workspace).then(|| format!("workspace {}", place.workspace));
    let keeper = (place.keeper != other.keeper).then(|| match home {
        Home::Server(_) => "the state server".to_owned(),
        Home::File(path) => match other_home {
            Home::File(other) => format!("the local backend ({})", apart(path, other).display()),
            _ => "the local backend".to_owned(),
        },
        Home::Elsewhere { kind, .. } => format!("the backend {kind}"),
    });
    match (workspace, keeper) {
        (Some(workspace), Some(keeper)) => format!("{workspace} of {keeper}"),
        (Some(name), None) | (None, Some(name)) => name,
        (None, None) => format!("folder {}", place.folder),
    }
}

impl Site<'_> {
    /// Takes a local state along to a folder into which the root was moved: the old one stays where it is.
    pub fn carry_local_state(&self, to: &Place) -> Result<()> {
        let Some(from) = self.record().place.as_ref().filter(|from| from.folder != to.folder) else {
            return Ok(());
        };
        let (Home::File(old), Home::File(new)) = (Home::of(&self.folder, from)?, Home::of(&self.folder, to)?)
        else {
            return Ok(());
        };
        let Some(bytes) = disk::read(&old, STATE_BYTES)? else { return Ok(()) };
        let (was, is) = (StateFile::read(&bytes)?, read_file(&new, false)?);
        let is_newer = match (&was, &is) {
            (Some(was), Some(is)) => was.lineage == is.lineage && was.serial > is.serial,
            (was, is) => was.is_some() && is.is_none(),
        };
        if is_newer {
            disk::private_folder(new.parent().unwrap_or(&new))?;
            disk::replace(&new, &bytes, false)?;
        }
        Ok(())
    }
}

fn resources(state: Option<&StateFile>) -> String {
    match state.map_or(0, |state| state.instances.len()) {
        1 => "1 resource".to_owned(),
        count => format!("{count} resources"),
    }
}
