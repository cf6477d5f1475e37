use std::sync::Arc;

use gitops_core::{Cx, Error, ErrorKind, Result, Revision, Source};
use gix::ObjectId;

use super::{GitSource, Inner, blocking};
use crate::fault::{invalid, shown};
use crate::git::{Output, classify};
use crate::history::is_ancestor;
use crate::mirror::keep;
use crate::reference::{CommitId, GitRef, RefName};
use crate::revert::{Undo, undo};

impl GitSource {
    /// Undoes a commit by a new commit on top of the followed branch, pushes it and gives it back.
    ///
    /// The branch is moved only if it is still where it was when the commit was made.
    ///
    /// # Errors
    /// - `Conflict` if somebody pushed meanwhile, or if later commits changed the same files: their paths are in the
    ///   error's message. Nothing was changed then.
    /// - `Invalid` for a merge, for a commit that changed nothing and for one that is not part of the branch.
    /// - `Unsupported` if it is not a branch that is followed.
    /// - `Forbidden` if the server refuses the push.
    /// - An error whose outcome is unknown if the connection broke during the push: resolve again to know.
    ///
    /// # Cancel safety
    /// If the future is dropped, the commit was pushed or not; resolve to know.
    pub async fn revert(&self, cx: &Cx, revision: &Revision) -> Result<Revision> {
        let GitRef::Branch(branch) = &self.0.follows else {
            return Err(Error::new(ErrorKind::Unsupported, "only a branch can take a new commit")
                .with("follows", &self.0.follows)
                .help("follow the branch"));
        };
        let undone = CommitId::parse(revision.id())?.object();
        let head = CommitId::parse(self.resolve(cx).await?.id())?.object();
        let new = self.0.write_undo(cx, head, undone).await?;
        self.0.push(cx, branch, Some(head), new).await?;
        Ok(Revision::new(new.to_string(), branch.as_str()))
    }
}

impl Inner {
    async fn write_undo(self: &Arc<Self>, cx: &Cx, head: ObjectId, undone: ObjectId) -> Result<ObjectId> {
        self.ensure(cx, undone).await?;
        let objects = self.ensure(cx, head).await?;
        let (author, time, reach) = (self.author.clone(), cx.now(), self.reach(cx));
        blocking(cx, move || {
            objects.with(|repository| match is_ancestor(&reach.look(repository), undone, head)? {
                true => undo(repository, &Undo { head, undone, author, time }),
                false => Err(invalid(format!("commit {undone} is not part of the branch"))
                    .help("name a commit that `git log` of the branch shows")),
            })
        })
        .await
    }

    /// Pushes a commit to a branch that is where it was, or is not there yet.
    pub(super) async fn push(
        self: &Arc<Self>,
        cx: &Cx,
        branch: &RefName,
        old: Option<ObjectId>,
        new: ObjectId,
    ) -> Result<()> {
        let cx = &cx.within(self.limits.time);
        let lock = self.mirror.lock(cx).await?;
        let old = old.map(|id| id.to_string()).unwrap_or_default();
        let lease = format!("--force-with-lease=refs/heads/{branch}:{old}");
        let call = self.git(cx).await?.call().with_server(&self.url, &self.credentials, &self.trust());
        let call = call.in_repository(self.mirror.folder()).holding(lock.copy()?);
        let call = call.args(["push", "--porcelain", "--no-verify", &lease, "--", self.url.address()]);
        let output = call.args([format!("{new}:refs/heads/{branch}")]).run(cx).await;
        let output = output.map_err(|error| self.ended(error, "pushing"))?;
        if !output.status.success() {
            return Err(self.refused(&output));
        }
        self.keep(cx, new).await
    }

    /// Has a commit of the mirror stay there with all that it needs.
    pub(super) async fn keep(self: &Arc<Self>, cx: &Cx, commit: ObjectId) -> Result<()> {
        let (inner, reach) = (Arc::clone(self), self.reach(cx));
        let kept = move || inner.mirror.reopen()?.with(|repository| keep(&reach.look(repository), commit));
        blocking(cx, kept).await
    }

    fn refused(&self, output: &Output) -> Error {
        let told = String::from_utf8_lossy(&output.stdout);
        let reason = told.lines().find(|line| line.starts_with('!')).map(|line| shown(line, 300));
        match reason {
            Some(reason) if reason.contains("[remote rejected]") => {
                Error::new(ErrorKind::Forbidden, "the server refuses the push")
                    .with("reason", reason)
                    .with("server said", shown(output.stderr.trim(), 800))
                    .help("check that the user may push to this branch and that it is not checked out there")
            }
            Some(reason) => {
                Error::new(ErrorKind::Conflict, "the branch was moved meanwhile; nothing was pushed")
                    .with("reason", reason)
                    .help("look at the new commits, then revert again")
            }
            None => match classify("pushing", &self.url, output) {
                error if error.kind() == ErrorKind::Unavailable => error.outcome_unknown(),
                error => self.credentials.explain(error),
            },
        }
    }
}
