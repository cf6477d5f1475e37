//! Records as they are written: all fields that any kind may have. Read so, no record is held in memory twice on its
//! way to becoming one of a kind.

use serde::Deserialize;
use smol_str::SmolStr;

use super::{AuditPosition, Binding, Intent, Left, OpResult, Owned, Record};
use crate::cx::Time;
use crate::state::approval::Approval;
use crate::value::{Action, Digest, Expect, Key, PlanId, Revision, Uid, Version};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecordKind {
    Intent,
    Outcome,
    Forget,
    Adopt,
    Accepted,
    Begun,
    Unfinished,
    Completed,
    Bound,
    Audited,
    Approved,
    Voided,
    Epoch,
}

#[derive(Deserialize)]
pub(super) struct RawRecord {
    record: RecordKind,
    op: Option<SmolStr>,
    plan: Option<PlanId>,
    epoch: Option<u64>,
    at: Option<Time>,
    key: Option<Key>,
    action: Option<Action>,
    expect: Option<Expect>,
    desired: Option<Digest>,
    path: Option<SmolStr>,
    needs: Option<Vec<Key>>,
    keep: Option<bool>,
    stage: Option<i64>,
    #[serde(default)]
    runs_once: bool,
    likeness: Option<Digest>,
    #[serde(default)]
    is_new: bool,
    #[serde(default)]
    is_approved: bool,
    #[serde(default)]
    approved: Vec<PlanId>,
    result: Option<OpResult>,
    entry: Option<Owned>,
    revision: Option<Revision>,
    left: Option<Left>,
    owner: Option<SmolStr>,
    binding: Option<Binding>,
    position: Option<AuditPosition>,
    approval: Option<Box<Approval>>,
}

impl TryFrom<RawRecord> for Record {
    type Error = String;

    fn try_from(raw: RawRecord) -> Result<Self, String> {
        Ok(match raw.record {
            RecordKind::Intent => Self::Intent(raw.try_into()?),
            RecordKind::Outcome => Self::Outcome {
                op: there("op", raw.op)?,
                key: there("key", raw.key)?,
                result: there("result", raw.result)?,
            },
            RecordKind::Forget => Self::Forget { key: there("key", raw.key)? },
            RecordKind::Adopt => {
                Self::Adopt { key: there("key", raw.key)?, entry: there("entry", raw.entry)? }
            }
            RecordKind::Accepted => Self::Accepted { revision: there("revision", raw.revision)? },
            RecordKind::Begun => {
                Self::Begun { revision: there("revision", raw.revision)?, at: there("at", raw.at)? }
            }
            RecordKind::Unfinished => Self::Unfinished { left: there("left", raw.left)? },
            RecordKind::Completed => {
                Self::Completed { revision: there("revision", raw.revision)?, at: there("at", raw.at)? }
            }
            RecordKind::Bound => {
                Self::Bound { owner: there("owner", raw.owner)?, binding: there("binding", raw.binding)? }
            }
            RecordKind::Audited => Self::Audited { position: there("position", raw.position)? },
            RecordKind::Approved => Self::Approved { approval: there("approval", raw.approval)? },
            RecordKind::Voided => Self::Voided,
            RecordKind::Epoch => Self::Epoch { epoch: there("epoch", raw.epoch)? },
        })
    }
}

impl TryFrom<RawRecord> for Intent {
    type Error = String;

    fn try_from(raw: RawRecord) -> Result<Self, String> {
        Ok(Self {
            op: there("op", raw.op)?,
            plan: there("plan", raw.plan)?,
            epoch: there("epoch", raw.epoch)?,
            at: there("at", raw.at)?,
            key: there("key", raw.key)?,
            action: there("action", raw.action)?,
            expect: raw.expect,
            desired: raw.desired,
            path: there("path", raw.path)?,
            needs: there("needs", raw.needs)?,
            keep: there("keep", raw.keep)?,
            stage: raw.stage,
            runs_once: raw.runs_once,
            likeness: raw.likeness,
            is_new: raw.is_new,
            is_approved: raw.is_approved,
            approved: raw.approved,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResultKind {
    Present,
    Differs,
    Absent,
    Deleting,
    NotDone,
    Unknown,
}

#[derive(Deserialize)]
pub(super) struct RawResult {
    result: ResultKind,
    uid: Option<Uid>,
    version: Option<Version>,
    desired: Option<Digest>,
    error: Option<String>,
}

impl TryFrom<RawResult> for OpResult {
    type Error = String;

    fn try_from(raw: RawResult) -> Result<Self, String> {
        Ok(match raw.result {
            ResultKind::Present => {
                Self::Present { uid: there("uid", raw.uid)?, version: there("version", raw.version)? }
            }
            ResultKind::Differs => Self::Differs {
                uid: there("uid", raw.uid)?,
                version: there("version", raw.version)?,
                desired: raw.desired,
                error: there("error", raw.error)?,
            },
            ResultKind::Absent => Self::Absent,
            ResultKind::Deleting => Self::Deleting,
            ResultKind::NotDone => Self::NotDone { error: there("error", raw.error)? },
            ResultKind::Unknown => Self::Unknown { error: there("error", raw.error)? },
        })
    }
}

fn there<T>(name: &str, field: Option<T>) -> Result<T, String> {
    field.ok_or_else(|| format!("a record without its field `{name}`"))
}
