//! An application that nothing is written for, until a person says otherwise.

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::cx::{Cx, Time};
use crate::engine::event::Event;
use crate::state::audit::AuditEvent;
use crate::value::{Error, ErrorKind, Result, redact};

/// That nothing is written for an application: it is planned and looked at as before, and what differs is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Suspension {
    /// Why.
    pub reason: String,
    /// Who suspended it.
    pub by: String,
    /// When.
    pub since: Time,
}

impl Suspension {
    /// The answer to whoever wants to write.
    pub(super) fn denies(&self) -> Error {
        let message =
            format!("the application is suspended by {} since {}: {}", self.by, self.since, self.reason);
        let help = "resume it first: look at the plan, then say `resume`";
        Error::new(ErrorKind::Denied, message).of_gate().help(help)
    }
}

impl Engine {
    /// Stops all writes for the application, now and in every later process, until it is [resumed](Self::resume).
    ///
    /// # Errors
    /// `Invalid` without a reason; whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn suspend(&mut self, cx: &Cx, reason: &str, by: &str) -> Result<()> {
        if reason.trim().is_empty() {
            let message = "a suspension needs a reason: others will want to know";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        // Many read it, and people paste what a tool said.
        let reason = redact::credentials(reason).into_owned();
        self.take_over(cx, by).await?;
        self.audit(cx, by, vec![AuditEvent::Suspended { reason: reason.clone() }]).await?;
        let suspension = Suspension { reason: reason.clone(), by: by.to_owned(), since: cx.now() };
        self.store_orders(cx, |orders| orders.suspension = Some(suspension)).await?;
        self.events.emit(&Event::Suspended { reason, by: by.to_owned() });
        Ok(())
    }

    /// Lets a suspended application go on.
    ///
    /// # Errors
    /// `NotFound` if it is not suspended; whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn resume(&mut self, cx: &Cx, by: &str) -> Result<Suspension> {
        let Some(suspension) = self.suspended(cx).await? else {
            return Err(Error::new(ErrorKind::NotFound, "the application is not suspended"));
        };
        self.take_over(cx, by).await?;
        self.audit(cx, by, vec![AuditEvent::Resumed]).await?;
        self.store_orders(cx, |orders| orders.suspension = None).await?;
        self.events.emit(&Event::Resumed { by: by.to_owned() });
        Ok(suspension)
    }

    /// Why nothing is written, if that is so.
    pub async fn suspended(&self, cx: &Cx) -> Result<Option<Suspension>> {
        Ok(self.orders(cx).await?.suspension)
    }
}
