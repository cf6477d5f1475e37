//! The commits that the forge's merge queue makes: reviewed as they come, each once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gitops_app::config::{ForgeKind, GitRef};
use gitops_app::forge::patiently;
use gitops_app::review::queued;
use gitops_core::{Cx, ErrorKind, Result};
use gitops_forge::{CommitId, QueuedCommit};
use tokio::sync::Notify;

use super::memory::{InQueue, Page};
use super::poll::AGAIN;
use super::{Shared, nobody};
use crate::event::ServerEvent;

/// How many commits wait at most, and of how many it is known that they were told.
const ROOM: usize = 1_000;

/// The commits that wait.
#[derive(Default)]
pub(super) struct MergeQueue {
    state: Mutex<State>,
    woken: Notify,
}

#[derive(Default)]
struct State {
    due: VecDeque<QueuedCommit>,
    told: VecDeque<CommitId>,
}

impl MergeQueue {
    /// A commit is to be reviewed; gives whether there was room to remember it.
    pub fn push(&self, queued: QueuedCommit) -> bool {
        let mut state = self.state();
        let is_known = |due: &QueuedCommit| due.commit == queued.commit;
        if state.told.contains(&queued.commit) || state.due.iter().any(is_known) {
            return true;
        }
        if state.due.len() >= ROOM {
            return false;
        }
        state.due.push_back(queued);
        drop(state);
        self.woken.notify_one();
        true
    }

    fn next(&self) -> Option<QueuedCommit> {
        self.state().due.front().cloned()
    }

    /// The first commit was reviewed.
    fn done(&self, commit: &CommitId) {
        let mut state = self.state();
        state.due.retain(|due| due.commit != *commit);
        state.told.push_back(commit.clone());
        let surplus = state.told.len().saturating_sub(ROOM);
        state.told.drain(..surplus);
    }

    /// The first commit has its turn after the others.
    fn put_back(&self) {
        self.state().due.rotate_left(1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Reviews what the merge queue makes, for as long as the context goes on.
    pub(super) async fn keep_merge_queue(&self, cx: &Cx) {
        while !cx.is_cancelled() {
            let Some(queued) = self.merge_queue.next() else {
                tokio::select! {
                    () = cx.cancelled() => {}
                    () = self.merge_queue.woken.notified() => {}
                }
                continue;
            };
            match Box::pin(self.review_queued(cx, &queued)).await {
                Ok(()) => self.merge_queue.done(&queued.commit),
                Err(error) if error.kind() == ErrorKind::Cancelled => return,
                Err(error) => {
                    let (repository, text) = (self.repository.clone(), error.to_string());
                    self.tell(&ServerEvent::QueueFailed {
                        repository,
                        commit: queued.commit.to_string(),
                        error: text,
                    });
                    match error.is_retryable() {
                        true => self.merge_queue.put_back(),
                        false => self.merge_queue.done(&queued.commit),
                    }
                    if cx.sleep(self.every.min(AGAIN)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Reviews one commit, if its branch is followed and this process works with it.
    pub(super) async fn review_queued(&self, cx: &Cx, queued: &QueuedCommit) -> Result<()> {
        let QueuedCommit { branch, commit, request, .. } = queued;
        if !self.is_at_work() || self.follow(branch).next().is_none() {
            return Ok(());
        }
        let chosen = self.chosen();
        let told =
            self.asked(0).review_queued(cx, &self.applications(), &chosen, &nobody(), branch, commit).await;
        let refused = match &told {
            Ok(told) => told.refused.clone(),
            Err(error) if error.is_retryable() || cx.is_cancelled() => None,
            Err(error) => Some(self.tellable(&error.with_help())),
        };
        if let Some(number) = request
            && (refused.is_some() || told.is_ok())
        {
            self.say_of_queue(cx, *number, commit, refused.as_deref()).await?;
        }
        let told = told?;
        self.tell(&ServerEvent::Queued {
            repository: self.repository.clone(),
            commit: commit.to_string(),
            outcome: told.reviewed.review.outcome().to_string(),
            statuses: told.statuses,
            refused,
        });
        Ok(())
    }

    /// Says in a request why its commit in the queue was refused: people look at the request, and not at that commit. Where nothing is
    /// against a later one, what was said of the one before is taken back.
    async fn say_of_queue(
        &self,
        cx: &Cx,
        number: u64,
        commit: &CommitId,
        refused: Option<&str>,
    ) -> Result<()> {
        let queued = InQueue { commit: commit.to_string(), refused: refused.map(str::to_owned) };
        let note = |page: &mut Page| {
            let is_said = queued.refused.is_some() || page.in_queue.is_some();
            let is_news = is_said && page.in_queue.as_ref() != Some(&queued);
            if is_news {
                page.in_queue = Some(queued.clone());
            }
            is_news
        };
        match self.memory.change(cx, number, note).await? {
            true => self.show_answers(cx, number).await,
            false => Ok(()),
        }
    }

    /// Looks for commits of which no webhook told. Where the forge has no word for them, they are branches.
    pub(super) async fn look_for_queued(&self, cx: &Cx) -> Result<()> {
        if let Some(queue) = self.forge.merge_queue() {
            for queued in patiently(cx, || queue.waiting(cx)).await? {
                if self.follow(&queued.branch).next().is_some() {
                    self.merge_queue.push(queued);
                }
            }
        }
        if self.kind != ForgeKind::GitHub {
            return Ok(());
        }
        let mut asked: Vec<String> = Vec::new();
        for config in &self.chosen {
            let GitRef::Branch(base) = &config.source.reference else { continue };
            if asked.contains(base) {
                continue;
            }
            asked.push(base.clone());
            for queued in queued(cx, config).await? {
                self.merge_queue.push(queued);
            }
        }
        Ok(())
    }
}
