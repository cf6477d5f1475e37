use std::fmt;

use gitops_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::fault::shown;

/// The whole id of a commit: 40 hexadecimal digits, or 64 in a SHA-256 repository; in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct CommitId(SmolStr);

impl CommitId {
    /// Reads an id as people and programs write it.
    ///
    /// ```
    /// use gitops_forge::CommitId;
    /// assert!(CommitId::parse("1F3870BE274F6C49B3E31A0C6728957F1F3870BE").is_ok());
    /// assert!(CommitId::parse("main").is_err());
    /// ```
    ///
    /// # Errors
    /// `Invalid` if it is not 40 or 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.len() {
            40 | 64 if is_hex => Ok(Self(SmolStr::new(text.to_ascii_lowercase()))),
            _ => {
                let message = format!("`{}` is not the whole id of a commit", shown(text, 80));
                Err(Error::new(ErrorKind::Invalid, message).help("write all 40 or 64 hexadecimal digits"))
            }
        }
    }

    /// The id that Git writes where there is no commit, as in the event of a branch that was deleted.
    pub fn is_null(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'0')
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<SmolStr> for CommitId {
    type Error = Error;

    fn try_from(text: SmolStr) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<CommitId> for SmolStr {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitId({})", self.0)
    }
}
