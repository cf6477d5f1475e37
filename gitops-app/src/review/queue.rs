//! The commits that a forge's merge queue makes: each is what the target branch would be, and is judged before it is that.

use std::sync::Arc;

use gitops_core::{Cx, EventSink, History, Relation, Result, Revision};
use gitops_forge::{CommitId, CommitStatus, QueuedCommit, StatusState, queued_request};

use super::same_head::Head;
use super::{Asked, Reviewed, Sides, review_with};
use crate::config::{Applications, Config, GitRef};
use crate::forge::tellable;
use crate::source;

/// What came of the review of a queue's commit.
#[derive(Debug)]
#[non_exhaustive]
pub struct ToldQueue {
    /// The review.
    pub reviewed: Reviewed,
    /// Why it must not be merged; nothing if nothing is against it.
    pub refused: Option<String>,
    /// How many statuses were written.
    pub statuses: usize,
}

/// How the branches begin that GitHub's merge queues make.
const QUEUE: &str = "gh-readonly-queue/";

/// The commits that wait in GitHub's merge queues into the branch that an application follows.
///
/// # Errors
/// What keeps the repository from being asked.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn queued(cx: &Cx, config: &Config) -> Result<Vec<QueuedCommit>> {
    let GitRef::Branch(base) = &config.source.reference else { return Ok(Vec::new()) };
    let branches = source::open(cx, config)?.branches(cx, &format!("{QUEUE}{base}/")).await?;
    let queued = |branch: &Revision| {
        let request = queued_request(branch.name());
        Ok(QueuedCommit::new(base, CommitId::parse(branch.id())?).of(request))
    };
    branches.iter().map(queued).collect()
}

/// Whether a commit has another one in its history, or is that, as an application reads its repository.
///
/// # Errors
/// What keeps the repository from being read.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn holds(cx: &Cx, config: &Config, commit: &CommitId, other: &CommitId) -> Result<bool> {
    let revision = |commit: &CommitId| Revision::new(commit.as_str(), commit.as_str());
    let relation = source::open(cx, config)?.relation(cx, &revision(commit), &revision(other)).await?;
    Ok(matches!(relation, Relation::Same | Relation::Older))
}

impl Asked {
    /// Reviews a commit that a merge queue made, with the requests before it in the queue, and sets both statuses on it: *success* if
    /// everything that needs an approval has the effect that was approved, else *failure*. Nothing is asked of people: who is asked
    /// again looks at the request. Whoever may put a request into the queue vouches for it.
    ///
    /// The number of the request is not used.
    ///
    /// # Errors
    /// Those of the [review](super::review) that may pass, and of the forge; make the call again. Of any other the plan's status says
    /// what it is, before it is given.
    ///
    /// # Cancel safety
    /// Dropping the future may leave one status written and the other not; make the call again.
    pub async fn review_queued(
        &self,
        cx: &Cx,
        applications: &Applications,
        chosen: &[&Config],
        events: &Arc<dyn EventSink>,
        base: &str,
        commit: &CommitId,
    ) -> Result<ToldQueue> {
        let (sides, head) =
            (Sides::new(format!("refs/heads/{base}"), commit.as_str()), Head { commit, base });
        let warm = self.warm.as_deref();
        let reviewed = match Box::pin(review_with(cx, applications, chosen, &sides, events, warm)).await {
            Ok(reviewed) => reviewed,
            Err(error) if error.is_retryable() || cx.is_cancelled() => return Err(error),
            Err(error) => {
                let status = CommitStatus::new(
                    format!("{}/plan", self.context),
                    StatusState::Failure,
                    &tellable(&error.to_string(), chosen.iter().copied()),
                );
                let others = self.others(cx, head, chosen).await?;
                self.tell_statuses(cx, head, &[status], &others).await?;
                return Err(error);
            }
        };
        let (mut own, mut refused) = (self.statuses(&reviewed, None), None);
        for status in &mut own {
            // Nobody can approve it in the queue.
            if status.state == StatusState::Pending {
                status.state = StatusState::Failure;
            }
            if status.state != StatusState::Success {
                refused.get_or_insert_with(|| status.description.clone());
            }
        }
        let others = self.others(cx, head, chosen).await?;
        let statuses = self.tell_statuses(cx, head, &own, &others).await?;
        Ok(ToldQueue { reviewed, refused, statuses })
    }
}
