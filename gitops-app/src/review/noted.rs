//! What a forge says of a merged request, for the audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitops_core::review::Command;
use gitops_core::{
    AuditEvent, AuditRecord, Cx, ErrorKind, EventSink, History, MergedRequest, Request as Order,
    RequestReview, Result, Revision, Time,
};
use gitops_forge::{
    CommentQuery, CommitId, Forge, Permission, RequestQuery, RequestState, ReviewState, User,
};

use super::Asked;
use crate::config::{Config, ForgeKind, GitRef};
use crate::forge::patiently;
use crate::order;
use crate::session::{Access, Session};

/// How many commits the forge is asked about at most.
const COMMITS: usize = 100;

/// The requests that were noted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Noted {
    /// Each as approvals name it, `gitea platform/site#7`, in the order in which they were merged.
    pub requests: Vec<String>,
    /// Whether there are older commits than those that the forge was asked about.
    pub is_cut_short: bool,
}

/// Has the audit log of an application say who opened, reviewed and merged the requests that it was brought since one was noted last:
/// of each commit the forge is asked whether a request was merged as that, at most of the newest 100. It makes no difference
/// who applied them, or whether a call before this one was cut short.
///
/// # Errors
/// Those of the forge, and whatever keeps the state from being read or written. What was noted before stays noted.
///
/// # Cancel safety
/// Dropping the future may leave some requests noted; make the call again.
pub async fn note_requests(
    cx: &Cx,
    forge: &Arc<dyn Forge>,
    kind: ForgeKind,
    config: &Config,
    events: &Arc<dyn EventSink>,
) -> Result<Noted> {
    let session = Session::builder(config).access(Access::Look).events(Arc::clone(events)).open(cx).await?;
    let (commits, is_cut_short) = unnoted(cx, &session).await?;
    drop(session);
    let mut noted = Noted { requests: Vec::new(), is_cut_short };
    for commit in commits {
        let query = RequestQuery::OfCommit(CommitId::parse(&commit)?);
        for request in patiently(cx, || forge.change_requests(cx, &query)).await? {
            let is_of_branch = match &config.source.reference {
                GitRef::Branch(branch) => *branch == request.base.name,
                _ => true,
            };
            // Its head is also a commit of the branch; it came in with its merge.
            let is_merged_as = request.merge_commit.as_ref().is_some_and(|merged| merged.as_str() == commit);
            if !is_of_branch || !is_merged_as {
                continue;
            }
            let asked = Asked::new(Arc::clone(forge), kind, request.number, "");
            if asked.note_merged(cx, config, events).await? {
                noted.requests.push(asked.name());
            }
        }
    }
    Ok(noted)
}

/// The commits that the application was brought since a request was noted last, the oldest first; or since its first apply.
async fn unnoted(cx: &Cx, session: &Session) -> Result<(Vec<String>, bool)> {
    let Some(now) = session.engine.inventory().accepted().cloned() else { return Ok((Vec::new(), false)) };
    let (mut first, mut noted) = (None, None);
    let mut known = BTreeSet::new();
    let mut take = |record: AuditRecord| {
        match record.entry.what {
            AuditEvent::SyncStarted { revision, .. } => drop(first.get_or_insert(revision)),
            AuditEvent::Merged(merged) => {
                known.insert(merged.commit.clone());
                noted = Some(Revision::new(&*merged.commit, &*merged.commit));
            }
            _ => {}
        }
        Ok(())
    };
    session.audit().each(cx, &mut take).await?;
    let Some(from) = noted.or(first) else { return Ok((Vec::new(), false)) };
    let found = match session.git.between(cx, &from, &now, COMMITS).await {
        Ok(found) => found.into_iter().map(|commit| commit.id.to_string()).collect(),
        // The branch was rewritten since.
        Err(error) if error.kind() == ErrorKind::NotFound => vec![now.id().to_owned()],
        Err(error) => return Err(error),
    };
    let is_cut_short = found.len() >= COMMITS;
    Ok((found.into_iter().rev().filter(|commit| !known.contains(commit)).collect(), is_cut_short))
}

impl Asked {
    /// What the forge says of the request: who opened it, who reviewed it, and who merged it. Nothing if it is not merged.
    ///
    /// Only what was said by those who may write to the repository is in it; it is what they said, and not whether it counted.
    ///
    /// # Errors
    /// Those of the forge.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn merged(&self, cx: &Cx) -> Result<Option<MergedRequest>> {
        let request = self.request(cx).await?;
        let Some(commit) = request.merge_commit.filter(|_| request.state == RequestState::Merged) else {
            return Ok(None);
        };
        let head = request.head.commit.to_string();
        let merged = MergedRequest::new(self.name(), &*request.author.login, head, commit.to_string());
        let merged_by = request.merged_by.map(|by| by.login.to_string());
        Ok(Some(merged.merged_by(merged_by).reviews(self.said_by_writers(cx).await?)))
    }

    /// Has the audit log of an application say who opened, reviewed and merged the request; gives whether it is merged.
    ///
    /// # Errors
    /// Those of the forge, and whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// Dropping the future may leave it noted; one that is noted twice counts once.
    pub async fn note_merged(&self, cx: &Cx, config: &Config, events: &Arc<dyn EventSink>) -> Result<bool> {
        let Some(merged) = self.merged(cx).await? else { return Ok(false) };
        let by = merged.merged_by.clone().unwrap_or_else(|| merged.request.clone());
        let note = Order::NoteMerged { merged: Box::new(merged) };
        Box::pin(order::order(cx, config, events, &by, &note)).await?;
        Ok(true)
    }

    async fn said_by_writers(&self, cx: &Cx) -> Result<Vec<RequestReview>> {
        let mut found: Vec<(Time, User, RequestReview)> = Vec::new();
        for review in patiently(cx, || self.forge.reviews(cx, self.number)).await? {
            let said = match review.state {
                _ if review.is_dismissed => "withdrawn",
                ReviewState::Approved => "approved",
                ReviewState::ChangesRequested => "changes requested",
                _ => continue,
            };
            let told = RequestReview::new(&*review.author.login, format!("review {}", review.id), said);
            let told = told.of_commit(review.commit.map(|commit| commit.to_string()));
            found.push((review.submitted.unwrap_or_default(), review.author, told));
        }
        let query = CommentQuery::default();
        for comment in patiently(cx, || self.forge.comments(cx, self.number, &query)).await? {
            // Others may edit what somebody wrote.
            if comment.created != comment.updated {
                continue;
            }
            for command in Command::read(&comment.body).into_iter().flatten() {
                let Command::Approve { effect } = command else { continue };
                let place = format!("comment {}", comment.id);
                let told = RequestReview::new(&*comment.author.login, place, "approved").naming(effect);
                found.push((comment.created, comment.author.clone(), told));
            }
        }
        found.sort_by(|(at, _, a), (other, _, b)| (at, &a.place).cmp(&(other, &b.place)));
        let mut writers: BTreeMap<User, bool> = BTreeMap::new();
        let mut said = Vec::new();
        for (_, who, told) in found {
            if !writers.contains_key(&who) {
                let permission = patiently(cx, || self.forge.permission(cx, &who)).await?;
                writers.insert(who.clone(), permission >= Permission::Write);
            }
            if writers.get(&who) == Some(&true) {
                said.push(told);
            }
        }
        Ok(said)
    }
}
