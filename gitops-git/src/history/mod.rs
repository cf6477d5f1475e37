//! How commits are related, and who made them. All of this reads the mirror alone.

mod ancestor;
mod ancestry;
mod between;
mod blame;
mod describe;
mod find;
mod log;
mod reach;

pub(crate) use ancestor::{ancestor, split};
pub(crate) use between::between;
pub(crate) use blame::blame;
pub(crate) use describe::describe;
pub(crate) use find::by_abbreviation;
pub(crate) use log::log;
pub(crate) use reach::{Look, Reach};

use gitops_core::{ErrorKind, Relation, Result};
use gix::ObjectId;
use gix::revwalk::Graph;

/// Where two commits parted; nothing if they have no commit in common. Of several it is the one that git names first.
pub(crate) fn merge_base(look: &Look<'_>, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>> {
    if one == other {
        return Ok(Some(one));
    }
    let mut graph = Graph::new(look, None);
    let base = look.repository.merge_base_with_graph(one, other, &mut graph);
    Ok(base.map_err(|error| look.failed("the history", error))?.map(gix::Id::detach))
}

/// Whether one commit is an ancestor of another, or the same.
pub(crate) fn is_ancestor(look: &Look<'_>, old: ObjectId, new: ObjectId) -> Result<bool> {
    ancestry::is_ancestor(look, old, new)
}

/// Whether any of some commits has another one as its ancestor, or is the same. One of which the look does not reach far enough
/// to tell stands in nobody's way: only if no other has it, that is the error.
pub(crate) fn is_reached(look: &Look<'_>, commit: ObjectId, from: &[ObjectId]) -> Result<bool> {
    let mut untold = None;
    for tip in from {
        match is_ancestor(&look.anew(), commit, *tip) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) if error.kind() == ErrorKind::Limit => untold = Some(error),
            Err(error) => return Err(error),
        }
    }
    untold.map_or(Ok(false), Err)
}

/// How `to` lies to `from`.
pub(crate) fn relation(look: &Look<'_>, from: ObjectId, to: ObjectId) -> Result<Relation> {
    Ok(match from == to {
        true => Relation::Same,
        false if is_ancestor(look, from, to)? => Relation::Newer,
        false if is_ancestor(&look.anew(), to, from)? => Relation::Older,
        false => Relation::Diverged,
    })
}
