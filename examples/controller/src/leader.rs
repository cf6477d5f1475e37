//! Works while the lease is held, and never a moment longer.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use gitops_core::{Cx, Error, ErrorKind, Lease, LeaseGrant, Result};

/// How long a lease is taken for, and how often it is renewed.
const TERM: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How long before the end of a term that could not be renewed the work is stopped.
const MARGIN: Duration = Duration::from_secs(3);

/// How long who gave a lease up leaves it to those who wait for it: each of them asks twice.
pub const TURN: Duration = Duration::from_secs(11);

/// What is done while leases are held.
pub type Work<'a> = Box<dyn FnOnce(Cx) -> BoxFuture<'a, Result<()>> + Send + 'a>;

/// Waits for the leases, one after the other, works while all are held, and gives them up.
///
/// # Errors
/// As [`while_leading`].
pub fn while_leading_all<'a>(
    cx: Cx,
    leases: &'a [impl Lease],
    holder: &'a str,
    work: Work<'a>,
) -> BoxFuture<'a, Result<()>> {
    async move {
        match leases.split_first() {
            None => work(cx).await,
            Some((first, others)) => {
                let work = async |_, cx| while_leading_all(cx, others, holder, work).await;
                while_leading(&cx, first, holder, || {}, work).await
            }
        }
    }
    .boxed()
}

/// Waits for the lease, works until the context is cancelled or the lease is lost, and gives the lease up. `is_held_elsewhere` is
/// told when another one turns out to have it.
///
/// # Errors
/// `Conflict` if the lease was lost: the process should end, and start again as one that waits. Whatever the work ends
/// with.
pub async fn while_leading<W>(
    cx: &Cx,
    lease: &dyn Lease,
    holder: &str,
    is_held_elsewhere: impl Fn(),
    work: W,
) -> Result<()>
where
    W: AsyncFnOnce(LeaseGrant, Cx) -> Result<()>,
{
    let Some(grant) = wait(cx, lease, holder, is_held_elsewhere).await? else { return Ok(()) };
    tracing::info!(holder, epoch = grant.epoch, "leading");
    let inner = cx.child();
    let ended = tokio::select! {
        biased;
        ended = work(grant.clone(), inner.clone()) => ended,
        lost = keep(lease, &grant, &inner) => Err(lost),
    };
    inner.cancel();
    // Who waits next need not wait for the end of the term; if this fails, they do.
    if let Err(error) = lease.release(&cx.shielded().within(MARGIN), &grant).await {
        tracing::warn!(%error, "the lease could not be given up");
    }
    ended
}

/// Asks for the lease until it is free; nothing if asked to stop before.
async fn wait(
    cx: &Cx,
    lease: &dyn Lease,
    holder: &str,
    is_held_elsewhere: impl Fn(),
) -> Result<Option<LeaseGrant>> {
    while !cx.is_cancelled() {
        match lease.acquire(cx, holder, TERM).await {
            Ok(Some(grant)) => return Ok(Some(grant)),
            Ok(None) => is_held_elsewhere(),
            Err(error) => tracing::warn!(%error, "the lease could not be asked for"),
        }
        if cx.sleep(RENEW_EVERY).await.is_err() {
            break;
        }
    }
    Ok(None)
}

/// Renews the lease; returns only when it is lost, or so close to its end that it may be.
async fn keep(lease: &dyn Lease, grant: &LeaseGrant, cx: &Cx) -> Error {
    let cx = cx.shielded();
    let mut held = grant.clone();
    loop {
        // The shielded context has no deadline and is never cancelled: a sleep of it ends by time alone.
        let _ = cx.sleep(RENEW_EVERY).await;
        match lease.renew(&cx.within(MARGIN), &held, TERM).await {
            Ok(renewed) => held = renewed,
            Err(error) if error.kind() == ErrorKind::Conflict => return error,
            Err(error) if held.until.since(cx.now()) <= RENEW_EVERY + MARGIN => return error,
            Err(error) => tracing::warn!(%error, "the lease could not be renewed yet"),
        }
    }
}
