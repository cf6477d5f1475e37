//! What somebody said of a request and what of it was stored as an approval.

use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_core::{
    Approval, Approver, AuditEvent, AuditRecord, Cx, EventSink, Request as Order, Result, Through,
};

use super::Asked;
use crate::config::Config;
use crate::order;
use crate::session::{Access, Session};

impl Asked {
    /// The reviews and comments of the request on which approvals rest that were stored in some of these applications, also those that are
    /// spent or taken back: `comment 5`. Their audit logs say it.
    ///
    /// # Errors
    /// Whatever keeps an application from being opened or its audit log from being read.
    ///
    /// # Cancel safety
    /// Nothing is written.
    pub async fn stored_by(
        &self,
        cx: &Cx,
        chosen: &[&Config],
        events: &Arc<dyn EventSink>,
    ) -> Result<BTreeSet<String>> {
        let mut places = BTreeSet::new();
        for config in chosen {
            let session =
                Session::builder(config).access(Access::Look).events(Arc::clone(events)).open(cx).await?;
            let mut take = |record: AuditRecord| {
                if let AuditEvent::Approved { by, .. } = &record.entry.what {
                    places.extend(self.places_of(by).map(str::to_owned));
                }
                Ok(())
            };
            session.audit().each(cx, &mut take).await?;
        }
        Ok(places)
    }

    /// Has the applications withdraw what is stored of approvals of the request, and say why in their audit logs; gives the names of those
    /// that had some.
    ///
    /// # Errors
    /// Whatever keeps a state from being read or written.
    ///
    /// # Cancel safety
    /// Dropping the future may leave some of it withdrawn; make the call again.
    pub async fn withdraw_stored(
        &self,
        cx: &Cx,
        chosen: &[&Config],
        events: &Arc<dyn EventSink>,
        why: &str,
    ) -> Result<Vec<String>> {
        let mut withdrawn = Vec::new();
        for config in chosen {
            let session =
                Session::builder(config).access(Access::Look).events(Arc::clone(events)).open(cx).await?;
            let is_ours = |approval: &Approval| self.places_of(&approval.by).next().is_some();
            let has_some = session.engine.inventory().approvals().iter().any(is_ours);
            drop(session);
            if !has_some {
                continue;
            }
            let (review, reason) = (self.name(), why.to_owned());
            let withdraw = Order::Withdraw { review, reason };
            Box::pin(order::order(cx, config, events, &self.name(), &withdraw)).await?;
            withdrawn.push(config.name.clone());
        }
        Ok(withdrawn)
    }

    /// The reviews and comments of this request on which an approval rests.
    pub(super) fn places_of<'a>(&self, by: &'a Approver) -> impl Iterator<Item = &'a str> {
        let named = match &by.through {
            Through::Review { review } => review.strip_prefix(&format!("{}: ", self.name())),
            _ => None,
        };
        named.into_iter().flat_map(|named| named.split(", "))
    }
}
