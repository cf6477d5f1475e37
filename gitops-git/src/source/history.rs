use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::{Commit, Cx, History, Relation, Result, Revision};
use gix::ObjectId;

use super::{GitSource, Inner, blocking};
use crate::fault::{invalid, not_found, shown};
use crate::history::{self, Reach};
use crate::mirror;
use crate::nearest::nearest;
use crate::objects::Objects;
use crate::reference::CommitId;
use crate::remote;

/// History is read from the mirror; a commit that is not there is fetched first.
#[async_trait]
impl History for GitSource {
    /// How `to` lies to `from`. If the repository no longer has `from`, they are `Diverged`: it is not an ancestor
    /// of anything that is there, and whoever asks should treat it as a force-push.
    async fn relation(&self, cx: &Cx, from: &Revision, to: &Revision) -> Result<Relation> {
        let [from, to] = [commit_of(from)?, commit_of(to)?];
        self.0.ensure(cx, to).await?;
        match self.0.ensure(cx, from).await {
            Err(error) if error.is_not_found() => Ok(Relation::Diverged),
            Err(error) => Err(error),
            Ok(objects) => {
                let reach = self.0.reach(cx);
                let read =
                    move |repository: &gix::Repository| history::relation(&reach.look(repository), from, to);
                blocking(cx, move || objects.with(read)).await
            }
        }
    }

    /// A branch or tag by its short or full name, or a commit by its id or the beginning of it, at least 4 digits, if
    /// it was fetched. A name goes before a beginning of an id; if the server can't be asked for its names, the
    /// beginning of an id is still understood. `HEAD` is what is followed now. `~N` and `^` go back by first parents.
    async fn find(&self, cx: &Cx, name: &str) -> Result<Revision> {
        let (base, generations) = history::split(name);
        let found = self.find_base(cx, base).await?;
        if generations == 0 {
            return Ok(found);
        }
        let commit = commit_of(&found)?;
        let reach = self.0.reach(cx);
        let back = move |repository: &gix::Repository| {
            history::ancestor(&reach.look(repository), commit, generations)
        };
        let id = self.0.read(cx, commit, back).await?.to_string();
        Ok(Revision::new(id, name))
    }

    async fn describe(&self, cx: &Cx, revision: &Revision) -> Result<Commit> {
        let commit = commit_of(revision)?;
        let signers = self.0.signers.clone();
        let read =
            move |repository: &gix::Repository| history::describe(repository, commit, signers.as_ref());
        self.0.read(cx, commit, read).await
    }

    /// `path` starts at the followed folder.
    async fn log(&self, cx: &Cx, revision: &Revision, path: &str, limit: usize) -> Result<Vec<Commit>> {
        let commit = commit_of(revision)?;
        let path = if path.is_empty() { String::new() } else { self.0.below_root(path) };
        let (reach, signers) = (self.0.reach(cx), self.0.signers.clone());
        let read = move |repository: &gix::Repository| {
            let found = history::log(&reach.look(repository), commit, &path, limit)?;
            found.into_iter().map(|id| history::describe(repository, id, signers.as_ref())).collect()
        };
        self.0.read(cx, commit, read).await
    }

    /// Also commits that change nothing below the followed folder: who signs for a revision signs for all of it.
    async fn between(&self, cx: &Cx, from: &Revision, to: &Revision, limit: usize) -> Result<Vec<Commit>> {
        let [from, to] = [commit_of(from)?, commit_of(to)?];
        self.0.ensure(cx, to).await?;
        let (reach, signers) = (self.0.reach(cx), self.0.signers.clone());
        let read = move |repository: &gix::Repository| {
            let found = history::between(&reach.look(repository), from, to, limit)?;
            found.into_iter().map(|id| history::describe(repository, id, signers.as_ref())).collect()
        };
        self.0.read(cx, from, read).await
    }

    fn most_commits(&self) -> usize {
        self.0.limits.commits
    }

