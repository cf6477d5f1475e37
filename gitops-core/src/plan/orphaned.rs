use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an object stays in its target though it left the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrphanedBecause {
    /// Nothing is deleted in this application.
    PruningIsOff,
    /// It was declared to stay: by an annotation, or by what its kind is declared with, as the policy of a root is.
    DeclaredToStay,
    /// A mark on the live object says so.
    MarkedToStay,
    /// Somebody took its owner label off: what is not labelled is not deleted.
    Unlabelled,
    /// It is not the object that was made: that is gone, and somebody made this one under its name, with our owner label. Nobody
    /// has a record of it, so that it is not deleted.
    MadeAnew,
    /// Its target is not set up any more: nobody can look at it. Whoever sets the target up again, under the same name, goes on with it.
    TargetGone,
}

impl fmt::Display for OrphanedBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PruningIsOff => "pruning is off",
            Self::DeclaredToStay => "it was declared to stay",
            Self::MarkedToStay => "an annotation on the live object says so",
            Self::Unlabelled => "its owner label was taken off",
            Self::MadeAnew => "others made it anew, with our owner label, after it was deleted",
            Self::TargetGone => "its target is not set up any more",
        })
    }
}
