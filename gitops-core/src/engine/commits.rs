//! The commits that a revision brings over the accepted one: what gates and people judge beside the plan.

use super::Engine;
use super::effects::contained;
use crate::cx::Cx;
use crate::source::Commits;
use crate::value::{Result, Revision};

/// What was looked up last. That a source can't tell is remembered too, or each reconciliation would ask it again.
pub(super) struct LookedUp {
    from: Revision,
    to: Revision,
    found: Option<Commits>,
}

impl Engine {
    /// What the revision of the last plan brings over the accepted one: at most [`most_commits`](crate::source::History::most_commits). Nothing where the
    /// source can't tell, or where no revision was accepted before.
    pub fn commits(&self) -> Option<&Commits> {
        self.commits.as_ref()?.found.as_ref()
    }

    /// Looks the commits of what is declared up, unless that was done before.
    pub(super) async fn look_up_commits(&mut self, cx: &Cx) {
        let to = self.declared.as_ref().map(|declared| &declared.revision);
        let Some((from, to)) = self.inventory().accepted().zip(to) else {
            self.commits = None;
            return;
        };
        if self.commits.as_ref().is_some_and(|known| (&known.from, &known.to) == (from, to)) {
            return;
        }
        let (from, to) = (from.clone(), to.clone());
        self.commits = match self.commits_between(cx, &from, &to).await {
            Some(Err(error)) if error.is_retryable() || cx.is_cancelled() => None,
            found => Some(Box::new(LookedUp { from, to, found: found.and_then(Result::ok) })),
        };
    }

    /// What a revision brings over the accepted one. A source that can't tell is no reason against a plan: gates see that
    /// nothing is known.
    pub(super) async fn commits_of(&self, cx: &Cx, revision: &Revision) -> Option<Commits> {
        self.commits_between(cx, self.inventory().accepted()?, revision).await?.ok()
    }

    async fn commits_between(&self, cx: &Cx, from: &Revision, to: &Revision) -> Option<Result<Commits>> {
        let history = self.source.history()?;
        Some(contained(cx.bounded(Commits::find(history, cx, from, to))).await)
    }
}