    /// `path` starts at the followed folder.
    async fn blame(
        &self,
        cx: &Cx,
        revision: &Revision,
        path: &str,
        lines: RangeInclusive<u32>,
    ) -> Result<Commit> {
        let (commit, path) = (commit_of(revision)?, self.0.below_root(path));
        let (reach, signers) = (self.0.reach(cx), self.0.signers.clone());
        let read = move |repository: &gix::Repository| {
            let found = history::blame(&reach.look(repository), commit, &path, &lines)?;
            history::describe(repository, found, signers.as_ref())
        };
        self.0.read(cx, commit, read).await
    }
}

impl GitSource {
    /// The newest commit of a branch, as the repository has it now; nothing if it has no such branch.
    ///
    /// # Errors
    /// What keeps the repository from being asked.
    pub async fn branch(&self, cx: &Cx, name: &str) -> Result<Option<Revision>> {
        let full = format!("refs/heads/{}", name.strip_prefix("refs/heads/").unwrap_or(name));
        let refs = self.0.advertised(cx, std::slice::from_ref(&full)).await?;
        Ok(refs.get(&full).map(|id| Revision::new(id.to_string(), name)))
    }

    async fn find_base(&self, cx: &Cx, name: &str) -> Result<Revision> {
        if name == "HEAD" {
            return self.0.newest(cx).await;
        }
        if let Ok(id) = CommitId::parse(name) {
            self.0.ensure(cx, id.object()).await?;
            return Ok(Revision::new(id.to_string(), id.to_string()));
        }
        if name.is_empty() || name.starts_with('-') || name.contains(char::is_control) {
            return Err(invalid(format!("`{}` is not the name of a revision", shown(name, 120)))
                .help("write a branch, a tag or the id of a commit"));
        }
        self.0.find(cx, name).await
    }
}

impl Inner {
    async fn find(self: &Arc<Self>, cx: &Cx, name: &str) -> Result<Revision> {
        let refs = match self.advertised(cx, &[]).await {
            Err(error) if error.is_retryable() => {
                return self.abbreviated(cx, name).await?.ok_or(error);
            }
            refs => refs?,
        };
        if let Some(id) = remote::named(&refs, name)? {
            return Ok(Revision::new(id.to_string(), name));
        }
        let names =
            || refs.below("refs/heads/").chain(refs.below("refs/tags/")).map(|(name, _)| name.to_owned());
        self.abbreviated(cx, name).await?.ok_or_else(|| {
            not_found(format!("there is no branch, tag or commit `{}`", shown(name, 120))).help(nearest(
                "branch or tag",
                name,
                &names().collect::<Vec<_>>(),
            ))
        })
    }

    async fn abbreviated(&self, cx: &Cx, digits: &str) -> Result<Option<Revision>> {
        let Some(objects) = self.mirror.objects() else { return Ok(None) };
        let digits = digits.to_owned();
        let reach = self.reach(cx);
        let find = move |repository: &gix::Repository| {
            history::by_abbreviation(&reach.look(repository), &digits, &mirror::tips(repository)?)
        };
        let find = move || objects.with(find);
        let id = blocking(cx, find).await?.map(|id| id.to_string());
        Ok(id.map(|id| Revision::new(id.clone(), id)))
    }

    /// How far a look into the history reaches.
    pub(super) fn reach(&self, cx: &Cx) -> Reach {
        Reach::new(cx, &self.limits)
    }

    /// Reads something about a commit, which is fetched if it is not there.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        cx: &Cx,
        commit: ObjectId,
        read: impl FnOnce(&gix::Repository) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let objects: Arc<Objects> = self.ensure(cx, commit).await?;
        blocking(cx, move || objects.with(read)).await
    }

    fn below_root(&self, path: &str) -> String {
        match self.path.as_str() {
            "" => path.to_owned(),
            folder => format!("{folder}/{path}"),
        }
    }
}

pub(super) fn commit_of(revision: &Revision) -> Result<ObjectId> {
    CommitId::parse(revision.id()).map(CommitId::object)
}
