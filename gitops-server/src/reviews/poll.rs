//! What no webhook told of is found by asking.

use std::time::Duration;

use gitops_app::forge::patiently;
use gitops_core::{Cx, EngineStatus, ErrorKind, Result, Time};
use gitops_forge::{ChangeRequest, CommitId, RequestQuery};

use super::Shared;
use crate::board::Ails;
use crate::event::ServerEvent;

/// How long a review is believed where nothing moved that would be noticed: drift is seen in no other way.
const FRESH: Duration = Duration::from_secs(15 * 60);

/// The forge tells of whole seconds: what is done in the second of a look, and after it, is seen by a look that comes so much later.
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// How long after a call that failed the forge is asked again at the latest.
pub(super) const AGAIN: Duration = Duration::from_secs(10);

/// A request as it was when its review began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub head: CommitId,
    pub updated: Time,
    /// What the applications had applied and planned.
    pub standing: Vec<Option<String>>,
    pub at: Time,
    /// Whether the forge was told.
    pub is_told: bool,
    /// From when on a review says something else by itself.
    pub due: Option<Time>,
    /// Whether it was looked at once more since.
    pub is_looked_at_again: bool,
}

impl Shared {
    /// Asks for all requests now and then, or when somebody says so.
    pub(super) async fn keep_polling(&self, cx: &Cx) {
        loop {
            let (mut wait, polled) = (self.every, cx.now());
            if self.is_at_work()
                && let Err(error) = self.poll_once(cx).await
                && error.kind() != ErrorKind::Cancelled
            {
                wait = wait.min(AGAIN);
                let (repository, error) = (self.repository.clone(), error.to_string());
                self.tell(&ServerEvent::PollFailed { repository, error });
            }
            wait = wait.min(self.next_due(cx, polled).unwrap_or(wait));
            let mut moved = self.board.moved();
            tokio::select! {
                biased;
                () = cx.cancelled() => return,
                () = self.poll.notified() => {}
                // An application that comes to work is looked at without a wait.
                _ = moved.changed() => {}
                _ = cx.sleep(wait) => {}
            }
        }
    }

    /// How long it is until the next request is due that was not when all were asked for.
    pub(super) fn next_due(&self, cx: &Cx, polled: Time) -> Option<Duration> {
        let due = self.seen().values().filter_map(|seen| seen.due).filter(|due| *due > polled).min()?;
        Some(due.since(cx.now()))
    }

    pub(super) async fn poll_once(&self, cx: &Cx) -> Result<()> {
        let open = patiently(cx, || self.forge.change_requests(cx, &RequestQuery::Open)).await;
        self.note(cx, Ails::Forge, open.as_ref().err());
        let open = open?;
        self.forget_failing(cx, &open);
        for request in open.iter().filter(|request| self.is_ours(request)) {
            let (is_touched, is_due) = self.is_due(cx, request);
            if is_touched {
                self.looks.push(request.number);
            }
            if is_due {
                self.reviews.push(request.number);
            }
        }
        // No webhook tells of an emoji, or of what was not done.
        for number in self.memory.unfinished(cx).await? {
            self.looks.push(number);
        }
        self.seen().retain(|number, _| open.iter().any(|request| request.number == *number));
        self.look_for_closed(cx, &open).await?;
        self.look_at_merged(cx).await?;
        self.look_for_queued(cx).await?;
        self.end_renamed(cx, &open).await
    }

    /// Requests that were closed, merged or given a branch that no application follows while nobody listened: what is pending on their heads is ended.
    async fn look_for_closed(&self, cx: &Cx, open: &[ChangeRequest]) -> Result<()> {
        // One that goes where nobody looks is given up as one that is closed.
        let is_open = |number: u64| {
            let found = open.iter().find(|request| request.number == number);
            found.is_some_and(|request| self.is_ours(request))
        };
        for (number, base) in self.memory.with_heads(cx).await? {
            let is_ours = base.is_none_or(|base| self.follow(&base).next().is_some());
            if is_ours && !is_open(number) {
                self.reviews.push(number);
            }
        }
        Ok(())
    }

    /// Whether somebody did something to a request, and whether a review would say something else.
    pub(super) fn is_due(&self, cx: &Cx, request: &ChangeRequest) -> (bool, bool) {
        let standing = self.standing(request);
        let mut seen = self.seen();
        let Some(seen) = seen.get_mut(&request.number) else { return (true, true) };
        let is_touched = seen.updated != request.updated || seen.head != request.head.commit;
        let age = cx.now().since(seen.at);
        let is_old = age >= FRESH || seen.due.is_some_and(|due| cx.now() >= due);
        let looks_again = !seen.is_looked_at_again && age >= SECOND;
        seen.is_looked_at_again |= looks_again;
        (
            is_touched || !seen.is_told || looks_again,
            is_touched || !seen.is_told || seen.standing != standing || is_old,
        )
    }

    /// What the applications of a request have applied and planned, what of it failed, and whether they follow the branch.
    pub(super) fn standing(&self, request: &ChangeRequest) -> Vec<Option<String>> {
        let of = |name: &str| {
            let status = self.board.handle(name)?.status().borrow().clone();
            let complete = status.complete.as_ref().map(|complete| complete.revision.id().to_owned());
            let revision = status.revision.as_ref().map(|revision| revision.id().to_owned());
            // An apply that failed may have changed what there is to do, also for who did not ask for it.
            let has_failed = status.last.as_ref().is_some_and(|last| last.error.is_some());
            let failed = status.plan.filter(|_| has_failed).map(|plan| plan.to_string());
            let held = status.pinned.as_ref().map(|pin| pin.since);
            let stopped = status.suspended.as_ref().map(|suspended| suspended.since);
            let refused = not_followed(&status);
            Some(format!("{revision:?} {complete:?} {failed:?} {held:?} {stopped:?} {refused:?}"))
        };
        self.followers(request).map(|config| of(&config.name)).collect()
    }
}

/// Why an engine refuses to follow its branch, if it does: the branch was moved back or rewritten.
pub(super) fn not_followed(status: &EngineStatus) -> Option<&str> {
    let last = status.last.as_ref().filter(|last| last.kind == Some(ErrorKind::Denied) && !last.by_gate)?;
    last.error.as_deref()
}
