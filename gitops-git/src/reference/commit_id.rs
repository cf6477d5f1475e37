use std::fmt;

use gitops_core::{Error, ErrorKind, Result};
use gix::ObjectId;

use crate::fault::invalid;

/// The whole id of a commit: 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(ObjectId);

impl CommitId {
    /// Reads an id as people and programs write it.
    ///
    /// # Errors
    /// `Invalid` if it is not 40 hexadecimal digits; `Unsupported` for the 64 of a SHA-256 repository.
    pub fn parse(text: &str) -> Result<Self> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.len() {
            40 if is_hex => ObjectId::from_hex(text.to_ascii_lowercase().as_bytes())
                .map(Self)
                .map_err(|error| invalid(error.to_string())),
            64 if is_hex => Err(sha256()),
            _ => Err(invalid(format!("`{}` is not the whole id of a commit", text.escape_debug()))
                .help("write all 40 hexadecimal digits, as `git rev-parse` prints them")),
        }
    }

    pub(crate) fn object(self) -> ObjectId {
        self.0
    }
}

impl From<ObjectId> for CommitId {
    fn from(id: ObjectId) -> Self {
        Self(id)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitId({})", self.0)
    }
}

/// The refusal of a repository whose ids are SHA-256.
pub(crate) fn sha256() -> Error {
    Error::new(ErrorKind::Unsupported, "the repository uses SHA-256 ids, which are not supported")
        .help("use a repository made with `git init --object-format=sha1`")
}
