//! The trait, on what is in memory.

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Time};
use smol_str::{SmolStr, ToSmolStr};

use super::hub::{Hub, Record};
use super::{MemoryForge, now};
use crate::capability::{Closing, Commits, Deployments, Issues, MergeQueue, Reactions, Teams};
use crate::fault::{invalid, not_found};
use crate::forge::{Forge, ForgeInfo};
use crate::value::{
    Branch, ChangeRequest, Comment, CommentQuery, CommentWrite, CommitId, CommitPerson, CommitStatus,
    Deployment, Issue, IssueWrite, Merge, Merged, NewRequest, Permission, QueuedCommit, Reaction,
    RequestCommit, RequestQuery, RequestState, Review, User,
};

/// What GitHub takes.
const LONGEST_COMMENT: usize = 65_536;

#[async_trait]
impl Forge for MemoryForge {
    fn info(&self) -> ForgeInfo {
        let info = ForgeInfo::new("memory", self.repository.clone());
        if self.tells_edits { info.telling_edits() } else { info }
    }

    async fn me(&self, cx: &Cx) -> Result<User> {
        self.check(cx)?;
        Ok(self.me.clone())
    }

    async fn change_request(&self, cx: &Cx, number: u64) -> Result<ChangeRequest> {
        self.check(cx)?;
        Ok(self.hub().request(number)?.request.clone())
    }

    async fn change_requests(&self, cx: &Cx, query: &RequestQuery) -> Result<Vec<ChangeRequest>> {
        self.check(cx)?;
        let is_asked = |request: &&ChangeRequest| match query {
            RequestQuery::Open => request.state == RequestState::Open,
            RequestQuery::Between { head, base } => is_between(request, head, base),
            RequestQuery::OfCommit(commit) => {
                request.head.commit == *commit || request.merge_commit.as_ref() == Some(commit)
            }
            RequestQuery::ChangedSince(since) => request.updated >= *since,
        };
        let hub = self.hub();
        Ok(hub.requests.values().map(|record| &record.request).filter(is_asked).cloned().collect())
    }

    async fn open(&self, cx: &Cx, new: &NewRequest) -> Result<ChangeRequest> {
        self.check(cx)?;
        self.hub().write(|hub| self.opened(cx, hub, new))
    }

    async fn merge(&self, cx: &Cx, number: u64, merge: &Merge) -> Result<Merged> {
        self.check(cx)?;
        self.hub().write(|hub| self.merged(cx, hub, number, merge))
    }

    async fn comments(&self, cx: &Cx, number: u64, query: &CommentQuery) -> Result<Vec<Comment>> {
        self.check(cx)?;
        let mut hub = self.hub();
        let comments = hub.request(number)?.comments.iter();
        let is_asked = |comment: &&Comment| query.since.is_none_or(|since| comment.updated >= since);
        Ok(comments.filter(is_asked).cloned().collect())
    }

    async fn write_comment(&self, cx: &Cx, number: u64, write: &CommentWrite) -> Result<Option<Comment>> {
        self.check(cx)?;
        self.hub().write(|hub| self.written(cx, hub, number, write))
    }

    async fn statuses(&self, cx: &Cx, commit: &CommitId) -> Result<Vec<CommitStatus>> {
        self.check(cx)?;
        let hub = self.hub();
        let statuses = hub.statuses.get(commit).ok_or_else(|| not_found("there is no such commit"))?;
        Ok(statuses.values().cloned().collect())
    }

    async fn set_status(&self, cx: &Cx, commit: &CommitId, status: &CommitStatus) -> Result<()> {
        self.check(cx)?;
        self.hub().write(|hub| {
            let statuses =
                hub.statuses.get_mut(commit).ok_or_else(|| not_found("there is no such commit"))?;
            statuses.insert(status.context.clone(), status.clone());
            Ok(())
        })
    }

    async fn reviews(&self, cx: &Cx, number: u64) -> Result<Vec<Review>> {
        self.check(cx)?;
        Ok(self.hub().request(number)?.reviews.clone())
    }

    async fn permission(&self, cx: &Cx, user: &User) -> Result<Permission> {
        self.check(cx)?;
        Ok(self.hub().users.get(&user.id).map_or(Permission::None, |(_, permission)| *permission))
    }

    fn teams(&self) -> Option<&dyn Teams> {
        Some(self)
    }

    fn reactions(&self) -> Option<&dyn Reactions> {
        Some(self)
    }

    fn deployments(&self) -> Option<&dyn Deployments> {
        Some(self)
    }

    fn issues(&self) -> Option<&dyn Issues> {
        Some(self)
    }

    fn closing(&self) -> Option<&dyn Closing> {
        Some(self)
    }

