//! How commits are related, and who made them. All of this reads the mirror alone.

mod ancestor;
mod blame;
mod describe;
mod find;
mod log;

pub(crate) use ancestor::{ancestor, split};
pub(crate) use blame::blame;
pub(crate) use describe::describe;
pub(crate) use find::by_abbreviation;
pub(crate) use log::log;

use gitops_core::{Relation, Result};
use gix::ObjectId;

use crate::fault::unreadable;

/// Whether one commit is an ancestor of another, or the same.
pub(crate) fn is_ancestor(repository: &gix::Repository, old: ObjectId, new: ObjectId) -> Result<bool> {
    let base = repository.merge_base(old, new).map_err(|error| unreadable("the history", error))?;
    Ok(base.is_some_and(|base| base == old))
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
