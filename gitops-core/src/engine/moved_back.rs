//! Plans while the source was moved back.

use super::Engine;
use crate::cx::Cx;
use crate::plan::Plan;
use crate::value::{Error, ErrorKind, Result};

impl Engine {
    /// Like [`plan`](Self::plan), for who only looks: where the source was moved back, the plan is of the revision that was accepted last.
    /// Drift is put right by it, and whatever else that revision brings is [blocked](crate::BlockedBecause::NotFollowed); the error says
    /// why the source is not followed.
    ///
    /// # Errors
    /// As [`plan`](Self::plan); that the source was moved back, if the source can't give the accepted revision, or the application is
    /// pinned or suspended.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn plan_or_accepted(&mut self, cx: &Cx) -> Result<(Plan, Option<Error>)> {
        match Box::pin(self.plan(cx)).await {
            Err(error) if self.moved_back.is_some() && error.kind() == ErrorKind::Denied => {
                self.next_look.is_due = true;
                let Some(mut prepared) = Box::pin(self.prepare_accepted(cx)).await? else {
                    return Err(error);
                };
                self.leave_what_is_no_drift(cx, &mut prepared);
                Ok((prepared.planned.plan, Some(error)))
            }
            planned => planned.map(|plan| (plan, None)),
        }
    }
}
