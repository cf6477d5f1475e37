use gitops_core::{Cx, Error, ErrorKind, Result};
use gix::ObjectId;
use gix::revision::walk::Sorting;
use gix::traverse::commit::simple::CommitTimeOrder;

use crate::fault::unreadable;

/// The commits that can be reached from `to` and not from `from`, newest first, at most `limit`: `git log from..to`.
pub(crate) fn between(
    repository: &gix::Repository,
    cx: &Cx,
    from: ObjectId,
    to: ObjectId,
    limit: usize,
) -> Result<Vec<ObjectId>> {
    let walk = repository.rev_walk([to]).with_hidden([from]);
    let walk = walk.sorting(Sorting::ByCommitTime(CommitTimeOrder::NewestFirst));
    let mut found = Vec::new();
    for commit in walk.all().map_err(|error| unreadable("the history", error))?.take(limit) {
        if cx.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "asked to stop"));
        }
        found.push(commit.map_err(|error| unreadable("the history", error))?.id);
    }
    Ok(found)
}
