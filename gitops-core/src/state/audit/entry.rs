use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::MergedRequest;
use crate::cx::Time;
use crate::state::approval::Approver;
use crate::state::record::{OpResult, Rebound};
use crate::value::{Action, Digest, Key, PlanId, Revision};

/// One thing that happened, when, in which application and on whose behalf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
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

impl AuditEntry {
    /// What happened in an application, when and on whose behalf.
    pub fn new(
        time: Time,
        application: impl Into<String>,
        actor: impl Into<String>,
        what: AuditEvent,
    ) -> Self {
        Self { time, application: application.into(), actor: actor.into(), what }
    }
}

/// An entry with its number in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// The number, from 1. It never changes, for nothing is ever taken out of a log.
    pub number: u64,
    /// The entry.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

impl AuditRecord {
    /// The entry of this number.
    pub fn new(number: u64, entry: AuditEntry) -> Self {
        Self { number, entry }
    }
}

/// What happened. It never carries a value of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditEvent {
    /// An engine began to apply a plan. It was called `pass_started` in version 0.1.
    #[serde(alias = "pass_started")]
    SyncStarted {
        /// The plan.
        plan: PlanId,
        /// The revision that it applies.
        revision: Revision,
        /// Who approved it, where an approval was needed.
        approved_by: Option<String>,
        /// What it is for; a change, in an entry of an older version.
        #[serde(default)]
        purpose: Purpose,
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
        /// What came of it: `done`, `differs`, `deleting`, `not-done` or `unknown`.
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
        /// A digest of its bytes under the application's key: a plain one could be guessed from what is in it.
        digest: Digest,
    },
    /// An engine is through with a plan. It was called `pass_ended` in version 0.1.
    #[serde(alias = "pass_ended")]
    SyncEnded {
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
        /// How it ended as a whole; nothing in an entry of an older version.
        #[serde(default)]
        result: Option<SyncResult>,
        /// How many objects were changed and are not ready.
        #[serde(default)]
        not_ready: usize,
        /// How many objects keep the revision from being live completely.
        #[serde(default)]
        missing: usize,
        /// What was not tried, is blocked or is not ready, at most [`AuditEvent::MOST_LEFT`] of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<LeftObject>,
    },
    /// Nothing of a revision is left that was missing at the end of its last plan: what awaited an output, or was blocked, is as
    /// declared without another change.
    Completed {
        /// The revision, which is live completely.
        revision: Revision,
    },
    /// The state goes on under another name of the application, for another source or for another place.
    Rebound {
        /// What moved.
        moved: Vec<Rebound>,
    },
    /// The application is pinned to a revision.
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
    /// The head of a request is applied before it is merged.
    WentAhead {
        /// The head.
        revision: Revision,
        /// The request.
        request: String,
    },
    /// The application follows its source again after that.
    AheadEnded {
        /// The request.
        request: String,
        /// Whether it was merged.
        #[serde(rename = "merged")]
        is_merged: bool,
    },
    /// Somebody approved what a plan would do.
    Approved {
        /// The plan that was shown.
        plan: PlanId,
        /// The digest of its effect.
        effect: Digest,
        /// How many steps that has.
        steps: usize,
        /// Who, and how that is known.
        by: Approver,
        /// Until when; nothing if it does not expire.
        until: Option<Time>,
    },
    /// An approval is kept no longer, because there is no room beside those that were given since: what it was of asks again.
    ApprovalDropped {
        /// The plan that was shown.
        plan: PlanId,
        /// Who gave it, and how that is known.
        by: Approver,
    },
    /// Somebody rejected what is proposed: nothing that was approved before holds any more.
    Rejected {
        /// The plan that was shown, if one was named.
        plan: Option<PlanId>,
        /// Why.
        reason: String,
    },
    /// A request was merged that changes what the application declares, as its forge tells it.
    Merged(Box<MergedRequest>),
    /// Nothing is written any more, until somebody resumes the application.
    Suspended {
        /// Why.
        reason: String,
    },
    /// What was suspended goes on.
    Resumed,
    /// Somebody asked for a reconciliation at once.
    SyncAsked,
    /// A person let what needs an object go on although it is not ready.
    Released {
        /// The object.
        key: Key,
    },
    /// A person let the deletion of what is no longer declared go on, whatever it waited for.
    DeletionReleased {
        /// The object.
        key: Key,
    },
    /// A person said what became of a part of an object, in the words of its target.
    Said {
        /// The object.
        key: Key,
        /// The part.
        about: String,
        /// What it is said to be.
        finding: String,
    },
    /// A new log was begun, because the old one was lost.
    AuditRestarted {
        /// How many entries the old one had, as far as the journal knows.
        known: u64,
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

/// An object that a reconciliation did not bring to its end, though its change was not refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftObject {
    /// The object.
    pub key: Key,
    /// What was to be done to it; nothing if the plan had no step for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// How it stands.
    pub state: LeftState,
    /// Why, in one line.
    pub reason: String,
}

/// How an object stands that was not brought to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LeftState {
    /// It was changed, and it is not ready.
    NotReady,
    /// Nothing may be done about it, or about what it needs.
    Blocked,
    /// It uses an output of an object that was changed, and is planned once that is known: nothing keeps it back.
    Awaits,
    /// Somebody asked to stop before its turn.
    NotTried,
}

/// What a plan is applied for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Purpose {
    /// To make live what is declared now.
    #[default]
    Change,
    /// To go on with a revision that was begun and is not live completely.
    Retry,
    /// To undo changes that were made outside of Git.
    Repair,
    /// To apply the revision that a person pinned.
    Rollback,
}

/// How the application of a plan ended as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SyncResult {
    /// Everything was applied, and is ready.
    Succeeded,
    /// Everything was applied, and something is not ready.
    NotReady,
    /// Something was applied, and something failed or is blocked.
    Partial,
    /// Nothing was applied.
    Failed,
    /// Somebody asked to stop before its end.
    Stopped,
}

impl AuditEvent {
    /// How many objects an entry names at most that were not brought to their end.
    pub const MOST_LEFT: usize = 32;

    pub(crate) fn outcome(op: SmolStr, key: Key, result: &OpResult) -> Self {
        let (result, detail) = match result {
            OpResult::Present { .. } | OpResult::Absent => ("done", None),
            OpResult::Differs { error, .. } => ("differs", Some(error.clone())),
            OpResult::Deleting => ("deleting", None),
            OpResult::NotDone { error } => ("not-done", Some(error.clone())),
            OpResult::Unknown { error } => ("unknown", Some(error.clone())),
        };
        Self::Outcome { op, key, result: result.to_owned(), detail }
    }
}
