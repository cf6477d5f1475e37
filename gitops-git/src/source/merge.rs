//! What a merge would make, in the mirror alone.

use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Merge, Merged, Result, Revision};
use gix::ObjectId;

use super::{GitSource, Inner, blocking, tree_of};
use crate::fault::{invalid, shown};
use crate::git::Output;
use crate::history::merge_base;
use crate::objects::Objects;
use crate::reference::CommitId;
use crate::tree::locate;

/// How many paths of a conflict are named.
const NAMED: usize = 10;

/// Nothing is moved and nothing is pushed. The trees of the result are written into the mirror, where no reference leads
/// to them.
#[async_trait]
impl Merge for GitSource {
    /// The tree is the one that `git merge` makes: with renames followed, and without a merge driver of anybody's
    /// configuration.
    async fn merged(&self, cx: &Cx, base: &Revision, head: &Revision) -> Result<Merged> {
        let MergedTree { objects, id, parted } = self.0.merge(cx, base, head).await?;
        let name = format!("{} merged into {}", head.name(), base.name());
        let (inner, revision) = (Arc::clone(&self.0), Revision::new(id.to_string(), name));
        let snapshot = blocking(cx, move || inner.snapshot_of(objects, id, revision)).await?;
        Ok(Merged::new(snapshot, Revision::new(parted.to_string(), "merge base")))
    }
}

impl GitSource {
    /// Whether a merge of `head` into `base` would change something below each of some folders, in the order in which they are
    /// asked about. Folders are named from the root of the repository, whatever this source follows, and all files count.
    ///
    /// A folder that one of the two does not have counts as changed.
    ///
    /// # Errors
    /// As [`merged`](Merge::merged).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn merge_changes(
        &self,
        cx: &Cx,
        base: &Revision,
        head: &Revision,
        folders: &[String],
    ) -> Result<Vec<bool>> {
        let MergedTree { objects, id, .. } = self.0.merge(cx, base, head).await?;
        let (ours, folders) = (CommitId::parse(base.id())?.object(), folders.to_vec());
        let compare = move |repository: &gix::Repository| {
            let before = tree_of(repository, ours)?;
            let is_same = |folder: &String| {
                let [one, other] = [before, id].map(|tree| locate(repository, tree, folder).ok());
                before == id || one.is_some() && one == other
            };
            Ok(folders.iter().map(|folder| !is_same(folder)).collect())
        };
        blocking(cx, move || objects.with(compare)).await
    }
}

impl GitSource {
    /// Whether a commit has in the followed folder what a merge of `head` into `base` makes there, and nothing else; not so where that
    /// has conflicts, or one of the two is not there.
    ///
    /// # Errors
    /// What keeps a commit from being read or merged.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn is_merge_of(
        &self,
        cx: &Cx,
        commit: &Revision,
        base: &Revision,
        head: &Revision,
    ) -> Result<bool> {
        let MergedTree { id, .. } = match self.0.merge(cx, base, head).await {
            Ok(merged) => merged,
            Err(error)
                if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::Invalid) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let (commit, folder) = (CommitId::parse(commit.id())?.object(), self.0.path.clone());
        self.0.ensure(cx, commit).await?;
        let objects = self.0.mirror.reopen()?;
        let compare = move |repository: &gix::Repository| {
            let made = tree_of(repository, commit)?;
            let [one, other] = [made, id].map(|tree| locate(repository, tree, &folder).ok());
            Ok(made == id || one.is_some() && one == other)
        };
        blocking(cx, move || objects.with(compare)).await
    }
}

/// The tree of a merge in the mirror, and where both sides parted.
struct MergedTree {
    objects: Arc<Objects>,
    id: ObjectId,
    parted: ObjectId,
}

impl Inner {
    /// The tree of a merge, which is written into the mirror if no side has it.
    async fn merge(self: &Arc<Self>, cx: &Cx, base: &Revision, head: &Revision) -> Result<MergedTree> {
        let [ours, theirs] = [CommitId::parse(base.id())?.object(), CommitId::parse(head.id())?.object()];
        self.ensure(cx, theirs).await?;
        let objects = self.ensure(cx, ours).await?;
        let (reading, reach) = (Arc::clone(&objects), self.reach(cx));
        let parted = move |repository: &gix::Repository| merge_base(&reach.look(repository), ours, theirs);
        let parted = blocking(cx, move || reading.with(parted)).await?;
        let parted = parted.ok_or_else(|| {
            invalid(format!("{} and {} have no commit in common", base.short(), head.short()))
                .help("name two branches of one history")
        })?;
        let tree = match parted {
            // One side has everything of the other.
            parted if parted == ours => Some(theirs),
            parted if parted == theirs => Some(ours),
            _ => None,
        };
        let (objects, id) = if let Some(commit) = tree {
            let reading = Arc::clone(&objects);
            let tree = blocking(cx, move || reading.with(|repository| tree_of(repository, commit))).await?;
            (objects, tree)
        } else {
            let tree = self.write_merge(cx, ours, theirs).await?;
            (self.mirror.reopen()?, tree)
        };
        Ok(MergedTree { objects, id, parted })
    }

    /// Writes the tree of a merge into the mirror.
    async fn write_merge(&self, cx: &Cx, ours: ObjectId, theirs: ObjectId) -> Result<ObjectId> {
        let cx = &cx.within(self.limits.time);
        let lock = self.mirror.lock(cx).await?;
        let call = self.git(cx).await?.call().in_repository(self.mirror.folder()).holding(lock.copy()?);
        let call = call.files_up_to(self.limits.pack_bytes).memory_up_to(self.limits.memory);
        let call = call.args(["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z"]);
        let output = call.args([ours.to_string(), theirs.to_string()]).run(cx).await;
        let output = output.map_err(|error| self.ended(error, "merging"))?;
        read(&output)
    }
}

/// The tree that `git merge-tree` wrote, or the paths of its conflicts.
fn read(output: &Output) -> Result<ObjectId> {
    let mut words = output.stdout.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    let tree = words.next().and_then(|word| ObjectId::from_hex(word.trim_ascii()).ok());
    match (output.status.code(), tree) {
        (Some(0), Some(tree)) => Ok(tree),
        (Some(1), Some(_)) => {
            let paths: Vec<String> = words.map(|path| shown(&String::from_utf8_lossy(path), 200)).collect();
            Err(conflict(&paths))
        }
        (Some(129), _) => {
            Err(Error::new(ErrorKind::Unsupported, "this git can't merge without a working copy")
                .help("install git 2.38 or newer"))
        }
        _ => Err(Error::new(ErrorKind::Internal, "git merge-tree failed")
            .with("status", output.status)
            .with("git said", shown(output.stderr.trim(), 800))),
    }
}

fn conflict(paths: &[String]) -> Error {
    let more = paths.len().saturating_sub(NAMED);
    let named = paths.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Error::new(ErrorKind::Conflict, format!("the merge has conflicts in {named}{more}"))
        .help("merge the target branch into the request's, resolve the conflicts and push")
}
