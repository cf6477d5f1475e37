//! Works while the lease is held, and never a moment longer.

use std::time::Duration;

use gitops_core::{Cx, Error, ErrorKind, Lease, LeaseGrant, Result};

/// How long a lease is taken for, and how often it is renewed.
const TERM: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How long before the end of a term that could not be renewed the work is stopped.
const MARGIN: Duration = Duration::from_secs(3);

/// Waits for the lease, works until the context is cancelled or the lease is lost, and gives the lease up.
///
/// # Errors
/// `Conflict` if the lease was lost: the process should end, and start again as one that waits. Whatever the work ends
/// with.
pub async fn while_leading<W>(cx: &Cx, lease: &dyn Lease, holder: &str, work: W) -> Result<()>
where
    W: AsyncFnOnce(LeaseGrant, Cx) -> Result<()>,
{
    let Some(grant) = wait(cx, lease, holder).await? else { return Ok(()) };
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
async fn wait(cx: &Cx, lease: &dyn Lease, holder: &str) -> Result<Option<LeaseGrant>> {
    while !cx.is_cancelled() {
        match lease.acquire(cx, holder, TERM).await {
            Ok(Some(grant)) => return Ok(Some(grant)),
            Ok(None) => {}
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
