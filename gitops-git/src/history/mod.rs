//! How commits are related, and who made them. All of this reads the mirror alone.

mod ancestor;
mod between;
mod blame;
mod describe;
mod find;
mod log;

pub(crate) use ancestor::{ancestor, split};
pub(crate) use between::between;
pub(crate) use blame::blame;
pub(crate) use describe::describe;
pub(crate) use find::by_abbreviation;
pub(crate) use log::log;

use gitops_core::{Relation, Result};
use gix::ObjectId;

use crate::fault::unreadable;

/// Where two commits parted; nothing if they have no commit in common. Of several it is the one that git names first.
pub(crate) fn merge_base(
    repository: &gix::Repository,
    one: ObjectId,
    other: ObjectId,
) -> Result<Option<ObjectId>> {
    if one == other {
        return Ok(Some(one));
    }
    let base = repository.merge_base(one, other).map_err(|error| unreadable("the history", error))?;
    Ok(base.map(gix::Id::detach))
}

/// How `to` lies to `from`.
pub(crate) fn relation(repository: &gix::Repository, from: ObjectId, to: ObjectId) -> Result<Relation> {
    if from == to {
        return Ok(Relation::Same);
    }
    let base = repository.merge_base(from, to).map_err(|error| unreadable("the history", error))?;
    Ok(match base.map(gix::Id::detach) {
        Some(base) if base == from => Relation::Newer,
        Some(base) if base == to => Relation::Older,
        _ => Relation::Diverged,
    })
}
