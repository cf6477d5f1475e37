//! What landed on a branch between two commits, push by push.

use gitops_core::{Cx, Error, ErrorKind, Result, Revision};
use gix::ObjectId;

use super::history::commit_of;
use super::{GitSource, tree_of};
use crate::history::{Look, between, is_ancestor};
use crate::tree::locate;

/// A commit of a branch itself that changed the followed folder: a merge, a squash, or what somebody pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Landed {
    /// The commit.
    pub commit: Revision,
    /// Its parents, that of the branch first.
    pub parents: Vec<Revision>,
}

impl GitSource {
    /// The commits of a branch itself, newest first, that changed something below the followed folder since `from`: those that
    /// a walk by first parents meets before it comes to what `from` has.
    ///
    /// # Errors
    /// `Limit` if there are more than `limit`, or the history is too long to tell; what keeps a commit from being fetched.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn landed(
        &self,
        cx: &Cx,
        from: Option<&Revision>,
        to: &Revision,
        limit: usize,
    ) -> Result<Vec<Landed>> {
        let to = commit_of(to)?;
        let from = from.map(commit_of).transpose()?;
        if let Some(from) = from {
            self.0.ensure(cx, from).await?;
        }
        let (reach, folder) = (self.0.reach(cx), self.0.path.as_str().to_owned());
        let read =
            move |repository: &gix::Repository| walk(&reach.look(repository), from, to, &folder, limit);
        self.0.read(cx, to, read).await
    }

    /// Whether a branch that is at `to` was at a commit before, as its history tells: a walk by first parents meets it. What a merge
    /// brought besides the branch never was.
    ///
    /// # Errors
    /// `Limit` if the history is too long to tell; what keeps a commit from being fetched.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn was_at(&self, cx: &Cx, to: &Revision, commit: &Revision) -> Result<bool> {
        let [to, commit] = [commit_of(to)?, commit_of(commit)?];
        let reach = self.0.reach(cx);
        let read = move |repository: &gix::Repository| {
            let (look, mut next) = (reach.look(repository), Some(to));
            while let Some(id) = next.filter(|id| *id != commit) {
                next = look.commit(id)?.parent_ids().next().map(gix::Id::detach);
            }
            Ok(next.is_some())
        };
        self.0.read(cx, to, read).await
    }

    /// The commits that `to` has and `from` has not, at most `limit`.
    ///
    /// # Errors
    /// `Limit` if there are more; what keeps a commit from being fetched.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn all_between(
        &self,
        cx: &Cx,
        from: &Revision,
        to: &Revision,
        limit: usize,
    ) -> Result<Vec<Revision>> {
        let [from, to] = [commit_of(from)?, commit_of(to)?];
        self.0.ensure(cx, to).await?;
        let reach = self.0.reach(cx);
        let read = move |repository: &gix::Repository| {
            between(&reach.look(repository), from, to, limit.saturating_add(1))
        };
        let found = self.0.read(cx, from, read).await?;
        if found.len() > limit {
            return Err(too_many(limit));
        }
        Ok(found.into_iter().map(revision).collect())
    }
}

fn walk(
    look: &Look<'_>,
    from: Option<ObjectId>,
    to: ObjectId,
    folder: &str,
    limit: usize,
) -> Result<Vec<Landed>> {
    let (mut found, mut next) = (Vec::new(), Some(to));
    let at = |commit: ObjectId| -> Result<Option<ObjectId>> {
        match locate(look.repository, tree_of(look.repository, commit)?, folder) {
            Ok(tree) => Ok(Some(tree)),
            // A folder that is not there, or is none, holds nothing.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid) => Ok(None),
            Err(error) => Err(error),
        }
    };
    while let Some(id) = next {
        if let Some(from) = from
            && (id == from || is_ancestor(&look.anew(), id, from)?)
        {
            break;
        }
        let parents: Vec<ObjectId> = look.commit(id)?.parent_ids().map(gix::Id::detach).collect();
        next = parents.first().copied();
        if next.map_or(Ok(None), at)? == at(id)? {
            continue;
        }
        if found.len() >= limit {
            return Err(too_many(limit));
        }
        found.push(Landed { commit: revision(id), parents: parents.into_iter().map(revision).collect() });
    }
    Ok(found)
}

fn revision(id: ObjectId) -> Revision {
    Revision::new(id.to_string(), id.to_string())
}

fn too_many(limit: usize) -> Error {
    Error::new(ErrorKind::Limit, format!("more than {limit} commits"))
}
