//! A commit into the mirror.

use std::sync::Arc;

use gitops_core::{Cx, Error, ErrorKind, Result};
use gix::ObjectId;

use super::Inner;
use crate::fault::{invalid, not_found};
use crate::git::{Output, classify, is_refused_want, succeeded};
use crate::history::Reach;
use crate::mirror::{FETCHED, Lock, forget_unused, holds, keep, note_use, tidy_packs};
use crate::objects::Objects;

/// Everything that a server shows, for a server that does not give a commit by its id.
const EVERYTHING: [&str; 2] = ["+refs/heads/*:refs/all/heads/*", "+refs/tags/*:refs/all/tags/*"];

impl Inner {
    /// The mirror's objects with a commit and all that it needs among them; fetches it if it is not there.
    pub async fn ensure(self: &Arc<Self>, cx: &Cx, commit: ObjectId) -> Result<Arc<Objects>> {
        if let Some(objects) = self.held(cx, commit).await? {
            return Ok(objects);
        }
        let cx = &cx.within(self.limits.time);
        let lock = self.mirror.lock(cx).await?;
        let (inner, own) = (Arc::clone(self), lock.clone());
        super::blocking(cx, move || inner.mirror.prepare(&own)).await?;
        // Whoever had the lock before may have fetched it.
        match self.held(cx, commit).await? {
            Some(objects) => Ok(objects),
            None => self.fetch_or_start_over(cx, &lock, commit).await,
        }
    }

    /// The mirror's objects, if the commit is among them.
    async fn held(self: &Arc<Self>, cx: &Cx, commit: ObjectId) -> Result<Option<Arc<Objects>>> {
        let (inner, now, reach) = (Arc::clone(self), cx.now(), self.reach(cx));
        super::blocking(cx, move || {
            let Some(objects) = inner.mirror.objects() else { return Ok(None) };
            match objects.with(|repository| holds(&reach.look(repository), commit)) {
                Ok(held) => {
                    objects.with(|repository| note_use(repository, commit, now));
                    Ok(held.then_some(objects))
                }
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    objects.mark_damaged();
                    Ok(None)
                }
                // Another application of the mirror follows what is too far from here to tell.
                Err(error) if error.kind() == ErrorKind::Limit => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// A mirror that is damaged beyond what can be seen from outside makes a fetch fail; an empty one does not.
    async fn fetch_or_start_over(
        self: &Arc<Self>,
        cx: &Cx,
        lock: &Lock,
        commit: ObjectId,
    ) -> Result<Arc<Objects>> {
        match self.fetch_commit(cx, lock, commit).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                let (inner, own) = (Arc::clone(self), lock.clone());
                super::blocking(cx, move || inner.mirror.start_over(&own)).await?;
                self.fetch_commit(cx, lock, commit).await
            }
            result => result,
        }
    }

    async fn fetch_commit(self: &Arc<Self>, cx: &Cx, lock: &Lock, commit: ObjectId) -> Result<Arc<Objects>> {
        let output = match self.receive(cx, lock, commit).await? {
            Some(output) => output,
            None => self.git_fetch(cx, lock, &[&format!("+{commit}:{FETCHED}{commit}")]).await?,
        };
        if is_refused_want(&output) {
            let output = self.git_fetch(cx, lock, &EVERYTHING).await?;
            self.check(&output)?;
        } else {
            self.check(&output)?;
        }
        let inner = Arc::clone(self);
        let reach = self.reach(cx);
        let (objects, forgotten) = super::blocking(cx, move || inner.settle(&reach, commit)).await?;
        match tidy_packs(cx, self.git(cx).await?, self.mirror.folder(), lock, forgotten).await {
            true => self.mirror.reopen(),
            false => Ok(objects),
        }
    }

    async fn git_fetch(&self, cx: &Cx, lock: &Lock, refspecs: &[&str]) -> Result<Output> {
        const OPTIONS: [&str; 8] = [
            "fetch",
            "--atomic",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-progress",
            "--prune",
            "--",
        ];
        let call = self.git(cx).await?.call().with_server(&self.url, &self.credentials, &self.trust());
        let tolerated = self.tolerated.iter().map(|kind| format!("fetch.fsck.{kind}=ignore"));
        let call = tolerated.fold(call, |call, setting| call.args(["-c", &setting]));
        let call = call
            .in_repository(self.mirror.folder())
            .holding(lock.copy()?)
            .files_up_to(self.limits.pack_bytes)
            .memory_up_to(self.limits.memory);
        let call = call.args(OPTIONS).args([self.url.address()]).args(refspecs);
        call.run(cx).await.map_err(|error| self.ended(error, "fetching"))
    }

    fn check(&self, output: &Output) -> Result<()> {
        match succeeded(output) {
            true => Ok(()),
            false => Err(self.credentials.explain(classify("fetching", &self.url, output))),
        }
    }

    /// Opens the mirror as it is now, and keeps the commit; says whether others were forgotten for it.
    fn settle(&self, reach: &Reach, commit: ObjectId) -> Result<(Arc<Objects>, bool)> {
        let (objects, most) = (self.mirror.reopen()?, self.limits.kept_revisions);
        let forgotten = objects.with(|repository| match repository.has_object(commit) {
            false => Err(not_found(format!("the repository has no commit {commit}"))
                .with("url", &self.url)
                .help("look for the newest revision again: the branch may have been force-pushed")),
            true if repository.find_commit(commit).is_err() => {
                Err(invalid(format!("{commit} is not a commit"))
                    .help("name a commit: `git rev-parse NAME^{commit}` prints its id"))
            }
            true => {
                keep(&reach.look(repository), commit)?;
                forget_unused(repository, commit, most)
            }
        })?;
        Ok((objects, forgotten))
    }

    /// Says which call it was that did not come to its end.
    pub(super) fn ended(&self, error: Error, doing: &'static str) -> Error {
        match error.kind() {
            ErrorKind::Timeout => Error::new(ErrorKind::Timeout, "the server took too long")
                .with("doing", doing)
                .with("url", &self.url)
                .with("limit", format!("time = {:?}", self.limits.time))
                .help(
                    "try again, or raise `limits: { time: … }` of the source, or the caller's own deadline",
                ),
            _ => error.with("doing", doing).with("url", &self.url),
        }
    }
}
