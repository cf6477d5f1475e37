//! The kit sees it when a forge breaks what a check asks: a forge that is broken in just that fails the check.

use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Retry};
use gitops_forge::conformance::{self, ForgeSubject, MemoryOthers};
use gitops_forge::{
    ChangeRequest, Closing, Comment, CommentQuery, CommentWrite, CommitId, CommitStatus, Commits, Deployment,
    Deployments, Forge, ForgeInfo, Issue, IssueWrite, Issues, MemoryForge, Merge, Merged, NewRequest,
    Permission, Reaction, Reactions, RequestCommit, RequestQuery, RequestState, Review, StatusState, Teams,
    User,
};
use smol_str::SmolStr;

/// What needs a server to break (its tests are those of the client), and what `ForgeExt` keeps for every forge (F16).
const NOT_HERE: [&str; 4] = ["F16", "F55", "F56", "F59"];

/// A forge in memory that breaks what one check asks.
struct Broken {
    inner: MemoryForge,
    check: &'static str,
}

impl Broken {
    fn is(&self, check: &str) -> bool {
        self.check == check
    }

    fn seen(&self, mut request: ChangeRequest) -> ChangeRequest {
        match self.check {
            "F01" => request.author = self.inner.account().clone(),
            "F02" => request.head.repository = request.base.repository.clone(),
            "F03" => request.head.commit = self.inner.heads_of(request.number).unwrap()[0].clone(),
            "F09" => request.merge_commit = None,
            _ => {}
        }
        request
    }

    fn failed(&self, error: Error) -> Error {
        let is_lost = error.is_unknown();
        match self.check {
            "F51" | "F52" | "F53" | "F57" | "F58" if is_lost => error.outcome_known(),
            "F54" => error.retry_when(Retry::Now),
            "F04" => Error::new(ErrorKind::Unavailable, error.message()),
            _ => error,
        }
    }
}

fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

#[async_trait]
impl Forge for Broken {
    fn info(&self) -> ForgeInfo {
        let mut info = self.inner.info();
        if self.is("F24") {
            info.context_chars = 1000;
        }
        info
    }

    async fn me(&self, cx: &Cx) -> Result<User> {
        self.inner.me(cx).await
    }

    async fn change_request(&self, cx: &Cx, number: u64) -> Result<ChangeRequest> {
        let found = self.inner.change_request(cx, number).await;
        found.map(|request| self.seen(request)).map_err(|error| self.failed(error))
    }

    async fn change_requests(&self, cx: &Cx, query: &RequestQuery) -> Result<Vec<ChangeRequest>> {
        let query = match query {
            RequestQuery::OfCommit(_) | RequestQuery::ChangedSince(_) if self.is("F06") || self.is("F61") => {
                &RequestQuery::Open
            }
            query => query,
        };
        let mut found = self.inner.change_requests(cx, query).await?;
        match (self.check, query) {
            ("F05", RequestQuery::Open) => found.extend(found.clone()),
            ("F07", RequestQuery::Between { .. }) => found.clear(),
            _ => {}
        }
        Ok(found.into_iter().map(|request| self.seen(request)).collect())
    }

    async fn open(&self, cx: &Cx, new: &NewRequest) -> Result<ChangeRequest> {
        self.inner.open(cx, new).await
    }

    async fn merge(&self, cx: &Cx, number: u64, merge: &Merge) -> Result<Merged> {
        let now = self.inner.change_request(cx, number).await?;
        match self.check {
            "F08" => self.inner.merge(cx, number, &Merge::of(now.head.commit)).await,
            "F10" if now.state == RequestState::Closed => Ok(Merged::new(None)),
            _ => self.inner.merge(cx, number, merge).await.map_err(|error| self.failed(error)),
        }
    }

    async fn comments(&self, cx: &Cx, number: u64, query: &CommentQuery) -> Result<Vec<Comment>> {
        let query = if self.is("F18") { &CommentQuery::default() } else { query };
        let mut found = self.inner.comments(cx, number, query).await?;
        match self.check {
            "F12" => found.iter_mut().for_each(|comment| comment.author = self.inner.account().clone()),
            "F14" => found.truncate(1),
            "F17" => found.truncate(100),
            _ => {}
        }
        Ok(found)
    }

    async fn write_comment(&self, cx: &Cx, number: u64, write: &CommentWrite) -> Result<Option<Comment>> {
        let unbound = Cx::system();
        let cx = if self.is("F60") { &unbound } else { cx };
        let changed = match (self.check, write.clone()) {
            ("F11", CommentWrite::Edit { body, .. }) => CommentWrite::Create { body },
            ("F13", CommentWrite::Delete { .. }) => return Ok(None),
            ("F15", CommentWrite::Create { body }) => {
                CommentWrite::Create { body: body.replace("\n\n", "\n") }
            }
            ("F15", CommentWrite::Edit { id, body }) => {
                CommentWrite::Edit { id, body: body.replace("\n\n", "\n") }
            }
            ("F20", CommentWrite::Create { body }) => CommentWrite::Create { body: cut(&body, 50_000) },
            ("F19", CommentWrite::Edit { id, body }) => {
                let edit = CommentWrite::Edit { id, body: body.clone() };
                match self.inner.write_comment(cx, number, &edit).await {
                    Err(error) if error.is_not_found() => CommentWrite::Create { body },
                    edited => return edited,
                }
            }
            (_, write) => write,
        };
        self.inner.write_comment(cx, number, &changed).await.map_err(|error| self.failed(error))
    }

