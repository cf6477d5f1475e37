//! The kit for leases.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::check::{Asked, Bench, Check, Checked, Stop, check, ensure};
use super::kit::Kit;
use super::poll::drop_at;
use crate::cx::Cx;
use crate::state::lease::{Lease, LeaseGrant};
use crate::value::Result;

pub(super) const CHECKS: &[Check<LeaseBench>] = &[
    check!("L01", Asked::All, one_holder, "While one has the lease, nobody else gets it."),
    check!("L02", Asked::All, ends, "At the end of its term the lease is free."),
    check!("L03", Asked::All, renewed, "A lease that is renewed is kept over the end of its first term."),
    check!("L04", Asked::All, released, "A lease that is given up is free at once."),
    check!(
        "L05",
        Asked::All,
        epoch_grows,
        "The epoch grows each time the lease is acquired, and not when it is renewed."
    ),
    check!("L06", Asked::All, deposed_renews, "Who lost the lease can't renew it."),
    check!("L07", Asked::All, deposed_releases, "Who lost the lease can't give up another's."),
    check!("L08", Asked::All, racing, "Of those who try at once, one gets the lease."),
    check!(
        "L09",
        Asked::All,
        dropped,
        "An attempt that is dropped at any await leaves the lease to be had after a term."
    ),
    check!("L10", Asked::All, same_holder, "A holder that comes again deposes its own past."),
];

/// A lease to be checked.
#[derive(Clone)]
pub struct LeaseSubject {
    name: String,
    lease: Arc<dyn Lease>,
    term: Duration,
}

impl LeaseSubject {
    /// A lease that nobody has.
    pub fn new(name: impl Into<String>, lease: Arc<dyn Lease>) -> Self {
        Self { name: name.into(), lease, term: Duration::from_secs(1) }
    }

    /// The term that the kit asks for, and has to wait for; a second if nothing is said.
    #[must_use]
    pub fn term(mut self, term: Duration) -> Self {
        self.term = term;
        self
    }
}

/// The kit for a lease; `make` gives a fresh one for each check.
pub fn lease<F, Fut>(make: F) -> Kit
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<LeaseSubject>> + Send + 'static,
{
    Kit::of(CHECKS, move |cx| {
        let subject = make();
        async move { Ok(LeaseBench { cx, subject: subject.await? }) }
    })
}

pub(super) struct LeaseBench {
    cx: Cx,
    subject: LeaseSubject,
}

impl Bench for LeaseBench {
    fn subject(&self) -> String {
        self.subject.name.clone()
    }
}

impl LeaseBench {
    async fn try_acquire(&self, holder: &str) -> Checked<Option<LeaseGrant>> {
        Ok(self.subject.lease.acquire(&self.cx, holder, self.subject.term).await?)
    }

    async fn acquire(&self, holder: &str) -> Checked<LeaseGrant> {
        let held = self.try_acquire(holder).await?;
        let held = held.ok_or_else(|| Stop::Fail(format!("`{holder}` did not get a lease that is free")))?;
        ensure!(held.holder == holder, "`{holder}` acquired the lease of `{}`", held.holder);
        Ok(held)
    }

    async fn is_taken(&self) -> Checked {
        let other = self.try_acquire("other").await?;
        ensure!(other.is_none(), "a lease that somebody has was given to another: {other:?}");
        Ok(())
    }

    async fn renew(&self, held: &LeaseGrant) -> Result<LeaseGrant> {
        self.subject.lease.renew(&self.cx, held, self.subject.term).await
    }

    async fn release(&self, held: &LeaseGrant) -> Checked {
        Ok(self.subject.lease.release(&self.cx, held).await?)
    }

    /// How much later others may see the end of a lease than its holder: a request is on its way for so long at most.
    /// It is shorter than what a renewal adds in the checks.
    fn on_the_way(&self) -> Duration {
        self.subject.term / 4
    }

