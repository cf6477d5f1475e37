//! Making a file.

use super::body::FileBody;
use super::claim::Claim;
use super::delete::remove_empty_folders;
use super::fault::busy;
use super::folder::Folder;
use super::job::{Job, Standing};
use super::owner_label::{StoredOwnerLabel, is_linked};
use super::state::{State, version};
use crate::value::{Applied, Error, Result};

/// Makes the file with its owner label.
///
/// The order of the steps is what keeps a crash harmless: content, owner label *pending*, file, owner label. Before the file
/// has its name there is nothing to own; after that, the pending owner label and the temporary file, which is the same
/// file, prove whose it is.
pub(super) fn create(job: &Job<'_>, body: &FileBody<'_>) -> Result<Applied> {
    for _ in 0..8 {
        let folder = make_folders(job)?;
        match create_in(&folder, job, body) {
            Ok(()) => return Ok(job.holds(&folder, body, job.uid())),
            // Somebody removed the folder as empty before it held anything.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(without_folders(job, error)),
        }
    }
    Err(busy(&job.root.join(job.key.name())))
}

fn create_in(folder: &Folder, job: &Job<'_>, body: &FileBody<'_>) -> Result<()> {
    standing(folder, job, body)?;
    let mode = if body.executable { 0o755 } else { 0o644 };
    let claim = Claim::take(folder, &job.place, mode)?;
    if standing(folder, job, body)? == Standing::Done {
        return folder.sync();
    }
    claim.write(body.content)?;
    folder.remove(&job.place.owner_label())?;
    put_in_place(folder, job)?;
    finish(folder, job).map_err(Error::outcome_unknown)
}

/// Whether the file may be made: nothing is there, and no owner label but a stale one of ours.
fn standing(folder: &Folder, job: &Job<'_>, body: &FileBody<'_>) -> Result<Standing> {
    let state = State::read(folder, &job.place)?;
    if state.file.is_none() && state.owner_label.is_none() {
        return Ok(Standing::Ready);
    }
    job.require_owned(folder, &state)?;
    match state.found() {
        None => Ok(Standing::Ready),
        Some(found) if job.is_from_this(&state) && found.version == version(body) => Ok(Standing::Done),
        Some(found) => Err(job.conflict(Some(&found))),
    }
}

/// Writes the pending owner label, then gives the file its name if nobody took it meanwhile.
fn put_in_place(folder: &Folder, job: &Job<'_>) -> Result<()> {
    StoredOwnerLabel::of(job.owner_label, &job.place).write_pending(folder, &job.place)?;
    match folder.link(&job.place.temp(), job.place.file()) {
        // Over a network, a link that was made can be reported as failed.
        Err(_) if is_linked(folder, &job.place)? => Ok(()),
        Err(error) if error.is_conflict() => Err(job.conflict(None).because(error)),
        other => other,
    }
}

fn finish(folder: &Folder, job: &Job<'_>) -> Result<()> {
    folder.rename(&job.place.pending(), &job.place.owner_label())?;
    folder.sync()
}

fn make_folders(job: &Job<'_>) -> Result<Folder> {
    job.place.folders().iter().try_fold(Folder::root(job.root)?, |folder, name| folder.folder_made(name))
}

fn without_folders(job: &Job<'_>, error: Error) -> Error {
    if !error.is_unknown() {
        remove_empty_folders(job.root, &job.place);
    }
    error
}
