//! Whether one commit is an ancestor of another, at the cost of how far they are apart.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use gitops_core::Result;
use gix::ObjectId;

use super::Look;
use crate::fault::unreadable;

/// Whether `old` is an ancestor of `new`, or the same.
///
/// Both are walked back, the newest commit first, until `old` is met on the way from `new`, or every way from there has come
/// to what `old` has too: behind that `old` can't be. Commits of one time are taken in the order in which they were found, of
/// both sides in turn, for the one side alone would go on to the end of the history before the other one begins.
pub(super) fn is_ancestor(look: &Look<'_>, old: ObjectId, new: ObjectId) -> Result<bool> {
    if old == new {
        return Ok(true);
    }
    let mut walk = Walk { look, seen: BTreeMap::new(), due: BinaryHeap::new(), found: 0, ahead: 0 };
    walk.reach(new, Side::New)?;
    walk.reach(old, Side::Old)?;
    while walk.ahead > 0 {
        if walk.is_of(&old, Side::New) {
            return Ok(true);
        }
        walk.go_on()?;
    }
    Ok(walk.is_of(&old, Side::New))
}

/// From which of the two a commit is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    New,
    Old,
}

/// A commit that was found.
#[derive(Default)]
struct Seen {
    parents: Vec<ObjectId>,
    time: i64,
    new: bool,
    old: bool,
    /// Whether its parents were found from the new side, and from the old one.
    walked: [bool; 2],
}

impl Seen {
    /// Whether it is still to be walked back from the new side. What the old side has needs no look behind.
    fn is_ahead(&self) -> bool {
        self.new && !self.old && !self.walked[0]
    }
}

struct Walk<'a, 'l> {
    look: &'a Look<'l>,
    seen: BTreeMap<ObjectId, Seen>,
    /// By time; of one time first what the other side walked already, so that it is overtaken, and then what was found first.
    due: BinaryHeap<(i64, bool, Reverse<usize>, ObjectId)>,
    /// How often something was found.
    found: usize,
    /// How many commits are still to be walked back from the new side.
    ahead: usize,
}

impl Walk<'_, '_> {
    fn is_of(&self, id: &ObjectId, side: Side) -> bool {
        self.seen.get(id).is_some_and(|seen| if side == Side::New { seen.new } else { seen.old })
    }

    /// Notes that a commit is reached from one side.
    fn reach(&mut self, id: ObjectId, side: Side) -> Result<()> {
        if self.is_of(&id, side) {
            return Ok(());
        }
        if !self.seen.contains_key(&id) {
            let commit = self.look.commit(id)?;
            let time = commit.time().map_err(|error| unreadable("a commit", error))?.seconds;
            let parents = commit.parent_ids().map(gix::Id::detach).collect();
            self.seen.insert(id, Seen { parents, time, ..Seen::default() });
        }
        let seen = self.seen.get_mut(&id).expect("it was just inserted");
        let was_ahead = seen.is_ahead();
        match side {
            Side::New => seen.new = true,
            Side::Old => seen.old = true,
        }
        self.ahead = self.ahead + usize::from(seen.is_ahead()) - usize::from(was_ahead);
        self.found += 1;
        let overtakes = seen.walked[0];
        self.due.push((seen.time, overtakes, Reverse(self.found), id));
        Ok(())
    }

    /// Walks the next commit back.
    fn go_on(&mut self) -> Result<()> {
        let Some((.., id)) = self.due.pop() else {
            self.ahead = 0;
            return Ok(());
        };
        let seen = self.seen.get_mut(&id).expect("what is due was found");
        let was_ahead = seen.is_ahead();
        let side = match (seen.new, seen.old) {
            (_, true) => Side::Old,
            _ => Side::New,
        };
        if std::mem::replace(&mut seen.walked[side as usize], true) {
            return Ok(());
        }
        self.ahead -= usize::from(was_ahead);
        let parents = seen.parents.clone();
        parents.into_iter().try_for_each(|parent| self.reach(parent, side))
    }
}
