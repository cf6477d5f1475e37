use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::cx::Time;
use crate::journal::OpResult;
use crate::plan::PlanId;
use crate::value::{Action, Key, Revision};

/// One thing that happened. It never holds a value of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub time: Time,
    /// In which application.
    pub application: String,
    /// Who let it happen: a person, or the engine itself.
    pub actor: String,
    /// What.
    pub what: AuditEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditEvent {
    /// A plan is about to be carried out.
    PassStarted {
        /// Which plan.
        plan: PlanId,
        /// Of which revision.
        revision: Revision,
        /// Who approved exactly this plan, if somebody did.
        approved_by: Option<String>,
    },
    /// A change is about to be sent.
    Intent {
        /// The operation.
        op: SmolStr,
        /// The object.
        key: Key,
        /// What is done to it.
        action: Action,
    },
    /// A change was answered, or nobody knows.
    Outcome {
        /// The operation.
        op: SmolStr,
        /// The object.
        key: Key,
        /// `done`, `deleting`, `not-done` or `unknown`.
        result: String,
        /// Why not, in one line.
        detail: Option<String>,
    },
    /// A plan was carried out as far as it went.
    PassEnded {
        /// Which plan.
        plan: PlanId,
        /// Of which revision.
        revision: Revision,
        /// How many changes were made.
        applied: usize,
        /// How many were not.
        failed: usize,
        /// How many objects were as they should be.
        unchanged: usize,
    },
    /// The application was held to a revision.
    Pinned {
        /// Which one.
        revision: Revision,
        /// By whom.
        by: String,
    },
    /// The application follows its source again.
    Unpinned {
        /// Who let it go.
        by: String,
    },
    /// An engine found changes whose outcome was not known.
    Recovered {
        /// How many.
        open: usize,
    },
}

impl AuditEvent {
    pub(crate) fn outcome(op: SmolStr, key: Key, result: &OpResult) -> Self {
        let (result, detail) = match result {
            OpResult::Present { .. } | OpResult::Absent => ("done", None),
            OpResult::Deleting => ("deleting", None),
            OpResult::NotDone { error } => ("not-done", Some(error.clone())),
            OpResult::Unknown { error } => ("unknown", Some(error.clone())),
        };
        Self::Outcome { op, key, result: result.to_owned(), detail }
    }
}