    fn commits(&self) -> Option<&dyn Commits> {
        Some(self)
    }

    fn merge_queue(&self) -> Option<&dyn MergeQueue> {
        Some(self)
    }
}

fn is_between(request: &ChangeRequest, head: &str, base: &str) -> bool {
    let is_open = request.state == RequestState::Open && !request.is_fork();
    is_open && request.head.name == head && request.base.name == base
}

impl MemoryForge {
    fn merged(&self, cx: &Cx, hub: &mut Hub, number: u64, merge: &Merge) -> Result<Merged> {
        let commit = hub.commit();
        let request = &mut hub.request(number)?.request;
        if request.state != RequestState::Open {
            return Err(Error::new(ErrorKind::Conflict, "the request is not open"));
        }
        if request.head.commit != merge.expected_head {
            return Err(Error::new(ErrorKind::Conflict, "the head is another one"));
        }
        request.state = RequestState::Merged;
        request.merge_commit = Some(commit.clone());
        request.merged_by = Some(self.me.clone());
        (request.updated, request.merged) = (now(cx), Some(now(cx)));
        let base = request.base.name.clone();
        hub.branches.insert(base, commit.clone());
        Ok(Merged::new(Some(commit)))
    }

    fn opened(&self, cx: &Cx, hub: &mut Hub, new: &NewRequest) -> Result<ChangeRequest> {
        let mut requests = hub.requests.values().map(|record| &record.request);
        if requests.any(|request| is_between(request, &new.head, &new.base)) {
            return Err(Error::new(ErrorKind::Conflict, "a request between these branches is open"));
        }
        let branch = |name: &String| {
            let commit = hub.branches.get(name).cloned();
            let commit = commit.ok_or_else(|| invalid("there is no such branch"))?;
            Ok::<_, Error>(Branch::new(name.clone(), commit, Some(self.repository.clone())))
        };
        let (head, base) = (branch(&new.head)?, branch(&new.base)?);
        Ok(hub.insert(now(cx), &self.me, &new.title, head, base))
    }

    fn written(&self, cx: &Cx, hub: &mut Hub, number: u64, write: &CommentWrite) -> Result<Option<Comment>> {
        let id = hub.next().to_smolstr();
        let Record { request, comments, .. } = hub.request(number)?;
        match write {
            CommentWrite::Create { body } => {
                check(body)?;
                request.updated = now(cx);
                comments.push(Comment::new(id, self.me.clone(), body.clone(), now(cx)));
                Ok(comments.last().cloned())
            }
            CommentWrite::Edit { id, body } => {
                check(body)?;
                let comment = comments.iter_mut().find(|comment| comment.id == *id);
                let comment = comment.ok_or_else(|| not_found("there is no such comment"))?;
                comment.body.clone_from(body);
                comment.updated = now(cx);
                Ok(Some(comment.clone()))
            }
            CommentWrite::Delete { id } => {
                comments.retain(|comment| comment.id != *id);
                Ok(None)
            }
        }
    }
}

fn check(body: &str) -> Result<()> {
    match body.chars().count() > LONGEST_COMMENT {
        true => Err(Error::new(ErrorKind::Limit, "Body is too long")),
        false => Ok(()),
    }
}

/// Whoever pushed a commit made it; what was not pushed by anybody is the author's.
#[async_trait]
impl Commits for MemoryForge {
    async fn of_request(&self, cx: &Cx, number: u64) -> Result<Vec<RequestCommit>> {
        self.check(cx)?;
        let mut hub = self.hub();
        let record = hub.request(number)?;
        let author = record.request.author.clone();
        let heads = record.heads.clone();
        let person = |commit: &CommitId| hub.pushed.get(commit).cloned().unwrap_or_else(|| author.clone());
        let commit = |commit: &CommitId| {
            let person = person(commit);
            let email = format!("{}@example.org", person.login);
            RequestCommit::new(commit.clone(), [CommitPerson::new(Some(person), email)])
        };
        let mut found: Vec<RequestCommit> = heads.iter().map(commit).collect();
        found.sort_by(|one, other| one.commit.cmp(&other.commit));
        Ok(found)
    }

    async fn of_commit(&self, cx: &Cx, commit: &CommitId) -> Result<RequestCommit> {
        self.check(cx)?;
        let hub = self.hub();
        let proposed = hub.requests.values().find(|record| record.heads.contains(commit));
        let proposed = || proposed.map(|record| record.request.author.clone());
        let person = hub.pushed.get(commit).cloned().or_else(proposed);
        let person = person.ok_or_else(|| not_found("nobody knows who made the commit"))?;
        let email = format!("{}@example.org", person.login);
        Ok(RequestCommit::new(commit.clone(), [CommitPerson::new(Some(person), email)]))
    }

