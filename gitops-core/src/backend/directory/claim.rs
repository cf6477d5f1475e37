//! The right to change one file, and what a crash left of an earlier change.

use std::fs::File;

use rustix::fs::{FlockOperation, RawMode, Stat, flock, fstat};

use super::fault::{busy, storage};
use super::folder::{Folder, dress, lock, lock_waiting, same_file};
use super::owner_label::is_linked;
use super::path::Place;
use crate::value::{ErrorKind, Result};

/// How often a temporary file is made anew that somebody took for a stray: who looks again and again hits the moment
/// between its making and its lock, but not so many times in a row.
const TRIES: usize = 64;

/// The right to change one file, held against every other process by the lock of its temporary file.
///
/// Dropping it removes the side files of a change that was not made.
pub(super) struct Claim<'a> {
    folder: &'a Folder,
    place: &'a Place,
    file: File,
    /// Whether the temporary file has become the file itself.
    placed: bool,
}

impl<'a> Claim<'a> {
    /// Takes the right, and first finishes or undoes what a crash left.
    pub(super) fn take(folder: &'a Folder, place: &'a Place, mode: RawMode) -> Result<Self> {
        for _ in 0..TRIES {
            match folder.create(&place.temp(), mode)? {
                Some(file) if hold(folder, place, &file, Wait::Yes)? => {
                    let claim = Self { folder, place, file, placed: false };
                    settle(folder, place)?;
                    return Ok(claim);
                }
                Some(_) => {}
                None => clear_stray(folder, place)?,
            }
        }
        Err(busy(&folder.path_of(place.file())))
    }

    /// Writes the content to come, durable.
    pub(super) fn write(&self, content: &[u8]) -> Result<()> {
        self.folder.write(&self.place.temp(), &self.file, content)
    }

    /// Gives the content to come the owner and permissions of the file that it will replace.
    pub(super) fn dress(&self, like: &Stat, executable: bool) -> Result<()> {
        dress(&self.file, like, executable, &self.folder.path_of(self.place.file()))
    }

    /// Puts what was written in the place of the file.
    pub(super) fn replace_file(&mut self) -> Result<()> {
        self.folder.rename(&self.place.temp(), self.place.file())?;
        self.placed = true;
        Ok(())
    }

    fn release(&self) -> Result<()> {
        settle(self.folder, self.place)?;
        self.folder.remove(&self.place.temp())
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.placed
            && let Err(error) = self.release()
        {
            tracing::debug!(%error, "side files stay until their file is changed again");
        }
        // A child that is just being started has a copy of the file until it is its own program: the lock must not wait for that.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Whether to wait for who has the lock. A file that was just made can only be held by one who looks whether it is a
/// stray, and does not hold it for long.
enum Wait {
    Yes,
    No,
}

/// Locks a temporary file and makes sure that it still has its name.
fn hold(folder: &Folder, place: &Place, file: &File, wait: Wait) -> Result<bool> {
    let path = folder.path_of(&place.temp());
    match wait {
        Wait::Yes => lock_waiting(file, &path)?,
        Wait::No => lock(file, &path)?,
    }
    let own = fstat(file).map_err(|errno| storage(errno, "look at", &path))?;
    Ok(folder.look(&place.temp())?.is_some_and(|named| same_file(&named, &own)))
}

/// Removes what a crash left beside a file; a change that is under way is left alone.
pub(super) fn tidy(folder: &Folder, place: &Place) -> Result<()> {
    match clear_stray(folder, place) {
        Err(error) if error.kind() == ErrorKind::Locked => Ok(()),
        result => result,
    }
}

/// Removes a temporary file whose process is gone, after settling what it was for.
fn clear_stray(folder: &Folder, place: &Place) -> Result<()> {
    let Some(file) = folder.open(&place.temp())? else { return Ok(()) };
    if hold(folder, place, &file, Wait::No)? {
        settle(folder, place)?;
        // A deletion takes the file first; nobody may come back for its owner label.
        if folder.look(place.file())?.is_none() {
            folder.remove(&place.owner_label())?;
        }
        folder.remove(&place.temp())?;
    }
    Ok(())
}

/// Finishes a creation that came to its link; undoes the owner label of one that did not.
fn settle(folder: &Folder, place: &Place) -> Result<()> {
    if folder.look(&place.pending())?.is_none() {
        return Ok(());
    }
    if is_linked(folder, place)? && folder.look(&place.owner_label())?.is_none() {
        folder.rename(&place.pending(), &place.owner_label())?;
        return folder.sync();
    }
    folder.remove(&place.pending())
}
