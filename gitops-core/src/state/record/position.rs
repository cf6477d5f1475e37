use serde::{Deserialize, Serialize};

use crate::value::Digest;

/// A position in an audit log: all before it is stood for by the hash of the last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditPosition {
    /// How many entries there are before it.
    pub entries: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// The hash of the last of them.
    pub hash: Digest,
}
