use gitops_core::Result;
use gix::ObjectId;
use gix::traverse::commit::Simple;
use gix::traverse::commit::simple::{CommitTimeOrder, Sorting};

use super::Look;

/// The commits that can be reached from `to` and not from `from`, newest first, at most `limit`: `git log from..to`.
pub(crate) fn between(look: &Look<'_>, from: ObjectId, to: ObjectId, limit: usize) -> Result<Vec<ObjectId>> {
    let failed = |error| look.failed("the history", error);
    let walk = Simple::new([to], look).sorting(Sorting::ByCommitTime(CommitTimeOrder::NewestFirst));
    let walk = walk.and_then(|walk| walk.hide([from])).map_err(failed)?;
    walk.take(limit).map(|commit| commit.map(|commit| commit.id).map_err(failed)).collect()
}
