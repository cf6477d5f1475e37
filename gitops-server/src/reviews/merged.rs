//! Merged requests in which people go on speaking: no list of open requests has them.

use std::collections::BTreeMap;

use gitops_app::forge::patiently;
use gitops_core::{Cx, Result, Time};
use gitops_forge::{ChangeRequest, CommitId, RequestQuery, RequestState};

use super::Shared;
use super::memory::COMMAND_AGE;
use super::poll::SECOND;

/// What this process knows of the merged requests of the forge.
#[derive(Default)]
pub(super) struct Merged {
    /// When the newest change of any request was that was seen, by the forge's clock.
    newest: Option<Time>,
    looked: BTreeMap<u64, Looked>,
}

/// When a merged request is to be looked at.
struct Looked {
    /// When it had been changed last, by the forge's clock.
    updated: Time,
    /// When it was looked at for that, by ours.
    at: Time,
    is_looked_at_again: bool,
}

impl Merged {
    /// The requests that are to be looked at, of all that were changed; `ours` are those of them that were merged.
    fn due<'r>(
        &mut self,
        now: Time,
        changed: &[ChangeRequest],
        ours: impl Iterator<Item = &'r ChangeRequest>,
    ) -> Vec<u64> {
        let mut due = Vec::new();
        for (number, looked) in &mut self.looked {
            if !looked.is_looked_at_again && now.since(looked.at) >= SECOND {
                looked.is_looked_at_again = true;
                due.push(*number);
            }
        }
        for request in ours {
            let updated = request.updated;
            if self.looked.get(&request.number).is_none_or(|looked| looked.updated != updated) {
                self.looked.insert(request.number, Looked { updated, at: now, is_looked_at_again: false });
                due.push(request.number);
            }
        }
        self.newest = changed.iter().map(|request| request.updated).chain(self.newest).max();
        let newest = self.newest;
        self.looked.retain(|_, looked| !looked.is_looked_at_again || Some(looked.updated) >= newest);
        due
    }

    /// Has a request looked at again, since the forge did not answer.
    pub fn failed(&mut self, now: Time, number: u64) {
        if let Some(looked) = self.looked.get_mut(&number) {
            (looked.at, looked.is_looked_at_again) = (now, false);
        }
    }
}

impl Shared {
    /// Looks at the comments of merged requests that were changed since this was asked last. The first time it is those of all in which a
    /// command may be that nobody has answered.
    pub(super) async fn look_at_merged(&self, cx: &Cx) -> Result<()> {
        let oldest = || Time::from_micros(cx.now().as_micros().saturating_sub(age()));
        let since = self.merged().newest.unwrap_or_else(oldest);
        let query = RequestQuery::ChangedSince(since);
        let changed = patiently(cx, || self.forge.change_requests(cx, &query)).await?;
        let is_merged =
            |request: &&ChangeRequest| request.state == RequestState::Merged && self.is_ours(request);
        let due = self.merged().due(cx.now(), &changed, changed.iter().filter(is_merged));
        for number in due {
            self.looks.push(number);
        }
        self.look_at_waiting(cx).await
    }

    /// Looks at the comments of merged requests of which something still waits for a person.
    async fn look_at_waiting(&self, cx: &Cx) -> Result<()> {
        for config in &self.chosen {
            let Some(handle) = self.board.handle(&config.name) else { continue };
            let status = handle.status().borrow().clone();
            let (false, Some(revision)) = (status.awaits_approval.is_empty(), &status.revision) else {
                continue;
            };
            let of_commit =
                self.merged_as(cx, revision.id()).await?.into_iter().map(|request| request.number);
            // The branch may have gone on since.
            let of_others = self.memory.waiting_in(cx, &config.name).await?;
            for number in of_commit.chain(of_others) {
                self.looks.push(number);
            }
        }
        Ok(())
    }

    /// The requests that were merged as a commit.
    pub(super) async fn merged_as(&self, cx: &Cx, commit: &str) -> Result<Vec<ChangeRequest>> {
        let query = RequestQuery::OfCommit(CommitId::parse(commit)?);
        let found = patiently(cx, || self.forge.change_requests(cx, &query)).await?;
        let is_merged = |request: &ChangeRequest| {
            request.state == RequestState::Merged
                && request.merge_commit.as_ref().is_some_and(|merged| merged.as_str() == commit)
        };
        Ok(found.into_iter().filter(|request| is_merged(request) && self.is_ours(request)).collect())
    }
}

/// How long back a command is found, in microseconds.
fn age() -> i64 {
    i64::try_from(COMMAND_AGE.as_micros()).unwrap_or(i64::MAX)
}
