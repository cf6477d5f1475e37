//! What waits is kept as it was recorded: a new declaration that can't be made yet is no reason to leave undone what others did
//! to the object meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::admission::Admission;
use super::binding::Binds;
use super::prepare::{Line, Look, Prepared};
use super::{ApplyOptions, Declared, Engine, Report, StepOutcome, StepResult};
use crate::cx::Cx;
use crate::plan::planner::Planned;
use crate::plan::{BlockedBecause, Cause, Plan, Step};
use crate::state::inventory::Inventory;
use crate::state::record::OwnedState;
use crate::value::{Action, ErrorKind, Expect, Key, Live, Result, Revision};

/// Until when what is put back is waited for.
#[derive(Clone, Copy)]
pub(super) enum Until<'a> {
    /// Until something newer comes, which is asked for so often.
    Superseded(Duration),
    /// Until somebody asks to stop.
    Stopped(&'a ApplyOptions),
}

impl Engine {
    /// Puts back what was recorded of the objects that wait, with what the last revision declares in which they are as they were
    /// recorded. Gives what came of it.
    pub(super) async fn put_back_recorded(
        &mut self,
        cx: &Cx,
        plan: &Plan,
        waiting: BTreeSet<Key>,
        until: Until<'_>,
    ) -> Result<Vec<StepResult>> {
        let is_recorded = |key: &Key| is_recorded(self.inventory(), key);
        let waiting: BTreeSet<Key> = waiting.into_iter().filter(is_recorded).collect();
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let binds = self.binds(&cx.within(self.timeouts.call)).await?;
        let Some((declared, planned)) = self.recorded(cx, &plan.revision, waiting, &binds).await? else {
            return Ok(Vec::new());
        };
        let proposal = self.proposal_of(&planned.plan, Some(&declared.desired), None, cx.now());
        let (verdict, approved_by) = self.judge(&proposal);
        let (concluded, line) = (Vec::new(), Line::RECORDED);
        let mut prepared = Prepared { planned, concluded, line, verdict, suspension: None, approved_by };
        if prepared.admit_in_part().is_err() || prepared.planned.plan.steps.is_empty() {
            return Ok(Vec::new());
        }
        // What an object needs is asked of what declares it.
        self.displaced = self.declared.replace(declared);
        let report = match until {
            Until::Superseded(interval) => {
                Box::pin(self.supervise(cx, prepared, interval)).await.map(|ended| ended.report)
            }
            Until::Stopped(options) => Box::pin(self.carry_out_until_stopped(cx, prepared, options)).await,
        };
        self.take_back_displaced();
        Ok(report?.results)
    }

    /// What is declared is again what it was before some objects were put back, also after a call that was dropped meanwhile.
    pub(super) fn take_back_displaced(&mut self) {
        if let Some(newer) = self.displaced.take() {
            self.declared = Some(newer);
        }
    }

    /// The same for who keeps at work: whether anything was put back, so that a plan is made again from there.
    pub(super) async fn has_put_back(&mut self, cx: &Cx, plan: &Plan, interval: Duration) -> Result<bool> {
        let until = Until::Superseded(interval);
        let results = self.put_back_recorded(cx, plan, plan.waiting(), until).await?;
        Ok(results.iter().any(|result| result.outcome.may_be_done()))
    }

    /// Carries a plan out, and puts back what was recorded of what waits before it and after it.
    pub(super) async fn carry_out_beside_recorded(
        &mut self,
        cx: &Cx,
        mut prepared: Prepared,
        options: &ApplyOptions,
    ) -> Result<Report> {
        let put_back = Box::pin(self.put_back_before(cx, &mut prepared, options)).await?;
        let mut report = Box::pin(self.carry_out_until_stopped(cx, prepared, options)).await?;
        report.results.splice(0..0, put_back);
        Box::pin(self.put_back_after(cx, report, options)).await
    }

