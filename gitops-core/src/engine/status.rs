//! How an application is, as one value.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::prepare::Line;
use super::{Engine, Pin, Report, StepOutcome, StepResult, Suspension};
use crate::cx::{Cx, Time};
use crate::gate::{GateMessage, Verdict, denied_until};
use crate::plan::{BlockedBecause, Obstacle, Plan};
use crate::state::audit::SyncResult;
use crate::state::record::{Complete, Progress};
use crate::value::{Action, Digest, Error, ErrorKind, Key, PlanId, Revision};

/// How an application is: what is live, what is in progress, what stands in the way, what comes next.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EngineStatus {
    /// The application.
    pub application: String,
    /// What the engine does at the moment.
    pub phase: Phase,
    /// Whether the target holds what is declared.
    pub sync: SyncStatus,
    /// Whether what was applied works.
    pub health: HealthStatus,
    /// The revision of the latest plan.
    pub revision: Option<Revision>,
    /// The latest plan.
    pub plan: Option<PlanId>,
    /// The revision that is live completely.
    pub complete: Option<Complete>,
    /// The revision that is in progress, with what is missing.
    pub progress: Option<Progress>,
    /// Every blocked object, with the reason.
    pub blocked: Vec<BlockedObject>,
    /// Until when objects are not corrected that others change again and again.
    #[serde(skip)]
    pub contested: BTreeMap<Key, Time>,
    /// Stored approvals of reviews that lifted nothing in the last pass, though nobody withdrew them: nobody could say whether they still
    /// stand, or they were given for something else. Each has the reason.
    #[serde(skip)]
    pub doubts: BTreeMap<Digest, String>,
    /// What gates want approved.
    pub awaits_approval: Vec<GateMessage>,
    /// What gates deny, each with the time at which that ends if it ends by itself.
    pub denied: Vec<GateMessage>,
    /// The revision to which the application is pinned.
    pub pinned: Option<Pin>,
    /// Why nothing is written, if that is so.
    pub suspended: Option<Suspension>,
    /// The application that has to converge before this one takes up something new.
    pub waits_for: Option<String>,
    /// Why what is new is not taken up for now, if that is so: gates do not let it pass, or another application comes first.
    pub postponed: Option<String>,
    /// The last reconciliation.
    pub last: Option<Attempt>,
    /// When the next reconciliation begins at the latest.
    pub next: Option<Time>,
    /// The revision that the source had when it was last looked at.
    #[serde(skip)]
    pub(super) looked_at: Option<Revision>,
    /// The revision that it has converged on, as it was seen last. A source that can't be asked changes nothing of it.
    #[serde(skip)]
    pub(super) reached: Option<Revision>,
}

/// What an engine does at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// It waits for something to move.
    #[default]
    Idle,
    /// It looks at source and targets.
    Planning,
    /// It carries a plan out.
    Syncing,
}

/// Whether a target holds what is declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum SyncStatus {
    /// It does.
    Synced,
    /// It does not, or something is blocked.
    OutOfSync,
    /// Nobody could look yet, or not any more.
    #[default]
    Unknown,
}

/// Whether what was applied works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum HealthStatus {
    /// All of it does: no target could say otherwise.
    Healthy,
    /// Something is not ready yet.
    Progressing,
    /// Something does not work and will not without a change.
    Degraded,
    /// Nothing bad is known, and not everything was asked.
    #[default]
    Unknown,
}

/// An object about which nothing may be done now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BlockedObject {
    /// The object.
    pub key: Key,
    /// What kind of thing blocks it.
    pub obstacle: Obstacle,
    /// Why, in one line.
    pub reason: String,
}

/// A reconciliation that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// When it ended.
    pub at: Time,
    /// How; nothing if it could not be made at all.
    pub result: Option<SyncResult>,
    /// How many changes were made.
    pub applied: usize,
    /// Why it could not be made, or did not end well.
    pub error: Option<String>,
    /// What kind of error kept it from being made.
    pub kind: Option<ErrorKind>,
    /// Whether that is the word of a gate or of a person ([`Error::is_of_gate`]), and no failure.
    pub by_gate: bool,
}

impl HealthStatus {
    fn badness(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Unknown => 1,
            Self::Progressing => 2,
            Self::Degraded => 3,
        }
    }
}

impl fmt::Display for SyncStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl EngineStatus {
    pub(super) fn new(application: &str) -> Self {
        Self {
            application: application.to_owned(),
            phase: Phase::default(),
            sync: SyncStatus::default(),
            health: HealthStatus::default(),
            revision: None,
            plan: None,
            complete: None,
            progress: None,
            blocked: Vec::new(),
            contested: BTreeMap::new(),
            doubts: BTreeMap::new(),
            awaits_approval: Vec::new(),
            denied: Vec::new(),
            pinned: None,
            suspended: None,
            waits_for: None,
            postponed: None,
            last: None,
            next: None,
            looked_at: None,
            reached: None,
        }
    }

    /// What a plan or a report of a revision showed: whether all of it is live, works as far as is known, and nothing is blocked.
    fn reach(&mut self, revision: &Revision, in_sync: bool) {
        let works = !matches!(self.health, HealthStatus::Progressing | HealthStatus::Degraded);
        self.reached = (in_sync && works && self.blocked.is_empty()).then(|| revision.clone());
    }

    /// When what gates deny of the latest plan may be applied by itself; nothing if nothing is denied, or if that takes a person.
    pub fn denied_until(&self) -> Option<Time> {
        denied_until(&self.denied)
    }

