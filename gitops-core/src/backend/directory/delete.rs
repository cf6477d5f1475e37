//! Removing a file.

use std::path::Path;

use super::claim::Claim;
use super::folder::Folder;
use super::job::Job;
use super::owner_label::StoredOwnerLabel;
use super::path::Place;
use super::state::{State, descend};
use crate::cx::Cx;
use crate::value::{Applied, Error, ErrorKind, Expect, Key, Result, Uid};

/// Removes the file, then its owner label, then the folders that this left empty. A file that is gone is success.
pub(super) fn delete(job: &Job<'_>, expect: &Expect) -> Result<Applied> {
    if let Some(folder) = descend(job.root, &job.place)?
        && !is_untouched(&folder, job)?
    {
        check(&folder, job, expect)?;
        delete_in(&folder, job, expect)?;
        remove_empty_folders(job.root, &job.place);
    }
    Ok(Applied::Absent)
}

fn delete_in(folder: &Folder, job: &Job<'_>, expect: &Expect) -> Result<()> {
    let _claim = Claim::take(folder, &job.place, 0o600)?;
    let state = check(folder, job, expect)?;
    if state.file.is_some() {
        folder.remove(job.place.file())?;
    }
    // The owner label must outlive the file: a file without one belongs to nobody.
    folder.sync().map_err(Error::outcome_unknown)?;
    if state.owner_label.is_some_and(|owner_label| job.owner_label.is_of(&owner_label.owner)) {
        folder.remove(&job.place.owner_label()).map_err(Error::outcome_unknown)?;
    }
    Ok(())
}

/// Removes the owner labels of files that somebody deleted, then the folders that this leaves empty. A file that is there by
/// now stays, and is nobody's.
pub(super) fn clear(root: &Path, cx: &Cx, gone: &[(Key, Uid)]) -> Result<()> {
    for (key, uid) in gone {
        if cx.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "asked to stop"));
        }
        // What can't be the name of a file has no owner label.
        let Ok(place) = Place::of(key) else { continue };
        clear_one(root, &place, uid).map_err(|error| error.at(key))?;
    }
    Ok(())
}

fn clear_one(root: &Path, place: &Place, uid: &Uid) -> Result<()> {
    let Some(folder) = descend(root, place)? else { return Ok(()) };
    let is_its_own = |label: &StoredOwnerLabel| label.uid == *uid.as_str();
    if !StoredOwnerLabel::read(&folder, place)?.as_ref().is_some_and(is_its_own) {
        return Ok(());
    }
    {
        let _claim = Claim::take(&folder, place, 0o600)?;
        if StoredOwnerLabel::read(&folder, place)?.as_ref().is_some_and(is_its_own) {
            folder.remove(&place.owner_label())?;
            folder.sync()?;
        }
    }
    remove_empty_folders(root, place);
    Ok(())
}

/// Whether neither the file nor anything that belongs to it is there.
fn is_untouched(folder: &Folder, job: &Job<'_>) -> Result<bool> {
    let place = &job.place;
    let names = [place.file().to_owned(), place.owner_label(), place.pending(), place.temp()];
    let mut nothing = true;
    for name in names {
        nothing &= folder.look(&name)?.is_none();
    }
    Ok(nothing)
}

/// Refuses a file that is there and is not ours, or not the expected one.
fn check(folder: &Folder, job: &Job<'_>, expect: &Expect) -> Result<State> {
    let state = State::read(folder, &job.place)?;
    if let Some(found) = state.found() {
        job.require_owned(folder, &state)?;
        if found != *expect {
            return Err(job.conflict(Some(&found)));
        }
    }
    Ok(state)
}

/// Removes the folders above the place that are empty, never the root.
pub(super) fn remove_empty_folders(root: &Path, place: &Place) {
    if let Err(error) = try_remove_empty_folders(root, place) {
        tracing::debug!(%error, "an empty folder stays");
    }
}

fn try_remove_empty_folders(root: &Path, place: &Place) -> Result<()> {
    let mut parents = vec![Folder::root(root)?];
    for name in place.folders() {
        match parents.last().map(|parent| parent.folder(name)).transpose()?.flatten() {
            Some(folder) => parents.push(folder),
            None => break,
        }
    }
    for (parent, name) in parents.iter().zip(place.folders()).rev() {
        if !parent.remove_empty(name)? {
            break;
        }
    }
    Ok(())
}
