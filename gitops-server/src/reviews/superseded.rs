//! What was said of the heads that a request left: what is pending there would be so for ever.

use gitops_app::forge::patiently;
use gitops_core::{Cx, Error, ErrorKind, Result};
use gitops_forge::{
    ChangeRequest, CommitId, CommitStatus, ForgeExt, RequestQuery, RequestState, StatusState,
};

use super::Shared;
use super::memory::Page;
use super::names::first_upper;
use crate::event::ServerEvent;

/// What `gitops/policy` says of a request that is approved.
const APPROVED: &str = "approved";

/// What is said of a head that was merged before it was approved, as long as something of it waits.
const MERGED: &str = "the request was merged";

/// And once all of it is live.
const LIVE: &str = "the request was merged, and nothing of it waits any more";

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
        let is_pending = |status: &CommitStatus| match status.state {
            StatusState::Pending => true,
            // Where it is one of several requests of its head, the branch is named before.
            StatusState::Success => away.is_some() && status.description.ends_with(APPROVED),
            _ => false,
        };
        let is_ours =
            |status: &CommitStatus| ["plan", "policy"].iter().any(|name| self.is_status(status, name));
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
            RequestState::Merged => MERGED.to_owned(),
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

    /// Whether a status is ours on a head, of this name; where several requests have the head, the branch follows.
    fn is_status(&self, status: &CommitStatus, name: &str) -> bool {
        let context = format!("{}/{name}", self.context);
        let limit = self.forge.info().context_chars;
        let name = CommitStatus::new(context, StatusState::Pending, "").fitted(limit).context;
        let rest = status.context.strip_prefix(&name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" into "))
    }

    /// The last word of a merged request, once all of it is live. What waited for an approval when it was merged must not stay red for
    /// good, nor the comment say that it waits.
    pub(super) async fn say_last(&self, cx: &Cx, request: &ChangeRequest) -> Result<()> {
        let (number, head) = (request.number, &request.head.commit);
        if request.state != RequestState::Merged || !self.memory.page(cx, number).await?.is_live {
            return Ok(());
        }
        let found = match patiently(cx, || self.forge.statuses(cx, head)).await {
            Err(error) if is_gone(&error) => return Ok(()),
            found => found?,
        };
        let is_due = |status: &&CommitStatus| {
            let is_ended = status.state == StatusState::Error && status.description == MERGED;
            is_ended && self.is_status(status, "policy")
        };
        let due: Vec<&CommitStatus> = found.iter().filter(is_due).collect();
        if due.is_empty() {
            return Ok(());
        }
        let marker = self.review_marker()?;
        if let Some(ours) = patiently(cx, || self.forge.find_comment(cx, number, &marker)).await?
            && let Some(text) = with_last_word(&ours.body)
        {
            patiently(cx, || self.forge.upsert_comment(cx, number, &marker, &text)).await?;
        }
        for status in due {
            let status = CommitStatus::new(status.context.clone(), StatusState::Success, LIVE);
            patiently(cx, || self.forge.ensure_status(cx, head, &status)).await?;
        }
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

/// A comment of ours without its marker, with the last word before what it said; nothing if that is there.
fn with_last_word(body: &str) -> Option<String> {
    let (_, text) = body.split_once('\n')?;
    let hidden: usize =
        text.split_inclusive('\n').take_while(|line| line.starts_with("<!--")).map(str::len).sum();
    let (hidden, rest) = text.split_at(hidden);
    let word = format!("**{}.** What follows was said before the merge.", first_upper(LIVE));
    (!rest.starts_with(&word)).then(|| format!("{hidden}{word}\n\n{rest}"))
}

/// Whether the forge has the commit no longer: it went with its branch. GitHub says so by another word.
pub(super) fn is_gone(error: &Error) -> bool {
    error.is_not_found() || error.kind() == ErrorKind::Invalid
}

fn short(commit: &CommitId) -> &str {
    commit.as_str().get(..7).unwrap_or(commit.as_str())
}