    /// Whether all of the declared revision is live, nothing of it is known not to work, nothing is blocked, and no other
    /// application is waited for.
    pub fn is_converged(&self) -> bool {
        self.sync == SyncStatus::Synced
            && !matches!(self.health, HealthStatus::Progressing | HealthStatus::Degraded)
            && self.blocked.is_empty()
            && self.waits_for.is_none()
    }
}

fn synced(is_synced: bool) -> SyncStatus {
    if is_synced { SyncStatus::Synced } else { SyncStatus::OutOfSync }
}

/// Whether the target holds what is declared once the report's steps are done: also a repair that failed, and drift that is
/// only reported, is a difference.
fn leaves_in_sync(report: &Report) -> bool {
    let is_there = |result: &StepResult| match result.outcome {
        StepOutcome::Done => true,
        StepOutcome::NotReady { .. } => result.action != Action::Delete,
        _ => false,
    };
    report.results.iter().all(is_there) && report.plan.drift.is_empty() && !blocks_sync(&report.plan)
}

/// An object that is not ready is in sync.
fn blocks_sync(plan: &Plan) -> bool {
    plan.blocked.iter().any(|blocked| !matches!(blocked.why, BlockedBecause::NotReady { .. }))
}

fn contested(plan: &Plan) -> BTreeMap<Key, Time> {
    let until = |why: &BlockedBecause| match why {
        BlockedBecause::Flapping { until } => Some(*until),
        _ => None,
    };
    plan.blocked.iter().filter_map(|blocked| Some((blocked.key.clone(), until(&blocked.why)?))).collect()
}

fn blocked(plan: &Plan) -> Vec<BlockedObject> {
    let blocked = plan.obstacles().map(|(blocked, obstacle)| BlockedObject {
        key: blocked.key.clone(),
        obstacle,
        reason: blocked.why.to_string(),
    });
    blocked.collect()
}

impl Engine {
    /// A plan was made. One of a revision that is only kept says nothing of what the source declares now.
    pub(super) fn tell_of_plan(&self, plan: &Plan, verdict: &Verdict, line: Line) {
        let findings: Vec<GateMessage> = verdict.findings().cloned().collect();
        let denied: Vec<GateMessage> = verdict.denials().cloned().collect();
        let in_sync = plan.steps.is_empty() && plan.drift.is_empty() && !blocks_sync(plan);
        let health = self.health(plan);
        let (complete, progress) = (self.inventory().complete(), self.inventory().progress());
        self.shared.show(plan);
        self.shared.tell(|status| {
            (status.complete, status.progress) = (complete.cloned(), progress.cloned());
            status.revision = Some(plan.revision.clone());
            status.plan = Some(plan.id);
            (status.awaits_approval, status.denied) = (findings, denied);
            status.blocked = blocked(plan);
            status.contested = contested(plan);
            status.health = health;
            status.reach(&plan.revision, in_sync);
            if line.is_followed() {
                status.sync = synced(in_sync);
            }
        });
    }

    /// A plan was carried out, as far as it could be.
    pub(super) fn tell_of_report(&mut self, cx: &Cx, report: &Report, line: Line) {
        self.note_unready(&report.results);
        if line.is_of_record {
            return self.shared.tell(|status| status.phase = Phase::Idle);
        }
        let (complete, progress) = (self.inventory().complete(), self.inventory().progress());
        let health = self.health(&report.plan);
        self.shared.tell(|status| {
            status.phase = Phase::Idle;
            (status.complete, status.progress) = (complete.cloned(), progress.cloned());
            status.blocked = blocked(&report.plan);
            status.contested = contested(&report.plan);
            status.health = health;
            status.reach(&report.plan.revision, leaves_in_sync(report));
            if !line.is_followed() {
                return;
            }
            status.last = Some(Attempt {
                at: cx.now(),
                result: Some(report.result()),
                applied: report.applied(),
                error: report.first_error(),
                kind: None,
                by_gate: false,
            });
            status.sync = synced(leaves_in_sync(report));
        });
    }

    /// A reconciliation could not be made: nobody knows what the target holds, or should hold.
    pub(super) fn tell_of_failure(&self, cx: &Cx, error: &Error) {
        let (text, kind) = (Some(error.in_one_line()), Some(error.kind()));
        let by_gate = error.is_of_gate();
        let last = Attempt { at: cx.now(), result: None, applied: 0, error: text, kind, by_gate };
        self.shared.tell(|status| {
            status.phase = Phase::Idle;
            // What a gate does not let pass was planned before.
            status.sync = if by_gate { status.sync } else { SyncStatus::Unknown };
            status.last = Some(last);
        });
    }

    /// The worst that is known of what was applied. Not every object is asked in each reconciliation: where targets could
    /// say more, nothing bad is no proof.
    fn health(&self, plan: &Plan) -> HealthStatus {
        let of_blocked = plan.blocked.iter().map(|blocked| match &blocked.why {
            BlockedBecause::NotReady { progresses: false, .. } | BlockedBecause::Ended { .. } => {
                HealthStatus::Degraded
            }
            BlockedBecause::NotReady { .. } => HealthStatus::Progressing,
            _ => HealthStatus::Healthy,
        });
        let of_unready = self.unready.values().map(|readiness| match readiness.has_failed() {
            true => HealthStatus::Degraded,
            false => HealthStatus::Progressing,
        });
        let worst = of_blocked.chain(of_unready).max_by_key(|health| health.badness());
        let can_say_more = || self.targets.values().any(|target| target.health().is_some());
        match worst.unwrap_or(HealthStatus::Healthy) {
            HealthStatus::Healthy if can_say_more() => HealthStatus::Unknown,
            worst => worst,
        }
    }
}
