use serde::Serialize;

use crate::cx::Time;

/// Whether an object works, with the reason for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
#[non_exhaustive]
pub enum Readiness {
    /// It works; what needs it may go on.
    Ready,
    /// Nothing proves that it works, and nobody who would say so has come: it counts as working, and what needs it may go
    /// on.
    Unproven(String),
    /// It is on its way.
    Progressing(String),
    /// Somebody suspended it, in its declaration or in the target: nothing will happen on it until it is resumed.
    Suspended {
        /// By what.
        reason: String,
        /// Whether what needs it may go on, because it waits for nothing that this object would do.
        ready: bool,
    },
    /// It is on its way, and nothing happened on it for longer than somebody who looks after it would take.
    Stuck {
        /// What it stands at.
        reason: String,
        /// Since when.
        since: Time,
    },
    /// It will not work without a change.
    Failed(String),
    /// It ran to its end and failed: whatever becomes of the world, nothing more will happen on it.
    ///
    /// Of an object that runs [once](crate::Object::running_once) only this is remembered as its failure, and deleted after:
    /// what failed in any other way may yet go on.
    Ended(String),
    /// It is not there.
    Gone,
}

impl Readiness {
    /// Whether what needs it may go on.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready | Self::Unproven(_) | Self::Suspended { ready: true, .. })
    }

    /// Whether it does not work, and will not by itself.
    pub fn has_failed(&self) -> bool {
        matches!(self, Self::Stuck { .. } | Self::Failed(_) | Self::Ended(_))
    }

    /// What is to be said of it; nothing if it works.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ready => None,
            Self::Gone => Some("it is gone"),
            Self::Unproven(reason)
            | Self::Progressing(reason)
            | Self::Suspended { reason, .. }
            | Self::Stuck { reason, .. }
            | Self::Failed(reason)
            | Self::Ended(reason) => Some(reason),
        }
    }
}
