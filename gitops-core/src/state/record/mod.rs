//! What is written down durably: what was begun, what came of it, and what is owned.

mod binding;
mod owned;
mod position;
mod raw;
mod standing;

pub use binding::{Binding, Rebound};
pub use owned::{Owned, OwnedState, ReadinessRecord};
pub use position::AuditPosition;
pub(crate) use standing::Standing;
pub use standing::{Complete, Left, Progress};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::cx::Time;
use crate::state::approval::Approval;
use crate::value::{Action, Digest, Expect, Key, PlanId, Revision, Uid, Version};
use raw::{RawRecord, RawResult};

/// One durable record. The inventory is the fold over all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case", try_from = "RawRecord")]
#[non_exhaustive]
pub enum Record {
    /// A change is about to be sent.
    Intent(Intent),
    /// What came of a change.
    Outcome {
        /// The operation of its intent.
        op: SmolStr,
        /// The object.
        key: Key,
        /// What came of it.
        result: OpResult,
    },
    /// An object was seen to be absent, or to be no longer ours, and nobody declares it.
    Forget {
        /// The object.
        key: Key,
    },
    /// An object of ours was seen to be as it should be.
    Adopt {
        /// The object.
        key: Key,
        /// How it was seen.
        entry: Owned,
    },
    /// A revision on the line that the source follows is about to be applied: what comes next must descend from it.
    Accepted {
        /// Which one.
        revision: Revision,
    },
    /// The application of a revision begins.
    Begun {
        /// Which one.
        revision: Revision,
        /// When.
        at: Time,
    },
    /// A reconciliation ended and left objects of the revision in progress.
    Unfinished {
        /// Which ones.
        left: Left,
    },
    /// Every object of a revision was applied.
    Completed {
        /// Which one.
        revision: Revision,
        /// When.
        at: Time,
    },
    /// What the state belongs to from now on.
    Bound {
        /// The label of its owner.
        owner: SmolStr,
        /// What it belongs to.
        binding: Binding,
    },
    /// How far the audit log has come.
    Audited {
        /// Its end.
        position: AuditPosition,
    },
    /// Somebody approved the effect of a plan.
    Approved {
        /// What exactly.
        approval: Box<Approval>,
    },
    /// Nothing that was approved holds any more.
    Voided,
    /// An engine took over.
    Epoch {
        /// Its epoch; higher than all before.
        epoch: u64,
    },
}

/// A change that is about to be sent: enough to find out, after a crash, whether it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent of each other, and stored by their names"
)]
pub struct Intent {
    /// The operation, unique for ever within an inventory; also the change's idempotency key.
    pub op: SmolStr,
    /// The plan that it belongs to.
    pub plan: PlanId,
    /// The epoch of the engine that sends it.
    pub epoch: u64,
    /// When it was written.
    pub at: Time,
    /// The object.
    pub key: Key,
    /// What is done to it.
    pub action: Action,
    /// The state that it must be in; nothing for one that must be absent.
    pub expect: Option<Expect>,
    /// The digest of the body that it gets; nothing for a delete.
    pub desired: Option<Digest>,
    /// The file that declares it.
    pub path: SmolStr,
    /// What it needs.
    pub needs: Vec<Key>,
    /// Whether it stays when it is no longer declared.
    pub keep: bool,
    /// Its stage, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<i64>,
    /// Whether it runs to an end and may then be gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub runs_once: bool,
    /// By what it is known again under another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeness: Option<Digest>,
    /// Whether it is new, in a target that can say whether it is ready: nobody has seen it so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_new: bool,
    /// Whether a person approved it: a deletion that somebody did counts for no later one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_approved: bool,
    /// The plans of the stored approvals that cover just this change; of a repair, which is none, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved: Vec<PlanId>,
}

impl Intent {
    /// How many bytes this record and that of its outcome may need, with their frames.
    pub(crate) fn room(&self) -> u64 {
        let needs: usize = self.needs.iter().map(|key| key.name().len() + 256).sum();
        room_for(&self.key) + (2 * self.path.len() + needs) as u64
    }
}

/// How many bytes the records of one change of an object may need. Errors are cut to fit.
pub(crate) fn room_for(key: &Key) -> u64 {
    let names = key.name().len() + key.namespace().len();
    (8192 + 4 * names) as u64
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case", try_from = "RawResult")]
#[non_exhaustive]
pub enum OpResult {
    /// The object is there in this state.
    Present {
        /// Which incarnation.
        uid: Uid,
        /// Which state.
        version: Version,
    },
    /// The change was made, the object is there in this state, and it is not as it was declared.
    Differs {
        /// Which incarnation.
        uid: Uid,
        /// Which state.
        version: Version,
        /// The digest of the body that was written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        desired: Option<Digest>,
        /// What differs, in one line.
        error: String,
    },
    /// The object was seen to be absent.
    Absent,
    /// Its deletion was accepted.
    Deleting,
    /// The change was not made.
    NotDone {
        /// Why, in one line.
        error: String,
    },
    /// Nobody knows whether it was made.
    Unknown {
        /// Why, in one line.
        error: String,
    },
}
