//! Plans of revisions that the application does not follow.

use std::collections::BTreeSet;

use super::admission::Admission;
use super::effects::contained;
use super::prepare::{Considered, Look};
use super::seen::Seen;
use super::{Declared, Engine, tamper};
use crate::cx::Cx;
use crate::gate::{GateMessage, Verdict};
use crate::plan::Plan;
use crate::render::Desired;
use crate::source::{Commits, Snapshot};
use crate::state::record::Record;
use crate::value::{Diagnostic, Digest, Error, ErrorKind, Key, Result, Revision};

/// What would be done if a revision were declared, and what there is to say about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SpeculativePlan {
    /// What would be done.
    pub plan: Plan,
    /// What the gates say of it.
    pub verdict: Verdict,
    /// What the gates want approved, each with the fingerprint of its rule: what an [`Approval`](crate::Approval) of it lifts.
    pub findings: Vec<(GateMessage, Digest)>,
    /// What the revision brings over the accepted one, where the source can tell; nothing for a tree that is no revision.
    pub commits: Option<Commits>,
    /// What somebody should know of the revision although it can be used.
    pub warnings: Vec<Diagnostic>,
}

/// Where a speculative plan starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// It looks for itself, and is forgotten.
    Alone,
    /// It looks for itself, and later ones start from it.
    First,
    /// It starts from the last first one and what moved since, and later ones start from it.
    Again,
    /// It starts from the first one.
    Next,
}

