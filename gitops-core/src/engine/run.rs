use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::select_all;
use smol_str::SmolStr;
use tokio::sync::OwnedSemaphorePermit;

use super::back_off::BackOff;
use super::effects::contained;
use super::handle::Shared;
use super::prepare::Prepared;
use super::request::{LOOK, Which};
use super::{ApplyOptions, Engine, Report};
use crate::capability::{MovedObjects, Target};
use crate::cx::{Cx, Time};
use crate::engine::event::Event;
use crate::plan::Plan;
use crate::source::Source;
use crate::value::{Error, ErrorKind, Result, Revision};

/// What ended a wait.
enum Woken {
    Target(SmolStr, MovedObjects),
    SourceOrTime,
}

/// A reconciliation that came to its end.
pub(super) struct Ended {
    pub report: Report,
    /// It left something undone, for what is newer or has to be repaired at once.
    pub was_superseded: bool,
    /// Nothing was carried out, because the application is suspended.
    is_suspended: bool,
}

impl Ended {
    fn suspended(plan: Plan) -> Self {
        Self { report: Report { plan, results: Vec::new() }, was_superseded: false, is_suspended: true }
    }

    /// Somebody asks for something: the plan is made again after that.
    fn asked(plan: Plan) -> Self {
        Self { report: Report { plan, results: Vec::new() }, was_superseded: true, is_suspended: false }
    }
}

/// A reconciliation that could not be made.
pub(super) struct Failed {
    pub error: Error,
    /// Whether the source, or what it declares, is why.
    is_of_source: bool,
}

impl Failed {
    pub fn of_source(error: Error) -> Self {
        Self { error, is_of_source: true }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, is_of_source: false }
    }
}

impl Engine {
    /// Keeps the targets equal to the source until the context is cancelled or its deadline has passed.
    ///
    /// It wakes by events where there are any: a source that can be watched, targets that can be watched. What has
    /// no watch is looked at each `interval`. A newer revision supersedes the one that is being applied at the next
    /// safe point. A reconciliation that fails is repeated with growing, jittered waits, and never stops the loop; events tell
    /// of it. A target or source that asks for it ([`Retry::After`](crate::Retry::After)) is left alone for so long, five
    /// minutes at most, whatever happens meanwhile; then it is tried again.
    ///
    /// Drift is repaired at once, also while an object is waited for; and while the source is away, was moved back or is
    /// faulty, the revision that was accepted last is kept, after a restart too if the source can still give it.
    ///
    /// # Errors
    /// Only what makes going on unsafe: the engine's own state can't be written or is damaged. A bad answer of the source, a
    /// renderer or a target is an error of that reconciliation, whatever its kind.
    ///
    /// # Cancel safety
    /// Cancel the context to stop in good order; dropping the future is the same as a crash.
    pub async fn run(&mut self, cx: &Cx, interval: Duration) -> Result<()> {
        self.runs = true;
        self.rules.each = interval;
        let ended = Box::pin(self.keep_at_work(cx, interval)).await;
        self.runs = false;
        ended
    }

    async fn keep_at_work(&mut self, cx: &Cx, interval: Duration) -> Result<()> {
        self.back_off = BackOff::default();
        let (mut waiting, mut is_lost) = (usize::MAX, false);
        let is_over = || cx.is_cancelled() || cx.deadline().is_some_and(|deadline| cx.now() >= deadline);
        while !is_over() {
            self.leave_alone(cx).await?;
            if is_lost {
                // First, for the source may be slow to fail.
                self.keep_accepted(cx, interval).await?;
            }
            let wait = match self.next_reconciliation(cx, interval).await {
                Ok(None | Some(Ended { was_superseded: true, .. })) => continue,
                Ok(Some(Ended { is_suspended: true, .. })) => interval,
                Ok(Some(Ended { report, .. })) if report.is_converged() => {
                    Box::pin(self.keep()).await;
                    is_lost = false;
                    self.back_off.succeeded();
                    interval
                }
                Ok(Some(Ended { report, .. }))
                    if report.skipped() > 0 || is_nearer(&report, &mut waiting) =>
                {
                    continue;
                }
                Ok(Some(_)) => {
                    is_lost = false;
                    self.back_off.next(cx, interval)
                }
                Err(Failed { error, .. }) if cx.is_cancelled() && error.kind() == ErrorKind::Cancelled => {
                    break;
                }
                Err(Failed { error, .. }) if error.is_of_gate() => {
                    is_lost = false;
                    self.postpone_for_gates(cx, &error);
                    self.wait_for_gates(cx, interval)
                }
                Err(Failed { error, is_of_source }) => {
                    self.go_on_with_what_is_new();
                    if !is_of_source {
                        // Nobody knows what the target holds.
                        self.shared.tell(|status| status.reached = None);
                    }
                    self.fail(cx, error)?;
                    if is_of_source && !std::mem::replace(&mut is_lost, is_of_source) {
                        self.keep_accepted(cx, interval).await?;
                    }
                    self.back_off.next(cx, interval)
                }
            };
            self.shared.tell(|status| status.next = Some(cx.now().after(wait)));
            self.wait(cx, wait).await;
        }
        Ok(())
    }

