//! What somebody said of a request and what of it was stored as an approval.

use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_core::{Approver, AuditEvent, AuditRecord, Cx, EventSink, Result, Through};

use super::Asked;
use crate::config::Config;
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

    /// The reviews and comments of this request on which an approval rests.
    pub(super) fn places_of<'a>(&self, by: &'a Approver) -> impl Iterator<Item = &'a str> {
        let named = match &by.through {
            Through::Review { review } => review.strip_prefix(&format!("{}: ", self.name())),
            _ => None,
        };
        named.into_iter().flat_map(|named| named.split(", "))
    }
}
