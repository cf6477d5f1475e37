use serde::{Deserialize, Serialize};

/// What a reviewer should look at twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Risk {
    /// Something is removed: the object, or a component of it.
    Delete,
    /// Something is removed and made anew: the object, or a component of it.
    Replace,
    /// What is removed is of a protected kind, or is to be kept: it needs an approval.
    Protected,
    /// Secret material changes.
    Secret,
}
