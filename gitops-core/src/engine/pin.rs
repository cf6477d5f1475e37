use serde::{Deserialize, Serialize};

use super::Engine;
use super::orders::Orders;
use crate::cx::{Cx, Time};
use crate::source::Relation;
use crate::state::audit::AuditEvent;
use crate::value::{Error, ErrorKind, Result, Revision};

/// A revision to which an application is pinned, whatever its source follows.
///
/// It is also the grant to move to an older revision: an explicit act of a person, recorded in the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The revision.
    pub revision: Revision,
    /// Who pinned it.
    pub by: String,
    /// When.
    pub since: Time,
    /// The request whose head it is, where that is applied before it is merged; nothing of a pin by which somebody goes back, or
    /// holds the application where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead_of: Option<String>,
    /// Whether the revision is off the line that was applied so far: the line goes on from it.
    pub(super) leaves_the_line: bool,
}

impl Pin {
    /// Whether somebody goes back by it, or holds the application where it is.
    pub(super) fn goes_back(&self) -> bool {
        self.ahead_of.is_none()
    }
}

/// What a request about the pin goes by. Who acts by itself gives way to a person who was faster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PinExpect {
    /// Nothing: what is asked last counts.
    #[default]
    Anything,
    /// The application follows its source, and is not suspended.
    Followed,
    /// It is still pinned as it was.
    Pinned {
        /// By whom.
        by: String,
        /// Since when.
        since: Time,
    },
}

impl PinExpect {
    /// That the application is still pinned like this.
    pub fn still(pin: &Pin) -> Self {
        Self::Pinned { by: pin.by.clone(), since: pin.since }
    }

    pub(super) fn is_anything(&self) -> bool {
        *self == Self::Anything
    }
}

impl Engine {
    /// Whether a request about the pin may be fulfilled.
    ///
    /// # Errors
    /// `Conflict` if somebody pinned, unpinned or suspended the application since.
    pub(super) async fn check_pin(&self, cx: &Cx, expect: &PinExpect) -> Result<()> {
        if expect.is_anything() {
            return Ok(());
        }
        let Orders { pin, suspension } = self.orders(cx).await?;
        let message = match (expect, pin, suspension) {
            (PinExpect::Followed, None, None) => return Ok(()),
            (PinExpect::Pinned { by, since }, Some(pin), _) if (by, since) == (&pin.by, &pin.since) => {
                return Ok(());
            }
            (_, Some(pin), _) => {
                format!("the application is pinned to {} by {} meanwhile", pin.revision, pin.by)
            }
            (PinExpect::Followed, None, Some(suspension)) => {
                format!("the application is suspended by {} meanwhile", suspension.by)
            }
            (_, None, _) => "the application follows its source again meanwhile".to_owned(),
        };
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// Pins the application to an earlier (or any other) revision; the next plan is made from it.
    ///
    /// # Errors
    /// `NotFound` if the source knows no such revision, `Unsupported` if it has no history.
    pub async fn pin(&mut self, cx: &Cx, name: &str, by: &str) -> Result<Pin> {
        self.ledger.landed().await?;
        let Some(history) = self.source.history() else {
            let message = "the source has no history to go back in";
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let revision = history.find(cx, name).await?;
        let leaves_the_line = match self.inventory().accepted() {
            // The first revision ever: what comes after it must descend from it.
            None => true,
            Some(accepted) => match history.relation(cx, accepted, &revision).await? {
                Relation::Diverged => true,
                // The source itself was moved back to it: who names it accepts that. While the source goes on beyond it, or
                // can't say where it is, what comes next must still descend from what was accepted.
                Relation::Older => self.source.resolve(cx).await.is_ok_and(|newest| newest == revision),
                _ => false,
            },
        };
        let pin = Pin { revision, by: by.to_owned(), since: cx.now(), ahead_of: None, leaves_the_line };
        self.take_over(cx, by).await?;
        let event = AuditEvent::Pinned { revision: pin.revision.clone(), by: by.to_owned() };
        self.audit(cx, by, vec![event]).await?;
        self.change_pin(cx, Some(pin.clone())).await?;
        Ok(pin)
    }

    /// Lets the application follow its source again.
    ///
    /// # Errors
    /// `NotFound` if it is not pinned.
    pub async fn unpin(&mut self, cx: &Cx, by: &str) -> Result<Pin> {
        let Some(pin) = self.pinned(cx).await? else {
            return Err(Error::new(ErrorKind::NotFound, "the application is not pinned"));
        };
        self.take_over(cx, by).await?;
        self.audit(cx, by, vec![AuditEvent::Unpinned { by: by.to_owned() }]).await?;
        self.change_pin(cx, None).await?;
        Ok(pin)
    }

    /// Pins the application again to what it was pinned to before, as it was: by whom, since when, and ahead of which request.
    ///
    /// # Errors
    /// Whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn pin_again(&mut self, cx: &Cx, pin: &Pin, by: &str) -> Result<()> {
        self.take_over(cx, by).await?;
        let event = match &pin.ahead_of {
            Some(request) => {
                AuditEvent::WentAhead { revision: pin.revision.clone(), request: request.clone() }
            }
            None => AuditEvent::Pinned { revision: pin.revision.clone(), by: pin.by.clone() },
        };
        self.audit(cx, by, vec![event]).await?;
        self.change_pin(cx, Some(pin.clone())).await
    }

    /// The revision to which the application is pinned, if it is.
    pub async fn pinned(&self, cx: &Cx) -> Result<Option<Pin>> {
        Ok(self.orders(cx).await?.pin)
    }

    /// What was approved before was approved for another line.
    async fn change_pin(&mut self, cx: &Cx, pin: Option<Pin>) -> Result<()> {
        self.void_approvals(cx).await?;
        self.store_orders(cx, |orders| orders.pin = pin).await
    }
}
