//! A request that is applied before it is merged.

use super::effects::contained;
use super::{Engine, Pin};
use crate::cx::Cx;
use crate::source::Relation;
use crate::state::audit::AuditEvent;
use crate::value::{Error, ErrorKind, Result, Revision};

impl Engine {
    /// Has the head of a request applied before it is merged: the application is held to it until
    /// [`end_ahead`](Self::end_ahead), and what was approved stays approved. A later head of the same request takes the place of
    /// an earlier one.
    ///
    /// Only a revision that has everything of what is followed: then it is what a merge makes.
    ///
    /// # Errors
    /// `Stale` if the source went on since the request was brought up to it; `Locked` if another request is ahead, or somebody
    /// pinned the application: the message says who; `Denied` while it is suspended; `Unsupported` where the source has no
    /// history; whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn go_ahead(&mut self, cx: &Cx, revision: &Revision, request: &str, by: &str) -> Result<Pin> {
        self.ledger.landed().await?;
        if let Some(suspension) = self.suspended(cx).await? {
            return Err(suspension.denies());
        }
        if let Some(held) = self.pinned(cx).await?.filter(|pin| pin.ahead_of.as_deref() != Some(request)) {
            return Err(self.held(&held));
        }
        self.check_is_up_to_date(cx, revision).await?;
        let pin = Pin {
            revision: revision.clone(),
            by: by.to_owned(),
            since: cx.now(),
            ahead_of: Some(request.to_owned()),
            leaves_the_line: false,
        };
        self.take_over(cx, by).await?;
        let event = AuditEvent::WentAhead { revision: revision.clone(), request: request.to_owned() };
        self.audit(cx, by, vec![event]).await?;
        self.store_orders(cx, |orders| orders.pin = Some(pin.clone())).await?;
        Ok(pin)
    }

    /// Lets the application follow its source again after a request was applied before its merge. If it was not merged, nothing that
    /// was approved holds any more, and what the source has is applied in its place.
    ///
    /// # Errors
    /// `NotFound` if that request is not ahead; whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn end_ahead(&mut self, cx: &Cx, request: &str, is_merged: bool, by: &str) -> Result<()> {
        let pin = self.pinned(cx).await?;
        if pin.is_none_or(|pin| pin.ahead_of.as_deref() != Some(request)) {
            return Err(Error::new(ErrorKind::NotFound, format!("{request} is not ahead here")));
        }
        self.take_over(cx, by).await?;
        let event = AuditEvent::AheadEnded { request: request.to_owned(), is_merged };
        self.audit(cx, by, vec![event]).await?;
        if !is_merged {
            self.void_approvals(cx).await?;
        }
        self.store_orders(cx, |orders| orders.pin = None).await
    }

    /// Whether a revision has everything of what the source has now, and of what was accepted.
    async fn check_is_up_to_date(&self, cx: &Cx, revision: &Revision) -> Result<()> {
        let call = cx.within(self.timeouts.call);
        let newest = contained(call.bounded(self.source.resolve(&call))).await;
        let newest = newest.map_err(|error| error.during("resolve"))?;
        let history = self.source.history().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "the source has no history, so nothing of it goes ahead")
        })?;
        let followed = self.source.info().follows;
        for (older, what) in
            [(Some(&newest), followed.as_str()), (self.inventory().accepted(), "what was applied")]
        {
            let Some(older) = older else { continue };
            let relation = history.relation(&call, older, revision).await?;
            if !matches!(relation, Relation::Same | Relation::Newer) {
                let message = format!(
                    "{} does not have everything of {what} ({}), so it is not what a merge would make: merge the target branch \
                     into the request's, and push",
                    revision.short(),
                    older.short()
                );
                return Err(Error::new(ErrorKind::Stale, message));
            }
        }
        Ok(())
    }

    fn held(&self, pin: &Pin) -> Error {
        let (name, by, since, at) = (self.name(), &pin.by, pin.since, pin.revision.short());
        match &pin.ahead_of {
            Some(request) => {
                let message = format!(
                    "`{name}` has {request} applied ({at}), which is not merged; {by} applied it at {since}"
                );
                Error::new(ErrorKind::Locked, message).help("merge or close that request first")
            }
            None => {
                Error::new(ErrorKind::Locked, format!("`{name}` is pinned to {at} by {by} since {since}"))
                    .help("`gitops rollback --end` lets it follow its source again")
            }
        }
    }
}