    async fn own_address(&self, cx: &Cx) -> Result<Option<String>> {
        self.check(cx)?;
        Ok(Some(format!("{}@example.org", self.me.login)))
    }
}

#[async_trait]
impl Closing for MemoryForge {
    async fn close(&self, cx: &Cx, number: u64) -> Result<()> {
        self.check(cx)?;
        self.hub().write(|hub| {
            let request = &mut hub.request(number)?.request;
            if request.state == RequestState::Merged {
                return Err(invalid("the request is merged"));
            }
            (request.state, request.updated) = (RequestState::Closed, now(cx));
            Ok(())
        })
    }
}

#[async_trait]
impl Teams for MemoryForge {
    async fn members(&self, cx: &Cx, team: &str) -> Result<Vec<User>> {
        self.check(cx)?;
        let mut members =
            self.hub().teams.get(team).cloned().ok_or_else(|| not_found("there is no such team"))?;
        members.sort();
        Ok(members)
    }
}

#[async_trait]
impl Reactions for MemoryForge {
    async fn react(&self, cx: &Cx, number: u64, comment: &str, reaction: Reaction) -> Result<()> {
        self.check(cx)?;
        self.hub().write(|hub| {
            let is_there = hub.request(number)?.comments.iter().any(|found| found.id == comment);
            is_there.then_some(()).ok_or_else(|| not_found("there is no such comment"))?;
            let reactions = hub.reactions.entry(comment.into()).or_default();
            let ours = (self.me.login.clone(), reaction);
            if !reactions.contains(&ours) {
                reactions.push(ours);
                if reaction == Reaction::ThumbsUp {
                    hub.thumbs.entry(comment.into()).or_default().push((self.me.clone(), now(cx)));
                }
            }
            Ok(())
        })
    }

    async fn thumbs_up(&self, cx: &Cx, _: u64, comment: &str) -> Result<Vec<(User, Time)>> {
        self.check(cx)?;
        Ok(self.hub().thumbs.get(comment).cloned().unwrap_or_default())
    }
}

#[async_trait]
impl Deployments for MemoryForge {
    async fn latest(&self, cx: &Cx, environment: &str) -> Result<Option<(SmolStr, Deployment)>> {
        self.check(cx)?;
        let hub = self.hub();
        Ok(hub.deployments.iter().rfind(|(_, found)| found.environment == environment).cloned())
    }

    async fn create(&self, cx: &Cx, deployment: &Deployment) -> Result<SmolStr> {
        self.check(cx)?;
        self.hub().write(|hub| {
            let id = hub.next().to_smolstr();
            hub.deployments.push((id.clone(), deployment.clone()));
            Ok(id)
        })
    }

    async fn set_state(&self, cx: &Cx, id: &str, deployment: &Deployment) -> Result<()> {
        self.check(cx)?;
        self.hub().write(|hub| {
            let found = hub.deployments.iter_mut().find(|(found, _)| found == id);
            let (_, found) = found.ok_or_else(|| not_found("there is no such deployment"))?;
            *found = deployment.clone();
            Ok(())
        })
    }
}

#[async_trait]
impl Issues for MemoryForge {
    async fn own_open(&self, cx: &Cx) -> Result<Vec<Issue>> {
        self.check(cx)?;
        let hub = self.hub();
        let ours = hub.issues.values().filter(|(author, _)| author.is(&self.me));
        Ok(ours.map(|(_, issue)| issue.clone()).collect())
    }

    async fn write(&self, cx: &Cx, write: &IssueWrite) -> Result<Option<Issue>> {
        self.check(cx)?;
        self.hub().write(|hub| match write {
            IssueWrite::Create { title, body } => {
                let issue = Issue::new(hub.next(), title.clone(), body.clone());
                hub.issues.insert(issue.number, (self.me.clone(), issue.clone()));
                Ok(Some(issue))
            }
            IssueWrite::Edit { number, title, body } => {
                let issue = Issue::new(*number, title.clone(), body.clone());
                let (_, found) =
                    hub.issues.get_mut(number).ok_or_else(|| not_found("there is no such issue"))?;
                *found = issue.clone();
                Ok(Some(issue))
            }
            IssueWrite::Close { number } => {
                hub.issues.remove(number);
                Ok(None)
            }
        })
    }
}

#[async_trait]
impl MergeQueue for MemoryForge {
    async fn waiting(&self, cx: &Cx) -> Result<Vec<QueuedCommit>> {
        self.check(cx)?;
        Ok(self.hub().queued.clone())
    }
}
