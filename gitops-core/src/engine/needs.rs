//! Applications that come first: what is new in one is taken up once those that it needs have come as far.

use std::fmt;
use std::time::Duration;

use super::company::Place;
use super::effects::contained;
use super::run::{Ended, Failed};
use super::{Engine, EngineStatus, HealthStatus, Pin, SyncStatus};
use crate::cx::Cx;
use crate::source::Relation;
use crate::value::{Error, ErrorKind, Result, Revision};

/// An application that comes first, and has not come as far.
pub(super) struct Unmet {
    need: String,
    /// The revision that it has to converge on; nothing of another source, whose newest counts.
    revision: Option<Revision>,
    held: Held,
}

/// Why an application has not come as far as another one needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It is not there: no engine keeps it, or not yet.
    Absent,
    Suspended(String),
    Pinned(String),
    /// It takes up nothing new either.
    Postponed,
    /// So many objects are blocked.
    Blocked(usize),
    NotReady,
    Failed,
    /// It is on the way.
    Working,
}

impl Held {
    pub fn of(status: &EngineStatus) -> Self {
        let failed = status.last.as_ref().is_some_and(|last| last.error.is_some() && !last.by_gate);
        if let Some(suspension) = &status.suspended {
            Self::Suspended(suspension.by.clone())
        } else if let Some(pin) = status.pinned.as_ref().filter(|pin| pin.goes_back()) {
            Self::Pinned(pin.revision.to_string())
        } else if status.postponed.is_some() {
            Self::Postponed
        } else if !status.blocked.is_empty() {
            Self::Blocked(status.blocked.len())
        } else if matches!(status.health, HealthStatus::Progressing | HealthStatus::Degraded) {
            Self::NotReady
        } else if failed {
            Self::Failed
        } else {
            Self::Working
        }
    }

    /// What it looks at is not what its source has newest.
    fn goes_back(&self) -> bool {
        matches!(self, Self::Pinned(_))
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("; it is not at work"),
            Self::Suspended(by) => write!(f, "; it is suspended by {by}"),
            Self::Pinned(revision) => write!(f, "; it is pinned to {revision}"),
            Self::Postponed => f.write_str("; what is new in it waits too"),
            Self::Blocked(1) => f.write_str("; 1 object of it is blocked"),
            Self::Blocked(objects) => write!(f, "; {objects} objects of it are blocked"),
            Self::NotReady => f.write_str("; not all of it is ready"),
            Self::Failed => f.write_str("; its last reconciliation failed"),
            Self::Working => Ok(()),
        }
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { need, revision, held } = self;
        match revision {
            Some(revision) => write!(f, "`{need}` comes first, and is not at {revision} yet{held}"),
            None => write!(f, "`{need}` comes first, and has not converged{held}"),
        }
    }
}

impl Engine {
    /// The next reconciliation; as long as another application comes first, what goes on without it. Nothing if it begins anew.
    pub(super) async fn next_reconciliation(
        &mut self,
        cx: &Cx,
        interval: Duration,
    ) -> Result<Option<Ended>, Failed> {
        let unmet = Box::pin(self.held_by_need(cx)).await?;
        self.postpone_for(unmet.as_ref());
        if unmet.is_none() {
            return self.supervised_reconciliation(cx, interval).await;
        }
        self.keep_accepted(cx, interval).await?;
        self.wait(cx, interval).await;
        Ok(None)
    }