    /// Waits until a lease has ended for everybody.
    async fn end_of(&self, held: &LeaseGrant) -> Checked {
        let left = held.until.since(self.cx.now());
        Ok(self.cx.sleep(left + self.on_the_way()).await?)
    }
}

async fn one_holder(bench: &LeaseBench) -> Checked {
    bench.acquire("first").await?;
    bench.is_taken().await
}

async fn ends(bench: &LeaseBench) -> Checked {
    let first = bench.acquire("first").await?;
    bench.end_of(&first).await?;
    bench.acquire("second").await?;
    Ok(())
}

async fn renewed(bench: &LeaseBench) -> Checked {
    let first = bench.acquire("first").await?;
    bench.cx.sleep(bench.subject.term / 2).await?;
    let renewed = bench.renew(&first).await?;
    ensure!(renewed.until > first.until, "renewed, the lease still ends at {}", first.until);
    bench.end_of(&first).await?;
    if bench.cx.now() < renewed.until {
        bench.is_taken().await?;
    }
    Ok(())
}

async fn released(bench: &LeaseBench) -> Checked {
    let first = bench.acquire("first").await?;
    bench.release(&first).await?;
    bench.acquire("second").await?;
    Ok(())
}

async fn epoch_grows(bench: &LeaseBench) -> Checked {
    let mut last = 0;
    for holder in ["first", "second", "first"] {
        let held = bench.acquire(holder).await?;
        ensure!(held.epoch > last, "after the epoch {last}, `{holder}` has {}", held.epoch);
        let renewed = bench.renew(&held).await?;
        ensure!(renewed.epoch == held.epoch, "renewed, the epoch {} became {}", held.epoch, renewed.epoch);
        last = held.epoch;
        bench.release(&renewed).await?;
    }
    Ok(())
}

/// The lost lease of one, and the lease of another who has it now.
async fn deposed(bench: &LeaseBench) -> Checked<(LeaseGrant, LeaseGrant)> {
    let first = bench.acquire("first").await?;
    bench.end_of(&first).await?;
    Ok((first, bench.acquire("second").await?))
}

async fn deposed_renews(bench: &LeaseBench) -> Checked {
    let (lost, _) = deposed(bench).await?;
    let renewed = bench.renew(&lost).await;
    let is_conflict = renewed.as_ref().is_err_and(crate::value::Error::is_conflict);
    ensure!(is_conflict, "a lease that was lost is renewed: {renewed:?}");
    Ok(())
}

async fn deposed_releases(bench: &LeaseBench) -> Checked {
    let (lost, _) = deposed(bench).await?;
    bench.release(&lost).await?;
    bench.is_taken().await
}

async fn racing(bench: &LeaseBench) -> Checked {
    let holders: Vec<String> = (0..8).map(|number| format!("holder-{number}")).collect();
    let answers = join_all(holders.iter().map(|holder| bench.try_acquire(holder))).await;
    let won = answers.iter().filter(|answer| matches!(answer, Ok(Some(_)))).count();
    ensure!(won == 1, "of 8 who tried at once, {won} got the lease");
    Ok(())
}

async fn dropped(bench: &LeaseBench) -> Checked {
    for awaits in 0..64 {
        let attempt = bench.subject.lease.acquire(&bench.cx, "dropped", bench.subject.term);
        let done = drop_at(attempt, awaits).await.is_some();
        bench.cx.sleep(bench.subject.term + bench.on_the_way()).await?;
        let next = bench.acquire("next").await?;
        bench.release(&next).await?;
        if done {
            break;
        }
    }
    Ok(())
}

async fn same_holder(bench: &LeaseBench) -> Checked {
    let past = bench.acquire("first").await?;
    let now = bench.acquire("first").await?;
    ensure!(now.epoch > past.epoch, "the holder came again and has the epoch of its past, {}", now.epoch);
    let renewed = bench.renew(&past).await;
    ensure!(renewed.is_err(), "the past of a holder that came again renews: {renewed:?}");
    Ok(())
}
