//! What every change of a file has in common.

use std::path::Path;

use super::body::{FileBody, file_body, outputs};
use super::fault::require_owner;
use super::folder::{Folder, is_executable};
use super::path::Place;
use super::state::{State, version};
use super::{adopt, create, delete, rewrite};
use crate::value::{
    Applied, Change, Error, Expect, Key, Live, OwnerLabel, Precondition, Result, Uid, Version,
};

/// One change, its names checked.
pub(super) struct Job<'a> {
    pub(super) root: &'a Path,
    pub(super) place: Place,
    pub(super) key: &'a Key,
    pub(super) owner_label: &'a OwnerLabel,
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

/// Puts the change's owner label beside the file, and does nothing else.
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
        Ok(Self {
            root,
            place: Place::of(change.key())?,
            key: change.key(),
            owner_label: change.owner_label(),
        })
    }

    /// Refuses a file that is not ours.
    pub(super) fn require_owned(&self, folder: &Folder, state: &State) -> Result<()> {
        require_owner(state.owner_label.as_ref(), &self.owner_label.owner, &folder.path_of(self.place.file()))
    }

    /// Whether the file carries the owner label of this very operation.
    pub(super) fn is_from_this(&self, state: &State) -> bool {
        state.owner_label.as_ref().is_some_and(|owner_label| {
            owner_label.owner == self.owner_label.owner && owner_label.uid == self.owner_label.op
        })
    }

    /// The precondition does not hold.
    pub(super) fn conflict(&self, found: Option<&Expect>) -> Error {
        let error = Error::conflict(self.key).help("plan again: the file is not what the plan saw");
        match found {
            Some(found) => error.with("found", &found.version),
            None => error.with("found", "no file"),
        }
    }

    /// The identity of a file that this operation makes.
    pub(super) fn uid(&self) -> Uid {
        Uid::new(self.owner_label.op.clone())
    }

    /// The answer for a file that has this content now. Whether it may be run is for the file system to say, which may not
    /// be able to keep that.
    pub(super) fn holds(&self, folder: &Folder, body: &FileBody<'_>, uid: Uid) -> Applied {
        let Ok(Some(stat)) = folder.look(self.place.file()) else { return present(uid, version(body)) };
        let body = FileBody { content: body.content, executable: is_executable(&stat) };
        let held = file_body(body.content, body.executable);
        let mut live =
            Live::new(self.key.clone(), uid, version(&body), held).owned_by(self.owner_label.owner.as_str());
        live.outputs = outputs(&live.body);
        Applied::Holds(Box::new(live))
    }
}

pub(super) fn present(uid: Uid, version: Version) -> Applied {
    Applied::Present { uid, version }
}
