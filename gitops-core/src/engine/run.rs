use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::select_all;
use smol_str::SmolStr;

use super::back_off::BackOff;
use super::effects::contained;
use super::{Approval, Engine, PinRequest, Report};
use crate::capability::Moved;
use crate::cx::Time;
use crate::event::Event;
use crate::source::Source;
use crate::store::StateStore;
use crate::target::Target;
use crate::value::Revision;
use crate::{Cx, ErrorKind, Result};

/// What ended a wait.
enum Woken {
    Target(SmolStr, Moved),
    SourceOrTime,
}

impl Engine {
    /// Keeps the targets equal to the source until the context is cancelled or its deadline has passed.
    ///
    /// It wakes by events where there are any: a source that can be watched, targets that can be watched. What has
    /// no watch is looked at each `interval`. A newer revision supersedes the one that is being applied at the next
    /// safe point. A pass that fails is repeated with growing, jittered waits, and never stops the loop; events tell
    /// of it. A target or source that asks for it ([`Retry::After`](crate::Retry::After)) is left alone for so long, five
    /// minutes at most, whatever happens meanwhile; then it is tried again.
    ///
    /// # Errors
    /// Only what makes going on unsafe: the state can't be written, is damaged, or a fault of the program.
    ///
    /// # Cancel safety
    /// Cancel the context to stop in good order; dropping the future is the same as a crash.
    pub async fn run(&mut self, cx: &Cx, interval: Duration) -> Result<()> {
        self.back_off = BackOff::default();
        let mut waiting = usize::MAX;
        let is_over = || cx.is_cancelled() || cx.deadline().is_some_and(|deadline| cx.now() >= deadline);
        while !is_over() {
            self.leave_alone(cx).await;
            let wait = match self.supervised_pass(cx, interval).await {
                Ok(report) if report.is_converged() => {
                    self.back_off.succeeded();
                    interval
                }
                Ok(report) if report.skipped() > 0 || is_nearer(&report, &mut waiting) => continue,
                Ok(_) => self.back_off.next(cx, interval),
                Err(error) if cx.is_cancelled() && error.kind() == ErrorKind::Cancelled => break,
                Err(error) if self.ledger.is_lost() || error.kind() == ErrorKind::Corrupt => {
                    return Err(error);
                }
                Err(error) => {
                    self.events.emit(&Event::PassFailed { error: error.to_string() });
                    self.back_off.hear(&error);
                    self.back_off.next(cx, interval)
                }
            };
            self.wait(cx, wait).await;
        }
        Ok(())
    }

    /// Waits as long as somebody asked for; no event cuts it short, and none is lost by it.
    async fn leave_alone(&mut self, cx: &Cx) {
        let asked = self.back_off.take_asked();
        if !asked.is_zero() {
            // If it can't wait so long, the run is over.
            let _ = cx.sleep(asked).await;
        }
    }

    /// One pass, ended early at a safe point if the source has something newer.
    async fn supervised_pass(&mut self, cx: &Cx, interval: Duration) -> Result<Report> {
        self.take_up_request(cx).await?;
        self.drain_watches(cx);
        let prepared = self.prepare(cx).await?;
        self.admit(&prepared.planned.plan, false)?;
        let revision = prepared.planned.plan.revision.clone();
        let pinned = self.pinned(cx).await?.is_some();
        let source = self.source.clone();
        let inner = cx.child();
        let store = self.ledger.store().clone();
        let superseded = async {
            let newer = async {
                if pinned {
                    std::future::pending::<()>().await;
                }
                newer_than(cx, &source, &revision, interval).await;
            };
            tokio::select! {
                () = newer => {}
                () = asked(cx, &*store) => {}
            }
            inner.cancel();
            std::future::pending::<Infallible>().await
        };
        let approval = Approval::automatic();
        tokio::select! {
            biased;
            report = self.carry_out(&inner, prepared, &approval) => report,
            never = superseded => match never {},
        }
    }

    /// Waits for an event that concerns the application, for so long at most, or until asked to stop.
    async fn wait(&mut self, cx: &Cx, at_most: Duration) {
        let until = cx.now().after(at_most);
        while cx.now() < until {
            let Woken::Target(name, moved) = self.next_event(cx, until).await else { return };
            if self.take_moved(&name, moved) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// A watch that fails wakes nobody: the next pass looks at all that it should have told of.
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
        tokio::select! {
            biased;
            () = cx.cancelled() => Woken::SourceOrTime,
            (woken, ..) = select_all(self.targets.iter().map(from_target)) => woken,
            woken = from_source => woken,
            () = asked(cx, &**self.ledger.store()) => Woken::SourceOrTime,
            _ = cx.sleep(until.since(cx.now())) => Woken::SourceOrTime,
        }
    }
}

/// Returns once somebody's wish waits. A store that can't be watched is looked at by each pass.
async fn asked(cx: &Cx, store: &dyn StateStore) {
    while !PinRequest::waits(cx, store).await {
        let changed = match store.watch() {
            Some(watch) => watch.changed(cx, PinRequest::DOCUMENT).await,
            None => std::future::pending().await,
        };
        if changed.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Returns once the source has another revision. A source that fails here is asked again by the next pass.
async fn newer_than(cx: &Cx, source: &Arc<dyn Source>, revision: &Revision, interval: Duration) {
    loop {
        let waited = match source.watch() {
            Some(watch) => contained(watch.changed(cx)).await,
            None => cx.sleep(interval).await,
        };
        let resolved = match waited {
            Ok(()) => contained(source.resolve(cx)).await,
            Err(error) => Err(error),
        };
        match resolved {
            Ok(newest) if &newest != revision => return,
            Ok(_) => {}
            Err(_) => std::future::pending().await,
        }
    }
}

/// Whether the next pass can do what this one had to leave, because it changed the objects whose outputs were awaited.
/// Each pass in a row must leave less: an object that changes in every pass keeps no engine busy.
fn is_nearer(report: &Report, waiting: &mut usize) -> bool {
    let now = if report.deferred() > 0 { report.plan.held.len() } else { usize::MAX };
    now < std::mem::replace(waiting, now)
}
