use serde::{Deserialize, Serialize};

/// What a user may do with the repository; each may all that the ones before it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Nothing, or only what everybody may.
    #[default]
    None,
    /// Read it.
    Read,
    /// Order its issues and requests.
    Triage,
    /// Push to it.
    Write,
    /// Change its settings that are not about access.
    Maintain,
    /// Everything.
    Admin,
}