    async fn statuses(&self, cx: &Cx, commit: &CommitId) -> Result<Vec<CommitStatus>> {
        let mut found = self.inner.statuses(cx, commit).await?;
        match self.check {
            "F21" => found.iter_mut().for_each(|status| status.description.clear()),
            "F22" => found.extend(found.clone()),
            _ => {}
        }
        Ok(found)
    }

    async fn set_status(&self, cx: &Cx, commit: &CommitId, status: &CommitStatus) -> Result<()> {
        let mut status = status.clone();
        match self.check {
            "F23" if status.state == StatusState::Error => status.state = StatusState::Failure,
            "F24" => status.context = cut(&status.context, 255),
            _ => {}
        }
        match self.inner.set_status(cx, commit, &status).await {
            Err(error) if self.is("F25") && error.is_not_found() => Ok(()),
            done => done.map_err(|error| self.failed(error)),
        }
    }

    async fn reviews(&self, cx: &Cx, number: u64) -> Result<Vec<Review>> {
        let mut found = self.inner.reviews(cx, number).await?;
        let head = self.inner.change_request(cx, number).await?.head.commit;
        match self.check {
            "F31" => found.iter_mut().for_each(|review| review.commit = None),
            "F32" => found.iter_mut().for_each(|review| review.commit = Some(head.clone())),
            "F33" | "F35" => found.reverse(),
            "F34" => found.iter_mut().for_each(|review| review.is_dismissed = false),
            _ => {}
        }
        Ok(found)
    }

    async fn permission(&self, cx: &Cx, user: &User) -> Result<Permission> {
        match self.check {
            "F36" => Ok(Permission::Admin),
            "F37" => {
                Ok(self.inner.account_of(&user.login).map(|(_, permission)| permission).unwrap_or_default())
            }
            _ => self.inner.permission(cx, user).await,
        }
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
}

#[async_trait]
impl Closing for Broken {
    async fn close(&self, cx: &Cx, number: u64) -> Result<()> {
        match self.is("F46") {
            true => Ok(()),
            false => self.inner.closing().unwrap().close(cx, number).await,
        }
    }
}

#[async_trait]
impl Commits for Broken {
    async fn of_request(&self, cx: &Cx, number: u64) -> Result<Vec<RequestCommit>> {
        let mut found = self.inner.commits().unwrap().of_request(cx, number).await?;
        found.drain(..usize::from(self.is("F45")));
        Ok(found)
    }

    async fn own_address(&self, cx: &Cx) -> Result<Option<String>> {
        self.inner.commits().unwrap().own_address(cx).await
    }
}

#[async_trait]
impl Teams for Broken {
    async fn members(&self, cx: &Cx, team: &str) -> Result<Vec<User>> {
        match self.inner.teams().unwrap().members(cx, team).await {
            Err(_) if self.is("F41") => Ok(Vec::new()),
            found => found,
        }
    }
}

#[async_trait]
impl Reactions for Broken {
    async fn react(&self, cx: &Cx, number: u64, comment: &str, reaction: Reaction) -> Result<()> {
        if self.is("F42") && !self.inner.reactions_of(comment).is_empty() {
            return Err(Error::new(ErrorKind::Conflict, "there is one"));
        }
        self.inner.reactions().unwrap().react(cx, number, comment, reaction).await
    }
}

#[async_trait]
impl Deployments for Broken {
    async fn latest(&self, cx: &Cx, environment: &str) -> Result<Option<(SmolStr, Deployment)>> {
        let latest = self.inner.deployments().unwrap().latest(cx, environment).await?;
        Ok(latest.filter(|_| !self.is("F43")))
    }

    async fn create(&self, cx: &Cx, deployment: &Deployment) -> Result<SmolStr> {
        self.inner.deployments().unwrap().create(cx, deployment).await
    }

    async fn set_state(&self, cx: &Cx, id: &str, deployment: &Deployment) -> Result<()> {
        self.inner.deployments().unwrap().set_state(cx, id, deployment).await
    }
}

#[async_trait]
impl Issues for Broken {
    async fn own_open(&self, cx: &Cx) -> Result<Vec<Issue>> {
        let mut found = self.inner.issues().unwrap().own_open(cx).await?;
        found.retain(|_| !self.is("F44"));
        Ok(found)
    }

    async fn write(&self, cx: &Cx, write: &IssueWrite) -> Result<Option<Issue>> {
        self.inner.issues().unwrap().write(cx, write).await
    }
}

#[tokio::test]
async fn each_check_fails_on_a_forge_that_is_broken_in_just_that() {
    for (check, sentence) in
        conformance::all_checks().into_iter().filter(|(check, _)| !NOT_HERE.contains(check))
    {
        let only: &'static [&'static str] = Vec::leak(vec![check]);
        let kit = conformance::forge(move || async move {
            let others = MemoryOthers::new();
            let forge = Broken { inner: others.forge().clone(), check };
            Ok(ForgeSubject::new(Arc::new(forge), Arc::new(others)))
        });
        let report = kit.only(only).run().await;
        assert_eq!(report.failed(), [check], "nothing keeps it, and it passes: {sentence}");
    }
}
