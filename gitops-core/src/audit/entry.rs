use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::Digest;
use crate::cx::Time;
use crate::journal::OpResult;
use crate::plan::PlanId;
use crate::value::{Action, Key, Revision};

/// One thing that happened, when, in which application and on whose behalf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub time: Time,
    /// The application.
    pub application: String,
    /// On whose behalf: a person, or the engine itself.
    pub actor: String,
    /// What happened.
    pub what: AuditEvent,
}

/// What happened. It never carries a value of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditEvent {
    /// An engine began to apply a plan.
    PassStarted {
        /// The plan.
        plan: PlanId,
        /// The revision that it applies.
        revision: Revision,
        /// Who approved it, where an approval was needed.
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
    /// What came of a change.
    Outcome {
        /// The operation of its intent.
        op: SmolStr,
        /// The object.
        key: Key,
        /// What came of it: `done`, `deleting`, `not-done` or `unknown`.
        result: String,
        /// What went wrong, in one line; cut after 8 KiB, and saying so.
        detail: Option<String>,
    },
    /// A state of an object is about to be kept, by who keeps states for a target's tool.
    State {
        /// The object.
        key: Key,
        /// The run of the tool that wrote it.
        run: SmolStr,
        /// The line of states.
        lineage: String,
        /// Where in it.
        serial: u64,
        /// The digest of its bytes.
        digest: Digest,
    },
    /// An engine is through with a plan.
    PassEnded {
        /// The plan.
        plan: PlanId,
        /// The revision that it applied.
        revision: Revision,
        /// How many changes were made.
        applied: usize,
        /// How many failed, were blocked, or have an unknown outcome.
        failed: usize,
        /// How many objects were as they should be.
        unchanged: usize,
    },
    /// The application is held at a revision.
    Pinned {
        /// Which one.
        revision: Revision,
        /// Who asked for it.
        by: String,
    },
    /// The application follows its source again.
    Unpinned {
        /// Who asked for it.
        by: String,
    },
    /// An engine took the inventory from a shared store alone, because its journal was lost or outdated.
    RecoveredFromStore {
        /// How many objects are owned.
        owned: usize,
        /// How many changes may have been made and are looked up.
        open: usize,
    },
    /// An engine took up what an earlier process left.
    Recovered {
        /// How many changes had no known outcome.
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