    /// What is there then is what the plan goes on from.
    async fn put_back_before(
        &mut self,
        cx: &Cx,
        prepared: &mut Prepared,
        options: &ApplyOptions,
    ) -> Result<Vec<StepResult>> {
        let plan = &prepared.planned.plan;
        let waiting = plan.waiting();
        let results = self.put_back_recorded(cx, plan, waiting, Until::Stopped(options)).await?;
        let is_back = |result: &&StepResult| result.outcome.may_be_done();
        for key in results.iter().filter(is_back).map(|result| &result.key) {
            let step = prepared.planned.plan.steps.iter_mut().find(|step| &step.key == key);
            if let Some(step) = step {
                go_on_from(step, self.inventory());
            }
        }
        Ok(results)
    }

    /// What did not become ready, or failed, keeps others waiting.
    async fn put_back_after(
        &mut self,
        cx: &Cx,
        mut report: Report,
        options: &ApplyOptions,
    ) -> Result<Report> {
        let waits = |result: &&StepResult| matches!(result.outcome, StepOutcome::Blocked { .. });
        let waits = report.results.iter().filter(waits).map(|result| result.key.clone());
        let is_new = |key: &Key| report.plan.step(key).is_some_and(is_new_declaration);
        let waiting: BTreeSet<Key> = waits.filter(is_new).collect();
        let results = self.put_back_recorded(cx, &report.plan, waiting, Until::Stopped(options)).await?;
        report.results.splice(0..0, results);
        Ok(report)
    }

    /// Whether an object that waits is not as it was recorded, and may be put back without a person.
    pub(super) async fn is_recorded_otherwise(&self, cx: &Cx, plan: &Plan, binds: &Binds) -> bool {
        let waiting = plan.waiting();
        let waiting = waiting.into_iter().filter(|key| is_recorded(self.inventory(), key)).collect();
        let found = Box::pin(self.recorded(cx, &plan.revision, waiting, binds)).await;
        found.is_ok_and(|found| found.is_some())
    }

    /// A plan that only puts back what was recorded of some objects, and what it is made from.
    async fn recorded(
        &self,
        cx: &Cx,
        newest: &Revision,
        waiting: BTreeSet<Key>,
        binds: &Binds,
    ) -> Result<Option<(Declared, Planned)>> {
        let moved = self.moved_of(cx, waiting).await?;
        if moved.is_empty() {
            return Ok(None);
        }
        for revision in self.revisions_of_record(newest) {
            match self.recorded_in(cx, &revision, &moved, binds).await {
                Ok(Some(found)) => return Ok(Some(found)),
                Err(error) if error.kind() == ErrorKind::Cancelled || cx.is_cancelled() => return Err(error),
                // Plans tell of drift that nobody can compare.
                Ok(None) | Err(_) => {}
            }
        }
        Ok(None)
    }

    /// The revisions that may declare what was recorded, but for this one.
    pub(super) fn revisions_of_record(&self, but: &Revision) -> Vec<Revision> {
        let complete = self.inventory().complete().map(|complete| &complete.revision);
        let mut revisions: Vec<Revision> =
            self.inventory().accepted().into_iter().chain(complete).cloned().collect();
        revisions.dedup();
        revisions.retain(|revision| revision != but);
        revisions
    }

