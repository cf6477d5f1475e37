//! What of a repository is followed.

mod commit_id;
mod ref_name;

pub use commit_id::CommitId;
pub(crate) use commit_id::sha256;
pub use ref_name::RefName;

use std::fmt;

use gitops_core::Result;

use crate::fault::invalid;

/// What of a repository is followed: which commit is the newest revision.
///
/// ```
/// use gitops_git::GitRef;
/// assert_eq!(GitRef::branch("main")?.to_string(), "branch main");
/// assert_eq!(GitRef::semver(">=1.2, <2")?.to_string(), "semver >=1.2, <2");
/// assert!(GitRef::branch("--upload-pack=evil").is_err());
/// # Ok::<(), gitops_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GitRef {
    /// The tip of a branch.
    Branch(RefName),
    /// What a tag points at.
    Tag(RefName),
    /// The tag with the highest version within a range; `v1.2.3` and `1.2.3` are both version 1.2.3.
    Semver(semver::VersionReq),
    /// Always this commit.
    Commit(CommitId),
}

impl GitRef {
    /// Follows a branch, by its short name.
    ///
    /// # Errors
    /// `Invalid` if it is not the name of a branch; see [`RefName`].
    pub fn branch(name: &str) -> Result<Self> {
        match name {
            "HEAD" => Err(invalid("`HEAD` is not the name of a branch").help("name the branch itself")),
            _ => RefName::parse(name).map(Self::Branch),
        }
    }

    /// Follows a tag, by its short name.
    ///
    /// # Errors
    /// `Invalid` if it is not the name of a tag; see [`RefName`].
    pub fn tag(name: &str) -> Result<Self> {
        RefName::parse(name).map(Self::Tag)
    }

    /// Follows the highest version within a range, in Cargo's syntax: `1.2`, `>=1.2, <2`, `~1.4`. Versions before
    /// a release (`2.0.0-rc.1`) count only if the range names one.
    ///
    /// # Errors
    /// `Invalid` if it is not a range.
    pub fn semver(range: &str) -> Result<Self> {
        range.parse().map(Self::Semver).map_err(|error| {
            invalid(format!("`{}` is not a range of versions: {error}", range.escape_debug()))
                .help("write a range such as `1.2`, `>=1.2, <2` or `~1.4`")
        })
    }

    /// Stays at one commit, by its whole id.
    ///
    /// # Errors
    /// `Invalid` if it is not 40 hexadecimal digits.
    pub fn commit(id: &str) -> Result<Self> {
        CommitId::parse(id).map(Self::Commit)
    }
}

impl fmt::Display for GitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Semver(range) => write!(f, "semver {range}"),
            Self::Commit(id) => write!(f, "commit {id}"),
        }
    }
}
