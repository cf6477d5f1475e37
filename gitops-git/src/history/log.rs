use std::collections::{BTreeSet, BinaryHeap};

use gitops_core::Result;
use gix::ObjectId;
use gix::objs::tree::EntryMode;

use super::Look;
use crate::fault::unreadable;

/// The commits that changed a path, or all if it is empty; newest first, at most `limit`.
///
/// Of the parents of a merge that has the path as one of them has it, only that one is followed, as `git log PATH`
/// does it.
pub(crate) fn log(look: &Look<'_>, from: ObjectId, path: &str, limit: usize) -> Result<Vec<ObjectId>> {
    let mut walk = Walk { look, path, queue: BinaryHeap::new(), seen: BTreeSet::new() };
    walk.push(from)?;
    let mut found = Vec::new();
    while found.len() < limit {
        let Some((_, commit)) = walk.queue.pop() else { break };
        if walk.expand(commit)? {
            found.push(commit);
        }
    }
    Ok(found)
}

struct Walk<'a> {
    look: &'a Look<'a>,
    path: &'a str,
    /// Commits to look at, the newest first.
    queue: BinaryHeap<(i64, ObjectId)>,
    seen: BTreeSet<ObjectId>,
}

impl Walk<'_> {
    /// Queues the parents of a commit and says whether the commit changed the path.
    fn expand(&mut self, id: ObjectId) -> Result<bool> {
        let commit = self.look.commit(id)?;
        let parents: Vec<_> = commit.parent_ids().map(gix::Id::detach).collect();
        if !self.path.is_empty() {
            let own = entry_at(self.look.repository, id, self.path)?;
            for parent in &parents {
                if entry_at(self.look.repository, *parent, self.path)? == own {
                    self.push(*parent)?;
                    return Ok(false);
                }
            }
            if parents.is_empty() && own.is_none() {
                return Ok(false);
            }
        }
        parents.into_iter().try_for_each(|parent| self.push(parent))?;
        Ok(true)
    }

    fn push(&mut self, id: ObjectId) -> Result<()> {
        if self.seen.insert(id) {
            let commit = self.look.commit(id)?;
            let time = commit.time().map_err(|error| unreadable("a commit", error))?;
            self.queue.push((time.seconds, id));
        }
        Ok(())
    }
}

/// What a commit has at a path.
pub(crate) fn entry_at(
    repository: &gix::Repository,
    commit: ObjectId,
    path: &str,
) -> Result<Option<(ObjectId, EntryMode)>> {
    let damaged = |error| unreadable("a folder", error);
    let commit = repository.find_commit(commit).map_err(damaged)?;
    let entry = commit.tree().map_err(damaged)?.lookup_entry(path.split('/')).map_err(damaged)?;
    Ok(entry.map(|entry| (entry.object_id(), entry.mode())))
}