    /// For who applies one plan: whether what is newest may be taken up, by the rule that holds for engines at work. It is what the next
    /// plan declares. Where the engine has joined no [`Company`](super::Company), nothing is asked.
    ///
    /// # Errors
    /// `Denied` with the application that comes first and has not come as far, and why; what keeps the source from saying what is newest.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn check_needs(&mut self, cx: &Cx) -> Result<()> {
        match Box::pin(self.held_by_need(cx)).await.map_err(|failed| failed.error)? {
            None => Ok(()),
            Some(unmet) => {
                let error = Error::new(ErrorKind::Denied, unmet.to_string()).of_gate();
                Err(error.help("nothing is written; apply it once that has come as far"))
            }
        }
    }

    /// Asks what is newest, and whether it may be taken up: which application comes first and has not come as far, if any.
    ///
    /// What may be taken up is what the next reconciliation declares, and nothing newer: the others were not asked about that.
    /// Where a person holds the application to a revision, as a rollback does, it waits for nobody.
    async fn held_by_need(&mut self, cx: &Cx) -> Result<Option<Unmet>, Failed> {
        self.agreed = None;
        let Some(seen) = self.place.as_ref().and_then(Place::seen) else { return Ok(None) };
        self.take_up_requests(cx).await?;
        let pin = self.pinned(&cx.within(self.timeouts.call)).await?;
        let (goes_back, is_ahead) = (pin.as_ref().is_some_and(Pin::goes_back), pin.is_some());
        let newest = match pin {
            Some(pin) => pin.revision,
            None => self.resolve(cx).await.map_err(Failed::of_source)?,
        };
        // What is not new waits for nobody either.
        let unmet = match goes_back || self.inventory().standing().is_complete(&newest) {
            true => None,
            false => self.unmet(cx, &newest, is_ahead).await.map_err(Failed::of_source)?,
        };
        if let Some(place) = &mut self.place {
            place.waits = unmet.as_ref().map(|_| seen);
        }
        self.agreed = unmet.is_none().then_some(newest);
        Ok(unmet)
    }

    /// Whether the others were asked about what is taken up now. Who follows its source again since then asks anew.
    pub(super) fn is_agreed(&self, pin: Option<&Pin>) -> bool {
        let is_alone = self.place.as_ref().is_none_or(|place| place.needs().is_empty());
        is_alone
            || match (pin, &self.agreed) {
                (Some(pin), agreed) => pin.goes_back() || agreed.as_ref() == Some(&pin.revision),
                (None, agreed) => agreed.is_some(),
            }
    }

    /// The revision that the source has newest.
    pub(super) async fn resolve(&mut self, cx: &Cx) -> Result<Revision> {
        let call = cx.within(self.timeouts.call);
        let resolved = contained(call.bounded(self.source.resolve(&call))).await;
        self.newest = resolved.as_ref().ok().cloned();
        let newest = resolved.map_err(|error| error.during("resolve"))?;
        self.look_at(&newest);
        Ok(newest)
    }

    /// A revision is looked at: those who need the application hear of it.
    pub(super) fn look_at(&self, revision: &Revision) {
        if self.shared.status().looked_at.as_ref() != Some(revision) {
            self.shared.tell(|status| status.looked_at = Some(revision.clone()));
        }
    }

    async fn unmet(&self, cx: &Cx, revision: &Revision, is_ahead: bool) -> Result<Option<Unmet>> {
        let Some(place) = &self.place else { return Ok(None) };
        for need in place.needs() {
            let unmet = |revision, held| Unmet { need: need.clone(), revision, held };
            let Some(other) = place.member(need) else { return Ok(Some(unmet(None, Held::Absent))) };
            let status = other.handle.now();
            let held = Held::of(&status);
            // What is ahead of a branch is on no line that another one follows.
            let is_of_line = !is_ahead && other.line == self.source.info().line();
            let is_met = match &status.reached {
                None => false,
                Some(reached) if is_of_line => self.has_come(cx, revision, reached).await?,
                Some(reached) => status.looked_at.as_ref() == Some(reached) && !held.goes_back(),
            };
            if is_met {
                continue;
            }
            if is_of_line {
                other.handle.want(revision);
            }
            return Ok(Some(unmet(is_of_line.then(|| revision.clone()), held)));
        }
        Ok(None)
    }

    /// Whether what another application has converged on has all of a revision.
    async fn has_come(&self, cx: &Cx, revision: &Revision, reached: &Revision) -> Result<bool> {
        if revision.id() == reached.id() {
            return Ok(true);
        }
        let Some(history) = self.source.history() else { return Ok(false) };
        let cx = cx.within(self.timeouts.call);
        match contained(cx.bounded(history.relation(&cx, revision, reached))).await {
            Err(error) if error.is_not_found() => Ok(false),
            relation => relation.map(|relation| matches!(relation, Relation::Same | Relation::Newer)),
        }
    }

    /// While an application that comes first has not come as far, only drift of what was accepted is repaired.
    fn postpone_for(&self, unmet: Option<&Unmet>) {
        let need = unmet.map(|unmet| unmet.need.clone());
        if self.shared.status().waits_for != need {
            self.shared.tell(|status| {
                // What is new is not planned.
                status.sync = if need.is_some() { SyncStatus::Unknown } else { status.sync };
                status.waits_for = need;
            });
        }
        if let Some(unmet) = unmet {
            self.postpone(unmet.to_string(), None);
        }
    }

    /// Whether another application has to come first.
    pub(super) fn waits_for_need(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.waits.is_some())
    }
}