    /// Tells of a reconciliation that failed.
    ///
    /// # Errors
    /// The same, if the engine can't go on after it.
    fn fail(&mut self, cx: &Cx, error: Error) -> Result<()> {
        self.tell_of_failure(cx, &error);
        if self.ledger.is_lost() || error.is_damage_of_state() {
            return Err(error);
        }
        self.events.emit(&Event::ReconcileFailed {
            error: error.to_string(),
            help: error.help_text().map(str::to_owned),
            diagnostics: error.diagnostics().to_vec(),
        });
        self.back_off.hear(&error);
        Ok(())
    }

    /// Repairs drift of the revision that was accepted last, while the source is away, was moved back or is faulty.
    pub(super) async fn keep_accepted(&mut self, cx: &Cx, interval: Duration) -> Result<()> {
        let kept = async {
            self.drain_watches(cx);
            let Some(mut prepared) = self.prepare_accepted(cx).await? else { return Ok(()) };
            // Who took the revision back, or waits for another application, did not ask for the rest of it.
            if self.moved_back.is_some() || self.waits_for_need() {
                self.leave_what_is_no_drift(cx, &mut prepared);
            }
            if Box::pin(self.ask_again(cx, &mut prepared)).await? {
                // The next pass goes on without what was taken back.
                return Ok(());
            }
            self.admit_in_part(&mut prepared)?;
            Box::pin(self.has_put_back(cx, &prepared.planned.plan, interval)).await?;
            self.supervise(cx, prepared, interval).await.map(drop)
        };
        match kept.await {
            Err(error) if cx.is_cancelled() && error.kind() == ErrorKind::Cancelled => Ok(()),
            Err(error) => self.fail(cx, error),
            Ok(()) => Ok(()),
        }
    }

    /// Waits as long as somebody asked for; no event cuts it short, and none is lost by it. People are answered meanwhile.
    async fn leave_alone(&mut self, cx: &Cx) -> Result<()> {
        let until = cx.now().after(self.back_off.take_asked());
        while cx.now() < until {
            let is_over = tokio::select! {
                biased;
                // If it can't wait so long, the run is over.
                _ = cx.sleep(until.since(cx.now())) => true,
                () = self.hears(cx, LOOK) => false,
            };
            if is_over {
                return Ok(());
            }
            if let Err(error) = self.take_up_requests(cx).await {
                self.fail(cx, error)?;
            }
        }
        Ok(())
    }

    /// Waits for room to plan among the other applications. People are answered meanwhile.
    async fn room(&mut self, cx: &Cx) -> Result<Option<OwnedSemaphorePermit>> {
        let Some(place) = &self.place else { return Ok(None) };
        let waited = place.room();
        let mut room = Box::pin(cx.bounded(async { Ok(waited.await) }));
        loop {
            tokio::select! {
                biased;
                room = &mut room => return room,
                () = self.hears(cx, LOOK) => {}
            }
            self.take_up_requests(cx).await?;
        }
    }

    /// One reconciliation, ended early at a safe point if the source has something newer. Nothing if it is not agreed any more
    /// what may be taken up.
    pub(super) async fn supervised_reconciliation(
        &mut self,
        cx: &Cx,
        interval: Duration,
    ) -> Result<Option<Ended>, Failed> {
        self.take_up_requests(cx).await?;
        let room = self.room(cx).await?;
        self.drain_watches(cx);
        let binds = self.binds(&cx.within(self.timeouts.call)).await?;
        let admission = std::mem::take(&mut self.admission);
        let orders = self.orders(&cx.within(self.timeouts.call)).await?;
        if !self.is_agreed(orders.pin.as_ref()) {
            return Ok(None);
        }
        let line = self.declare(cx, orders.pin.as_ref()).await.map_err(Failed::of_source)?;
        let mut prepared = self.plan_declared(cx, &binds, line, admission, orders).await?;
        // What is sent from here on has limits of its own, and what waits for readiness may wait long.
        drop(room);
        if prepared.suspension.is_some() {
            self.note_blocked(&prepared.planned.plan);
            return Ok(Some(Ended::suspended(prepared.planned.plan)));
        }
        if Box::pin(self.ask_again(cx, &mut prepared)).await? {
            return Ok(Some(Ended::asked(prepared.planned.plan)));
        }
        if let Err(error) = self.admit_in_part(&mut prepared) {
            let newer = match error.is_of_gate() {
                true => self.put_back(cx, prepared, interval).await?,
                false => None,
            };
            return newer.map(Some).ok_or_else(|| error.into());
        }
        self.go_on_with_what_is_new();
        if Box::pin(self.has_put_back(cx, &prepared.planned.plan, interval)).await? {
            return Ok(Some(Ended::asked(prepared.planned.plan)));
        }
        Ok(Some(self.supervise(cx, prepared, interval).await?))
    }

