//! What was said of the heads that a request left: what is pending there would be so for ever.

use gitops_app::forge::patiently;
use gitops_core::{Cx, Error, ErrorKind, Result};
use gitops_forge::{
    ChangeRequest, CommitId, CommitStatus, ForgeExt, RequestQuery, RequestState, StatusState,
};

use super::Shared;
use super::memory::Page;
use crate::event::ServerEvent;

/// What `gitops/policy` says of a request that is approved.
const APPROVED: &str = "approved";

impl Shared {
    /// Ends what is pending on the heads that a request left, and on its head if it is over. Gives whether that was done: what
    /// could not be is done by the next review.
    pub(super) async fn end_left(&self, cx: &Cx, request: &ChangeRequest) -> bool {
        let Err(error) = self.try_end_left(cx, request).await else { return true };
        if error.kind() != ErrorKind::Cancelled {
            let (repository, error) = (self.repository.clone(), error.to_string());
            self.tell(&ServerEvent::ReviewFailed { repository, request: request.number, error });
        }
        false
    }

    async fn try_end_left(&self, cx: &Cx, request: &ChangeRequest) -> Result<()> {
        let note = |page: &mut Page| {
            let is_over = request.state != RequestState::Open || page.away.is_some();
            if is_over && let Some(head) = page.head.take() {
                page.leave(head.commit);
                page.vouched = None;
            }
            (page.left.clone(), page.away.clone())
        };
        let (heads, away) = self.memory.change(cx, request.number, note).await?;
        for left in heads {
            self.end_on(cx, request, &left, away.as_deref()).await?;
            let forget = |page: &mut Page| page.left.retain(|head| *head != left);
            self.memory.change(cx, request.number, forget).await?;
        }
        Ok(())
    }

    /// Ends what is pending on one head, and what is approved there if the request is `away`: that is void. What is said of a commit that is the head of an open request is that one's.
    async fn end_on(&self, cx: &Cx, request: &ChangeRequest, head: &str, away: Option<&str>) -> Result<()> {
        let Ok(commit) = CommitId::parse(head) else { return Ok(()) };
        let found = match patiently(cx, || self.forge.statuses(cx, &commit)).await {
            Err(error) if is_gone(&error) => return Ok(()),
            found => found?,
        };
        let limit = self.forge.info().context_chars;
        let ours = ["plan", "policy"].map(|name| {
            let context = format!("{}/{name}", self.context);
            CommitStatus::new(context, StatusState::Pending, "").fitted(limit).context
        });
        let is_pending = |status: &CommitStatus| match status.state {
            StatusState::Pending => true,
            // Where it is one of several requests of its head, the branch is named before.
            StatusState::Success => away.is_some() && status.description.ends_with(APPROVED),
            _ => false,
        };
        let is_ours = |status: &CommitStatus| {
            let rest = ours.iter().find_map(|name| status.context.strip_prefix(name));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" into "))
        };
        let mut pending: Vec<CommitStatus> =
            found.into_iter().filter(|status| is_pending(status) && is_ours(status)).collect();
        if pending.is_empty() {
            return Ok(());
        }
        let mut others = self.open_heads(cx, &commit).await?;
        others.retain(|other| *other != request.number);
        if !others.is_empty() {
            // It may be pending there for this request alone.
            self.review_all(&others);
            return Ok(());
        }
        let text = match request.state {
            _ if request.head.commit != commit => format!("superseded by {}", short(&request.head.commit)),
            RequestState::Open if away.is_some() => away.unwrap_or_default().to_owned(),
            RequestState::Merged => "the request was merged".to_owned(),
            _ => "the request was closed".to_owned(),
        };
        for status in &mut pending {
            *status = CommitStatus::new(status.context.clone(), StatusState::Error, &text);
            match patiently(cx, || self.forge.ensure_status(cx, &commit, status)).await {
                Err(error) if is_gone(&error) => return Ok(()),
                written => written?,
            };
        }
        self.tell(&ServerEvent::Superseded {
            repository: self.repository.clone(),
            request: request.number,
            commit: head.to_owned(),
            statuses: pending.len(),
            description: text,
        });
        Ok(())
    }

    /// The open requests that have a commit as their head.
    async fn open_heads(&self, cx: &Cx, commit: &CommitId) -> Result<Vec<u64>> {
        let query = RequestQuery::OfCommit(commit.clone());
        let found = patiently(cx, || self.forge.change_requests(cx, &query)).await?;
        let is_head =
            |found: &ChangeRequest| found.state == RequestState::Open && found.head.commit == *commit;
        Ok(found.iter().filter(|found| is_head(found)).map(|found| found.number).collect())
    }
}

/// Whether the forge has the commit no longer: it went with its branch. GitHub says so by another word.
pub(super) fn is_gone(error: &Error) -> bool {
    error.is_not_found() || error.kind() == ErrorKind::Invalid
}

fn short(commit: &CommitId) -> &str {
    commit.as_str().get(..7).unwrap_or(commit.as_str())
}