    async fn recorded_in(
        &self,
        cx: &Cx,
        revision: &Revision,
        moved: &BTreeSet<Key>,
        binds: &Binds,
    ) -> Result<Option<(Declared, Planned)>> {
        let declared = self.read_at(cx, revision).await?;
        let is_declared = |key: &&Key| declared.desired.objects().contains(key);
        let candidates: BTreeSet<Key> = moved.iter().filter(is_declared).cloned().collect();
        let (now, flapping) = (cx.now(), self.flap_guard.clone().waiting(cx.now()));
        let look = Look {
            declared: &declared,
            candidates: &candidates,
            now,
            flapping: &flapping,
            binds,
            is_rollback: false,
            seen: None,
        };
        let Planned { mut plan, objects, diffed, .. } =
            Box::pin(self.consider(cx, look, &mut Admission::default())).await?.planned;
        plan.steps.retain(|step| step.cause == Cause::Drift);
        plan.drift.clear();
        plan.blocked.clear();
        plan.gone.clear();
        let planned = Planned {
            plan,
            objects,
            learned: BTreeMap::new(),
            gone: Vec::new(),
            vanished: Vec::new(),
            diffed,
            leaving: Vec::new(),
        };
        Ok((!planned.plan.steps.is_empty()).then_some((declared, planned)))
    }

    /// Those that are not in the state in which they were left.
    async fn moved_of(&self, cx: &Cx, keys: BTreeSet<Key>) -> Result<BTreeSet<Key>> {
        if keys.is_empty() {
            return Ok(keys);
        }
        let live = self.observe(&cx.within(self.timeouts.call), &keys).await?;
        let entries = self.inventory().entries();
        let is_as_left = |key: &Key, live: &Live| {
            let entry = entries.get(key);
            entry.is_some_and(|entry| {
                (entry.uid.as_ref(), entry.version.as_ref()) == (Some(&live.uid), Some(&live.version))
            })
        };
        let is_left = |key: &Key| live.get(key).is_some_and(|live| is_as_left(key, live));
        Ok(keys.into_iter().filter(|key| !is_left(key)).collect())
    }
}

impl Plan {
    /// The objects of which a new declaration can't be made yet: steps that wait for what is blocked, or is not known to be ready,
    /// directly or through others; and objects that are blocked because of what is declared now.
    pub(super) fn waiting(&self) -> BTreeSet<Key> {
        let blocks = self.blocked.iter().filter(|blocked| blocked.why.blocks_what_needs_it());
        let open = self.prerequisites.iter().filter(|found| found.is_open()).map(|found| &found.key);
        let steps = self.behind(blocks.map(|blocked| &blocked.key).chain(open));
        let is_held = |step: &&Step| is_new_declaration(step) && steps.contains_key(&step.key);
        let held = self.steps.iter().filter(is_held).map(|step| &step.key);
        let blocked = self.blocked.iter().filter(|blocked| is_of_declaration(&blocked.why));
        held.chain(blocked.map(|blocked| &blocked.key)).cloned().collect()
    }
}

fn is_new_declaration(step: &Step) -> bool {
    step.action != Action::Delete && step.cause != Cause::Drift
}

/// Whether it is not the object that is in the way, but what is declared of it, or that nobody takes that up now.
fn is_of_declaration(why: &BlockedBecause) -> bool {
    matches!(
        why,
        BlockedBecause::AwaitsOutput { .. }
            | BlockedBecause::LacksOutput { .. }
            | BlockedBecause::UnfitOutput { .. }
            | BlockedBecause::DryRunFailed(_)
            | BlockedBecause::NotFollowed
            | BlockedBecause::NeedsApproval { .. }
    )
}

/// Whether an object was applied, and is to be there: one that ran to its end may be gone, and one on which a change of ours is open is
/// looked up first.
fn is_recorded(inventory: &Inventory, key: &Key) -> bool {
    let entry = inventory.entries().get(key);
    entry.is_some_and(|entry| entry.state == OwnedState::Held && !entry.runs_once)
        && !inventory.open().any(|intent| &intent.key == key)
}

/// The step's object is there, as it was put back.
fn go_on_from(step: &mut Step, inventory: &Inventory) {
    let entry = inventory.entries().get(&step.key);
    if let Some((uid, version)) = entry.and_then(|entry| entry.uid.clone().zip(entry.version.clone())) {
        step.expect = Some(Expect { uid, version });
        step.action = if step.action == Action::Create { Action::Update } else { step.action };
    }
}
