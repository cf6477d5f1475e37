//! What the engine does with what people ask of it.

use std::time::Duration;

use super::request::{Answered, Asked, KEPT, Which, change, load};
use super::{Engine, Request};
use crate::cx::Cx;
use crate::state::audit::AuditEvent;
use crate::value::{Error, ErrorKind, Result};

impl Engine {
    /// Does what people ask of the engine at work. A request that can't be fulfilled is answered with the reason; one that
    /// was fulfilled just before a crash is fulfilled again, which changes nothing.
    ///
    /// Gives whether there was any. Where they can't be taken up, they wake nobody until the next try: it would fail again.
    pub(super) async fn take_up_requests(&mut self, cx: &Cx) -> Result<bool> {
        let taken = Box::pin(self.answer_requests(cx)).await;
        self.back_off.is_deaf = taken.is_err();
        taken
    }

    /// Returns once a request waits that can be taken up.
    pub(super) async fn hears(&self, cx: &Cx, every: Duration) {
        if self.back_off.is_deaf {
            std::future::pending::<()>().await;
        }
        self.requests().waits(cx, &self.shared.asked, Which::Any, every).await;
    }

    async fn answer_requests(&mut self, cx: &Cx) -> Result<bool> {
        self.ledger.landed().await?;
        let store = self.ledger.store().clone();
        let (queue, _) = load(cx, &*store).await?;
        for waiting in &queue.waiting {
            let fulfilled = match &waiting.request {
                _ if waiting.application != self.name => Err(self.not_ours(&waiting.application)),
                Asked::Known(request) => self.carry_out_request(cx, &waiting.by, request).await,
                Asked::Unknown(_) => Err(not_known(&waiting.request.word())),
            };
            let refused = match fulfilled {
                Err(error) if self.ledger.is_lost() => return Err(error),
                Err(error) => Some(error.to_string()),
                Ok(()) => None,
            };
            let answered = Answered { ticket: waiting.ticket, refused };
            change(cx, &*store, |queue| {
                queue.waiting.retain(|waiting| waiting.ticket != answered.ticket);
                queue.answered.push(answered.clone());
                let over = queue.answered.len().saturating_sub(KEPT);
                queue.answered.drain(..over);
                Ok(())
            })
            .await?;
            self.shared.answered.notify_waiters();
        }
        Ok(!queue.waiting.is_empty())
    }

    /// Does what somebody asks: what an engine at work does with each of its [`Requests`](super::Requests), for a caller that has the
    /// engine to itself. Requests that wait were made before it, and are taken up first: the last word counts.
    ///
    /// # Errors
    /// Whatever keeps it from being done.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn fulfil(&mut self, cx: &Cx, by: &str, request: &Request) -> Result<()> {
        self.take_up_requests(cx).await?;
        self.carry_out_request(cx, by, request).await
    }

    async fn carry_out_request(&mut self, cx: &Cx, by: &str, request: &Request) -> Result<()> {
        match request {
            Request::Pin { revision, expect } => {
                self.check_pin(cx, expect).await?;
                self.pin(cx, revision.id(), by).await.map(drop)
            }
            Request::Unpin { expect } => {
                self.check_pin(cx, expect).await?;
                self.unpin(cx, by).await.map(drop)
            }
            Request::GoAhead { revision, request } => {
                self.go_ahead(cx, revision, request, by).await.map(drop)
            }
            Request::EndAhead { request, merged } => self.end_ahead(cx, request, *merged, by).await,
            Request::Approve { approval } => self.approve(cx, (**approval).clone()).await,
            Request::Reject { plan, reason } => self.reject(cx, *plan, reason, by).await,
            Request::Withdraw { review, reason } => self.withdraw(cx, review, reason, by).await,
            Request::Suspend { reason } => self.suspend(cx, reason, by).await,
            Request::Resume => self.resume(cx, by).await.map(drop),
            // It is done by having been asked: the next reconciliation follows at once.
            Request::Sync => {
                self.take_over(cx, by).await?;
                self.audit(cx, by, vec![AuditEvent::SyncAsked]).await
            }
            Request::Confirm { key, finding } => self.confirm(cx, key, *finding, by).await,
            Request::Found { key, about, finding } => self.confirm_part(cx, key, about, finding, by).await,
            Request::Release { key } => self.release(cx, key, by).await,
            Request::ReleaseDeletion { key } => self.release_deletion(cx, key, by).await,
            Request::NoteMerged { merged } => self.note_merged(cx, merged, by).await,
            Request::RestartAudit => self.restart_audit(cx, by).await,
        }
    }

    fn not_ours(&self, application: &str) -> Error {
        let message = format!("the request is for `{application}`, and this is `{}`", self.name);
        Error::new(ErrorKind::NotOwned, message)
    }
}

fn not_known(asked: &str) -> Error {
    let message = format!("the engine at work does not know the request `{asked}`: it is older");
    Error::new(ErrorKind::Unsupported, message)
}