    /// Carries a plan out, as far as nothing newer comes and nothing else has to be repaired at once.
    pub(super) async fn supervise(
        &mut self,
        cx: &Cx,
        prepared: Prepared,
        interval: Duration,
    ) -> Result<Ended> {
        let mut known = vec![prepared.planned.plan.revision.clone()];
        known.extend(self.newest.clone());
        let pinned = self.pinned(cx).await?.is_some();
        let source = self.source.clone();
        let (requests, shared) = (self.requests(), self.shared.clone());
        if !prepared.planned.plan.steps.is_empty() && requests.any_waits(cx, Which::Acts).await? {
            // It came while the plan was made: nothing is begun before it is taken up.
            return Ok(Ended::asked(prepared.planned.plan));
        }
        let inner = cx.child();
        let superseded = async {
            let newer = async {
                if pinned {
                    std::future::pending::<()>().await;
                }
                newer_than(cx, &source, &shared, &known, interval).await;
            };
            tokio::select! {
                () = newer => {}
                () = requests.waits(cx, &shared.asked, Which::Acts, LOOK) => {}
            }
            inner.cancel();
            std::future::pending::<Infallible>().await
        };
        let options = ApplyOptions::automatic();
        let report = tokio::select! {
            biased;
            report = self.carry_out(&inner, prepared, &options) => report.map_err(Error::of_state)?,
            never = superseded => match never {},
        };
        let was_superseded = inner.is_cancelled() && !cx.is_cancelled();
        Ok(Ended { report, was_superseded, is_suspended: false })
    }

    /// Waits for an event that concerns the application, for so long at most, or until asked to stop.
    pub(super) async fn wait(&mut self, cx: &Cx, at_most: Duration) {
        let until = cx.now().after(at_most);
        while cx.now() < until {
            let Woken::Target(name, moved) = self.next_event(cx, until).await else { return };
            if self.take_moved(&name, moved) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// A watch that fails wakes nobody: the next reconciliation looks at all that it should have told of.
    async fn next_event(&self, cx: &Cx, until: Time) -> Woken {
        let from_source = async {
            match self.source.watch() {
                Some(watch) if contained(watch.changed(cx)).await.is_ok() => Woken::SourceOrTime,
                _ => std::future::pending().await,
            }
        };
        let from_target = |(name, target): (&SmolStr, &Arc<dyn Target>)| {
            let (name, target) = (name.clone(), target.clone());
            async move {
                match target.watch() {
                    Some(watch) => match contained(watch.moved(cx)).await {
                        Ok(moved) => Woken::Target(name, moved),
                        Err(_) => std::future::pending().await,
                    },
                    None => std::future::pending().await,
                }
            }
            .boxed()
        };
        let from_others = async {
            match &self.place {
                Some(place) => place.moved().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = cx.cancelled() => Woken::SourceOrTime,
            (woken, ..) = select_all(self.targets.iter().map(from_target)) => woken,
            woken = from_source => woken,
            () = self.hears(cx, LOOK) => Woken::SourceOrTime,
            () = from_others => Woken::SourceOrTime,
            () = self.shared.is_wanted() => Woken::SourceOrTime,
            _ = cx.sleep(until.since(cx.now())) => Woken::SourceOrTime,
        }
    }
}

/// Returns once the source has a revision that is none of these. A source that fails meanwhile is asked again later.
async fn newer_than(
    cx: &Cx,
    source: &Arc<dyn Source>,
    shared: &Shared,
    known: &[Revision],
    interval: Duration,
) {
    loop {
        let waited = async {
            match source.watch() {
                Some(watch) => contained(watch.changed(cx)).await,
                None => cx.sleep(interval).await,
            }
        };
        let waited = tokio::select! {
            waited = waited => waited,
            // Another application waits until this one has come so far.
            () = shared.is_wanted() => Ok(()),
        };
        let resolved = match waited {
            Ok(()) => contained(source.resolve(cx)).await,
            Err(error) => Err(error),
        };
        match resolved {
            Ok(newest) if !known.contains(&newest) => return,
            Ok(_) => {}
            Err(_) if cx.sleep(interval).await.is_ok() => {}
            Err(_) => std::future::pending().await,
        }
    }
}

/// Whether the next reconciliation can do what this one had to leave, because it changed the objects whose outputs were awaited.
/// Each reconciliation in a row must leave less: an object that changes in every reconciliation keeps no engine busy.
fn is_nearer(report: &Report, waiting: &mut usize) -> bool {
    let now = if report.deferred() > 0 { report.plan.blocked.len() } else { usize::MAX };
    now < std::mem::replace(waiting, now)
}
