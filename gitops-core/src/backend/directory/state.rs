//! What is there under one key.

use std::path::Path;

use rustix::fs::Stat;

use super::body::{FileBody, file_body, outputs};
use super::claim::tidy;
use super::fault;
use super::folder::{Content, Folder, is_executable, same_file};
use super::owner_label::StoredOwnerLabel;
use super::path::Place;
use crate::value::{Digest, Expect, Hasher, Key, Live, Result, Uid, Version};

/// The file and the owner label of one place, read as one.
pub(super) struct State {
    pub(super) file: Option<Content>,
    pub(super) owner_label: Option<StoredOwnerLabel>,
}

impl State {
    /// Reads both. An owner label that changes meanwhile, or a file without one that does, means that somebody is at the file:
    /// both are read again.
    pub(super) fn read(folder: &Folder, place: &Place) -> Result<Self> {
        for _ in 0..8 {
            let owner_label = StoredOwnerLabel::read(folder, place)?;
            let file = folder.read(place.file())?;
            let is_same = StoredOwnerLabel::read(folder, place)? == owner_label;
            if is_same && (owner_label.is_some() || is_still_there(folder, place, file.as_ref())?) {
                return Ok(Self { file, owner_label });
            }
        }
        Err(fault::busy(&folder.path_of(place.file())))
    }

    /// The same from the root; absent if a folder of the path is. What a crash left beside the file goes first, so
    /// that it does not outlive an object that nobody declares any more.
    pub(super) fn below(root: &Path, place: &Place) -> Result<Self> {
        match descend(root, place)? {
            Some(folder) => {
                tidy(&folder, place)?;
                Self::read(&folder, place)
            }
            None => Ok(Self { file: None, owner_label: None }),
        }
    }

    /// Identity and version of the file, if there is one.
    pub(super) fn found(&self) -> Option<Expect> {
        let Content { bytes, stat } = self.file.as_ref()?;
        let body = FileBody { content: bytes, executable: is_executable(stat) };
        Some(Expect { uid: self.uid(), version: version(&body) })
    }

    pub(super) fn stat(&self) -> Option<&Stat> {
        self.file.as_ref().map(|file| &file.stat)
    }

    fn uid(&self) -> Uid {
        self.owner_label.as_ref().map_or_else(Uid::unlabelled, |label| Uid::new(label.uid.clone()))
    }

    /// The file as a target shows it.
    pub(super) fn into_live(self, key: &Key) -> Option<Live> {
        let Expect { uid, version } = self.found()?;
        let Content { bytes, stat } = self.file?;
        let mut live = Live::new(key.clone(), uid, version, file_body(bytes, is_executable(&stat)));
        live.outputs = outputs(&live.body);
        Some(match self.owner_label {
            Some(owner_label) => live.owned_by(owner_label.owner),
            None => live,
        })
    }
}

/// Whether what was read is still the file, if anything was.
fn is_still_there(folder: &Folder, place: &Place, file: Option<&Content>) -> Result<bool> {
    let Some(file) = file else { return Ok(true) };
    Ok(folder.look(place.file())?.is_some_and(|now| same_file(&now, &file.stat)))
}

/// The version of a file: the digest of all that a body can say.
pub(super) fn version(body: &FileBody<'_>) -> Version {
    let digest: Digest =
        Hasher::new("gitops file").field(body.content).field([u8::from(body.executable)]).finish();
    Version::new(digest.to_string())
}

/// Opens the folder of a place; `None` if it is missing.
pub(super) fn descend(root: &Path, place: &Place) -> Result<Option<Folder>> {
    let mut folder = Folder::root(root)?;
    for name in place.folders() {
        match folder.folder(name)? {
            Some(next) => folder = next,
            None => return Ok(None),
        }
    }
    Ok(Some(folder))
}
