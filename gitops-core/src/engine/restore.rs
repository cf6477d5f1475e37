//! Drift that can't wait: while the source can't be followed, and while something becomes ready.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Engine;
use super::admission::Admission;
use super::binding::Binds;
use super::prepare::{Considered, Line, Look, Prepared};
use crate::cx::Cx;
use crate::engine::event::Event;
use crate::gate::Verdict;
use crate::plan::Cause;
use crate::plan::planner::Planned;
use crate::value::{Key, Result};

impl Engine {
    /// A plan by which the targets become again what the revision says that was accepted last, whatever the source follows
    /// now; nothing if there is none, or if the application is, or was until now, pinned to another one. After a restart the source is asked for
    /// that revision: it may still have it although it can't say what is newest.
    pub(super) async fn prepare_accepted(&mut self, cx: &Cx) -> Result<Option<Prepared>> {
        self.take_back_displaced();
        self.ledger.landed().await?;
        let orders = self.orders(cx).await?;
        let Some(accepted) = self.inventory().accepted().cloned() else { return Ok(None) };
        if orders.pin.is_some() || orders.suspension.is_some() {
            return Ok(None);
        }
        // A pin that is over left another revision. Nobody asked to have the accepted one back: somebody went away from it.
        if self.inventory().standing().newest().is_some_and(|newest| *newest != accepted) {
            return Ok(None);
        }
        if self.declared.as_ref().is_none_or(|declared| declared.revision != accepted) {
            // Who can't be asked has been told of already.
            let Ok(()) = self.take_up(cx, accepted.clone()).await else { return Ok(None) };
        }
        self.events.emit(&Event::KeepsAccepted { revision: accepted.id().to_owned() });
        let binds = self.binds(&cx.within(self.timeouts.call)).await?;
        let admission = std::mem::take(&mut self.admission);
        self.plan_declared(cx, &binds, Line::KEPT, admission, orders).await.map(Some)
    }

    /// The same as [`has_drift`](Self::has_drift) after a pause; nothing has, if the pause is cut short.
    pub(super) async fn has_drift_after(&self, cx: &Cx, pause: Duration, busy: BTreeSet<Key>) -> bool {
        cx.sleep(pause).await.is_ok() && self.has_drift(cx, busy).await
    }

    /// Whether something that moved is no longer as it was left, and may be put right without a person. `busy` are objects
    /// whose change is under way or failed: theirs is no drift.
    async fn has_drift(&self, cx: &Cx, busy: BTreeSet<Key>) -> bool {
        let moved: BTreeSet<Key> = self.base.noted().filter(|key| !busy.contains(*key)).cloned().collect();
        let Some(declared) = self.declared.as_ref().filter(|_| !moved.is_empty()) else { return false };
        let now = cx.now();
        let flapping = self.flap_guard.clone().waiting(now);
        // The reconciliation that is under way began with making the state ours.
        let places = self.identities.clone().unwrap_or_default();
        let binds = Binds { rebound: Vec::new(), record: None, sites: self.sites(&places), places };
        let (candidates, flapping, binds) = (&moved, &flapping, &binds);
        let look = Look { declared, candidates, now, flapping, binds, is_rollback: false, seen: None };
        let considered = Box::pin(self.consider(cx, look, &mut Admission::default())).await;
        let Ok(Considered { planned: Planned { plan, .. }, .. }) = considered else { return false };
        let is_allowed = matches!(self.verdict(cx, &plan), Verdict::Allow | Verdict::Warn { .. });
        let has_drift = is_allowed && plan.steps.iter().any(|step| step.cause == Cause::Drift);
        has_drift || self.is_recorded_otherwise(cx, &plan, binds).await
    }
}
