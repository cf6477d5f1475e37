//! The owner label beside a file.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::folder::{Folder, same_file};
use super::path::Place;
use crate::value::{Error, ErrorKind, OwnerLabel, Result};

const FORMAT: u32 = 1;
/// The most that the names of owner and operation may take together.
const MAX_NAME_BYTES: usize = 4096;

/// What the owner label `.NAME.gitops` says of the file `NAME`: whose it is, and which incarnation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredOwnerLabel {
    pub(super) owner: SmolStr,
    pub(super) uid: SmolStr,
    /// The file below the root that it was made for: a copy of it beside another file says nothing of that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    format: u32,
}

impl StoredOwnerLabel {
    /// The owner label that a change leaves: the operation becomes the file's identity.
    pub(super) fn of(owner_label: &OwnerLabel, place: &Place) -> Self {
        Self {
            owner: owner_label.owner.clone(),
            uid: owner_label.op.clone(),
            path: Some(place.path()),
            format: FORMAT,
        }
    }

    /// The same owner label with another label of its owner: the identity stays.
    pub(super) fn labelled(&self, owner: &SmolStr) -> Self {
        Self { owner: owner.clone(), ..self.clone() }
    }

    /// Reads the owner label of a place; `None` if there is none, or a copy of another place's.
    ///
    /// A creation that ended between its last two steps has left its owner label pending beside a linked file: the
    /// file is then there, and ours.
    pub(super) fn read(folder: &Folder, place: &Place) -> Result<Option<Self>> {
        let mut owner_label = Self::read_file(folder, &place.owner_label())?;
        if owner_label.is_none() && is_linked(folder, place)? {
            owner_label = Self::read_file(folder, &place.pending())?;
        }
        if owner_label.is_none() {
            // It may have become final just after the first look.
            owner_label = Self::read_file(folder, &place.owner_label())?;
        }
        Ok(owner_label.and_then(|owner_label| owner_label.seen_at(place)))
    }

    /// What it says of the file beside which it was found. A copy beside another file says nothing of that one. Where one path ends
    /// with the other, it may be this very file, seen from a root that lies in the other's: whosever it is, it is not of this root.
    fn seen_at(self, place: &Place) -> Option<Self> {
        let here = place.path();
        let ends_with =
            |whole: &str, end: &str| whole.strip_suffix(end).is_some_and(|rest| rest.ends_with('/'));
        match &self.path {
            Some(path) if *path == here => Some(self),
            Some(path) if ends_with(path, &here) || ends_with(&here, path) => {
                let owner = format!("{}, which has it as {path} below another root", self.owner).into();
                Some(Self { owner, ..self })
            }
            Some(_) => None,
            None => Some(self),
        }
    }

    fn read_file(folder: &Folder, name: &str) -> Result<Option<Self>> {
        let content = folder.read(name)?;
        content.map(|content| Self::parse(folder, name, &content.bytes)).transpose()
    }

    /// Writes the pending owner label, durable in content and name.
    pub(super) fn write_pending(&self, folder: &Folder, place: &Place) -> Result<()> {
        let names = self.owner.len() + self.uid.len();
        if names > MAX_NAME_BYTES {
            return Err(Error::new(
                ErrorKind::Limit,
                "the names of owner and operation are too long for an owner label",
            )
            .with("bytes", names)
            .with("limit", MAX_NAME_BYTES)
            .help("give the application a shorter name"));
        }
        let (name, text) = (place.pending(), serde_json::to_vec(self)?);
        let file = folder.create(&name, 0o644)?.ok_or_else(|| super::fault::busy(&folder.path_of(&name)))?;
        folder.write(&name, &file, &text)?;
        folder.sync()
    }

    fn parse(folder: &Folder, name: &str, bytes: &[u8]) -> Result<Self> {
        let path = folder.path_of(name);
        let owner_label: Self = serde_json::from_slice(bytes).map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("the owner label `{}` is damaged", path.display()))
                .because(error)
                .help("restore it from a backup; or remove it, and adopt the file that it stood beside")
        })?;
        match owner_label.format {
            FORMAT => Ok(owner_label),
            format => {
                Err(Error::new(ErrorKind::Corrupt, format!("`{}` is of another format", path.display()))
                    .with("format", format)
                    .with("known", FORMAT)
                    .help("use the version of the program that wrote it, or a newer one"))
            }
        }
    }
}

/// Whether the file and what was written for it are one: the creation came to its link.
pub(super) fn is_linked(folder: &Folder, place: &Place) -> Result<bool> {
    let Some(temp) = folder.look(&place.temp())? else { return Ok(false) };
    Ok(folder.look(place.file())?.is_some_and(|file| same_file(&file, &temp)))
}