impl Engine {
    /// What would be done now if a revision were declared: any that the source can give, also one that does not descend from
    /// the one that is applied.
    ///
    /// It reads through the same caches as the engine's own plans and leaves no trace: no record, no file, no state of a
    /// target, and the engine goes on from what it knew before. It is a plan to look at:
    /// [`apply`](Self::apply) refuses it as stale, unless it is the very plan that the engine would make itself.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), but for the check that the revision descends from the applied one.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn plan_at(&mut self, cx: &Cx, revision: &Revision) -> Result<SpeculativePlan> {
        let call = cx.within(self.timeouts.call);
        let (snapshot, commits) = self.fetched(&call, revision).await?;
        Box::pin(self.speculate(cx, snapshot, commits, Start::Alone)).await
    }

    /// The same as [`plan_at`](Self::plan_at), for the first of several that are compared: it is the look at the targets from
    /// which [`next_at`](Self::next_at) and [`next_of`](Self::next_of) start. They read what differs from this revision, ask for
    /// what that concerns, and take everything else as this one saw it: so nothing that moves meanwhile looks like a difference
    /// of the revisions, and nothing is read or asked for twice.
    ///
    /// # Errors
    /// As [`plan_at`](Self::plan_at). The next ones look for themselves then.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn first_at(&mut self, cx: &Cx, revision: &Revision) -> Result<SpeculativePlan> {
        let call = cx.within(self.timeouts.call);
        let (snapshot, commits) = self.fetched(&call, revision).await?;
        Box::pin(self.speculate(cx, snapshot, commits, Start::First)).await
    }

    /// The same as [`first_at`](Self::first_at), at the cost of what moved since it or this was called last: for a process that
    /// compares again and again. Targets are asked about what their watches tell of, which are begun by the first call. Where a
    /// watch does not cover all, it is what has another stamp, or else all that is not covered. See also
    /// [`catch_up`](Self::catch_up).
    ///
    /// # Errors
    /// As [`plan_at`](Self::plan_at).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect but that what watches told is looked at by the next call.
    pub async fn again_at(&mut self, cx: &Cx, revision: &Revision) -> Result<SpeculativePlan> {
        let call = cx.within(self.timeouts.call);
        let (snapshot, commits) = self.fetched(&call, revision).await?;
        Box::pin(self.speculate(cx, snapshot, commits, Start::Again)).await
    }

    /// The plan of another revision, from the look of [`first_at`](Self::first_at).
    ///
    /// # Errors
    /// As [`plan_at`](Self::plan_at).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn next_at(&mut self, cx: &Cx, revision: &Revision) -> Result<SpeculativePlan> {
        let call = cx.within(self.timeouts.call);
        let (snapshot, commits) = self.fetched(&call, revision).await?;
        Box::pin(self.speculate(cx, snapshot, commits, Start::Next)).await
    }

    /// The plan of another tree, from the look of [`first_at`](Self::first_at).
    ///
    /// # Errors
    /// As [`plan_at`](Self::plan_at).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn next_of(&mut self, cx: &Cx, snapshot: Snapshot) -> Result<SpeculativePlan> {
        Box::pin(self.speculate(cx, snapshot, None, Start::Next)).await
    }

    async fn fetched(&self, call: &Cx, revision: &Revision) -> Result<(Snapshot, Option<Commits>)> {
        let fetched = contained(call.bounded(self.source.fetch(call, revision))).await;
        let snapshot = fetched.map_err(|error| error.during("fetch"))?;
        Ok((snapshot, Box::pin(self.commits_of(call, revision)).await))
    }

    /// The same of a tree that need not be a revision of the source, such as the result of a merge.
    ///
    /// # Errors
    /// As [`plan_at`](Self::plan_at).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn plan_of(&mut self, cx: &Cx, snapshot: Snapshot) -> Result<SpeculativePlan> {
        Box::pin(self.speculate(cx, snapshot, None, Start::Alone)).await
    }

    /// What a revision declares, as it is rendered. No target is looked at, and no trace is left.
    ///
    /// # Errors
    /// What keeps it from being fetched or rendered.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn declared_at(&self, cx: &Cx, revision: &Revision) -> Result<Desired> {
        Ok(self.read_at(cx, revision).await?.desired)
    }

    /// Reads and renders a revision, of which nothing is remembered.
    pub(super) async fn read_at(&self, cx: &Cx, revision: &Revision) -> Result<Declared> {
        let call = cx.within(self.timeouts.call);
        let fetched = contained(call.bounded(self.source.fetch(&call, revision))).await;
        let snapshot = fetched.map_err(|error| error.during("fetch"))?;
        self.read(cx, &mut self.renderer.clone(), snapshot).await
    }

    /// The same of a tree that need not be a revision of the source.
    ///
    /// # Errors
    /// What keeps it from being rendered.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn declared_of(&self, cx: &Cx, snapshot: Snapshot) -> Result<Desired> {
        Ok(self.read(cx, &mut self.renderer.clone(), snapshot).await?.desired)
    }

    async fn speculate(
        &mut self,
        cx: &Cx,
        snapshot: Snapshot,
        commits: Option<Commits>,
        start: Start,
    ) -> Result<SpeculativePlan> {
        let first = Box::pin(self.speculate_from(cx, snapshot.clone(), commits.clone(), start)).await?;
        if let Some(plan) = first {
            return Ok(plan);
        }
        // What an earlier process kept can't be read any more.
        self.let_go_of_kept();
        self.read_anew(cx).await?;
        let start = if start == Start::Next { Start::Alone } else { start };
        let second = Box::pin(self.speculate_from(cx, snapshot, commits, start)).await?;
        second.ok_or_else(|| Error::new(ErrorKind::Unavailable, "what the last plan kept can't be read"))
    }

    /// The plan; nothing if something that was kept could not be read when it was needed.
    async fn speculate_from(
        &mut self,
        cx: &Cx,
        snapshot: Snapshot,
        commits: Option<Commits>,
        start: Start,
    ) -> Result<Option<SpeculativePlan>> {
        self.ledger.landed().await?;
        let binds = self.binds(&cx.within(self.timeouts.call)).await?;
        let kept = Box::pin(self.stand_where_it_was_kept(cx, &snapshot)).await;
        let is_first = matches!(start, Start::First | Start::Again);
        if is_first {
            self.seen = Seen::default();
        }
        let is_next = start == Start::Next && kept.is_none();
        match start {
            Start::Again => self.look_again(cx).await,
            Start::Alone | Start::First if kept.is_none() => self.look_around(cx).await,
            Start::Alone | Start::First | Start::Next => {}
        }
        if kept.is_some() {
            self.look_anew(cx).await;
        }
        let (declared, renderer) = if let Some(kept) = kept {
            kept
        } else {
            let mut renderer = self.renderer.clone();
            (self.read(cx, &mut renderer, snapshot).await?, renderer)
        };
        let candidates = self.base.candidates(&declared.desired, self.inventory());
        let (now, mut admission) = (cx.now(), Admission::default());
        admission.ask();
        let flapping = self.flap_guard.waiting(now);
        let look = Look {
            declared: &declared,
            candidates: &candidates,
            now,
            flapping: &flapping,
            binds: &binds,
            is_rollback: false,
            seen: is_next.then_some(&self.seen),
        };
        let considered = Box::pin(self.consider(cx, look, &mut admission)).await;
        let Declared { desired, warnings, .. } = declared;
        if self.check_whole(&desired).is_err() {
            return Ok(None);
        }
        let Considered { planned, inventory, stamps, mut seen, .. } = considered?;
        if is_first {
            self.renderer = renderer;
            self.base.planned(&desired, &inventory, &planned);
            let unsettled: BTreeSet<&Key> = self.base.noted().collect();
            seen.retain(|key| unsettled.contains(key));
            self.seen = seen;
            let mut stamped = std::mem::take(&mut self.stamped);
            stamped.take_in(stamps, |key| self.concerns(key));
            self.stamped = stamped;
        }
        if tamper::writes_plans(cx) {
            let (revision, at) = (planned.plan.revision.clone(), now);
            self.ledger.commit(&[Record::Begun { revision, at }]).await?;
        }
        let proposal = self.proposal_of(&planned.plan, Some(&desired), commits.as_ref(), now);
        let (verdict, findings) = (self.judge(&proposal).0, self.findings(&proposal));
        // Gates may look at all of it.
        if self.check_whole(&desired).is_err() {
            return Ok(None);
        }
        let warnings = warnings.to_vec();
        Ok(Some(SpeculativePlan { plan: planned.plan, verdict, findings, commits, warnings }))
    }
}
