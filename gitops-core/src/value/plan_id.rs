use std::fmt;

use serde::{Deserialize, Serialize};

use super::Digest;

/// The digest of everything that a plan was made from.
///
/// Two plans with one id do the same things for the same reasons to the same states; approvals, applies and
/// audit records name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(Digest);

impl PlanId {
    /// The id that a digest stands for.
    pub const fn new(digest: Digest) -> Self {
        Self(digest)
    }

    /// How many digits name a plan at least. A change that is made so that its plan begins with fewer digits of another
    /// plan's id is found in minutes.
    pub const DIGITS: usize = 12;

    /// Whether `text` is this id or its beginning, of at least [`DIGITS`](Self::DIGITS).
    pub fn is_meant_by(&self, text: &str) -> bool {
        text.len() >= Self::DIGITS && self.to_string().starts_with(text)
    }

    /// The first 12 digits, as people read and type it.
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlanId({})", self.short())
    }
}
