//! What every change of a file has in common.

use std::path::Path;

use super::body::FileBody;
use super::fault::require_owner;
use super::folder::Folder;
use super::path::Place;
use super::state::{State, version};
use super::{adopt, create, delete, rewrite};
use crate::{Applied, Change, Error, Expect, Key, Mark, Precondition, Result, Uid, Version};

/// One change, its names checked.
pub(super) struct Job<'a> {
    pub(super) root: &'a Path,
    pub(super) place: Place,
    pub(super) key: &'a Key,
    pub(super) mark: &'a Mark,
}

/// Makes a change.
pub(super) fn apply(root: &Path, change: &Change) -> Result<Applied> {
    let job = Job::new(root, change)?;
    match change {
        Change::Create { object, .. } => create::create(&job, &FileBody::read(&object.body)?),
        Change::Update { object, expect, .. } => {
            rewrite::update(&job, &FileBody::read(&object.body)?, expect)
        }
        Change::Replace { object, expect, .. } => {
            rewrite::replace(&job, &FileBody::read(&object.body)?, expect)
        }
        Change::Delete { expect, .. } => delete::delete(&job, expect),
    }
}

/// Puts the change's mark beside the file, and does nothing else.
pub(super) fn adopt(root: &Path, change: &Change) -> Result<Applied> {
    let job = Job::new(root, change)?;
    match change.expects() {
        Precondition::Exactly(expect) => adopt::adopt(&job, expect),
        Precondition::Absent => Err(job.conflict(None)),
    }
}

/// How a file stands to a change whose precondition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The change is still to be made.
    Ready,
    /// It was made before.
    Done,
}

impl<'a> Job<'a> {
    fn new(root: &'a Path, change: &'a Change) -> Result<Self> {
        Ok(Self { root, place: Place::of(change.key())?, key: change.key(), mark: change.mark() })
    }

    /// Refuses a file that is not ours.
    pub(super) fn require_owned(&self, folder: &Folder, state: &State) -> Result<()> {
        require_owner(state.mark.as_ref(), &self.mark.owner, &folder.path_of(self.place.file()))
    }

    /// Whether the file carries the mark of this very operation.
    pub(super) fn is_from_this(&self, state: &State) -> bool {
        state.mark.as_ref().is_some_and(|mark| mark.owner == self.mark.owner && mark.uid == self.mark.op)
    }

    /// The precondition does not hold.
    pub(super) fn conflict(&self, found: Option<&Expect>) -> Error {
        let error = Error::conflict(self.key).help("plan again: the file is not what the plan saw");
        match found {
            Some(found) => error.with("found", &found.version),
            None => error.with("found", "no file"),
        }
    }

    /// The answer for a file with this body: the operation is its identity.
    pub(super) fn made(&self, body: &FileBody<'_>) -> Applied {
        present(Uid::new(self.mark.op.clone()), version(body))
    }
}

pub(super) fn present(uid: Uid, version: Version) -> Applied {
    Applied::Present { uid, version }
}
