//! Removing a file.

use super::claim::Claim;
use super::folder::Folder;
use super::job::Job;
use super::state::{State, descend};
use crate::value::{Applied, Error, Expect, Result};

/// Removes the file, then its owner label, then the folders that this left empty. A file that is gone is success.
pub(super) fn delete(job: &Job<'_>, expect: &Expect) -> Result<Applied> {
    if let Some(folder) = descend(job.root, &job.place)?
        && !is_untouched(&folder, job)?
    {
        check(&folder, job, expect)?;
        delete_in(&folder, job, expect)?;
        remove_empty_folders(job);
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
pub(super) fn remove_empty_folders(job: &Job<'_>) {
    if let Err(error) = try_remove_empty_folders(job) {
        tracing::debug!(%error, "an empty folder stays");
    }
}

fn try_remove_empty_folders(job: &Job<'_>) -> Result<()> {
    let mut parents = vec![Folder::root(job.root)?];
    for name in job.place.folders() {
        match parents.last().map(|parent| parent.folder(name)).transpose()?.flatten() {
            Some(folder) => parents.push(folder),
            None => break,
        }
    }
    for (parent, name) in parents.iter().zip(job.place.folders()).rev() {
        if !parent.remove_empty(name)? {
            break;
        }
    }
    Ok(())
}
