use std::fmt;

use gitops_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::fault::shown;

/// The path of a repository on its forge: `owner/name`, or `group/subgroup/name` on GitLab.
///
/// Compared without regard to ASCII case by [`is`](Self::is), as forges do; `==` compares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct RepositoryPath(SmolStr);

/// How long a path may be, in bytes.
const LONGEST: usize = 1024;

impl RepositoryPath {
    /// Reads a path.
    ///
    /// ```
    /// use gitops_forge::RepositoryPath;
    /// let path = RepositoryPath::parse("platform/site")?;
    /// assert_eq!((path.owner(), path.name()), ("platform", "site"));
    /// assert!(RepositoryPath::parse("platform/../site").is_err());
    /// # Ok::<(), gitops_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Invalid` unless it has two to twenty parts, each of letters, digits, `-`, `_` and `.`, and none is `.` or `..`.
    pub fn parse(text: &str) -> Result<Self> {
        let parts = text.split('/').count();
        if (2..=20).contains(&parts) && text.len() <= LONGEST && text.split('/').all(is_part) {
            return Ok(Self(text.into()));
        }
        let message = format!("`{}` is not the path of a repository", shown(text, 80));
        Err(Error::new(ErrorKind::Invalid, message).help("write it as `owner/name`, without the host"))
    }

    /// All parts but the last one.
    pub fn owner(&self) -> &str {
        self.split().0
    }

    /// The last part.
    pub fn name(&self) -> &str {
        self.split().1
    }

    /// Whether both are one repository: forges do not tell upper from lower case.
    pub fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').expect("a path that was read has two parts")
    }
}

fn is_part(part: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_plain)
}

impl TryFrom<SmolStr> for RepositoryPath {
    type Error = Error;

    fn try_from(text: SmolStr) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<RepositoryPath> for SmolStr {
    fn from(path: RepositoryPath) -> Self {
        path.0
    }
}

impl fmt::Display for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepositoryPath({})", self.0)
    }
}
