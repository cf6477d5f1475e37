//! Objects that have two keys: what is declared under one of them is never deleted under the other.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanInput;
use super::decide::Decision;
use crate::plan::BlockedBecause;
use crate::state::record::{Owned, OwnedState};
use crate::value::{Digest, Key, Live, Presence, Uid};

/// Which declared keys name the objects of undeclared ones, for all candidates of a plan.
///
/// An incarnation is one object, whatever its keys are: the old and the new group of a kind, a kind and its view. All that
/// is known of identities counts: what was observed, and what the inventory says of declared objects that are no candidates.
#[derive(Default)]
pub(super) struct Identities {
    declared: BTreeMap<(String, Uid), Key>,
    /// Declared objects of which nobody knows which incarnation they are, by target and name.
    unknown: BTreeMap<(String, String), Key>,
    /// New objects that are like ones which are no longer declared, each with one of those.
    renamed: BTreeMap<Key, Key>,
}

impl Identities {
    /// Looks through everything that is declared only if the plan has something that is not.
    pub fn of(input: &PlanInput<'_>) -> Self {
        let mut identities = Self { renamed: renamed(input), ..Self::default() };
        let left: BTreeSet<(String, Uid)> =
            undeclared(input).filter_map(|(key, entry)| Some((target(key), entry.uid.clone()?))).collect();
        if left.is_empty() {
            return identities;
        }
        for key in input.candidates.iter().filter(|key| input.desired.objects().contains(key)) {
            identities.see(input, key, &left);
        }
        for (key, entry) in input.inventory.entries().iter() {
            let id = entry.uid.as_ref().map(|uid| (target(key), uid.clone())).filter(|id| left.contains(id));
            if let (Some(id), true) = (id, input.desired.objects().contains(key)) {
                identities.declared.entry(id).or_insert_with(|| key.clone());
            }
        }
        identities
    }

    fn see(&mut self, input: &PlanInput<'_>, key: &Key, left: &BTreeSet<(String, Uid)>) {
        let known = input.inventory.entries().get(key).and_then(|entry| entry.uid.as_ref());
        match input.live.get(key) {
            Some(live) if live.is_readable() => {
                let id = (target(key), live.uid.clone());
                if left.contains(&id) {
                    self.declared.insert(id, key.clone());
                }
            }
            Some(live) if matches!(live.presence, Presence::Unreadable(_)) && known.is_none() => {
                self.unknown.insert((target(key), key.name().to_owned()), key.clone());
            }
            _ => {}
        }
    }

    /// What is to be done about an undeclared object that is declared under another key; nothing if it is not.
    ///
    /// Our record of it moves to the other key, unless that one has its own by now. While nobody can say whether the other
    /// key names the same object, or whose that is, nothing is done.
    pub fn decide(&self, input: &PlanInput<'_>, key: &Key, entry: &Owned) -> Option<Decision> {
        let stays = entry.keep || !input.options.prune;
        if let Some((new, _)) = self.renamed.iter().find(|(_, old)| *old == key && !stays) {
            return Some(Decision::Hold(BlockedBecause::DeclaredAs { other: new.clone() }));
        }
        let uid = entry.uid.as_ref()?;
        let Some(other) = self.declared.get(&(target(key), uid.clone())) else {
            let unknown = self.unknown.get(&(target(key), key.name().to_owned()))?;
            return Some(Decision::Hold(BlockedBecause::DeclaredAs { other: unknown.clone() }));
        };
        let recorded = input.inventory.entries().get(other);
        if recorded.is_some_and(|recorded| recorded.uid.as_ref() == Some(uid)) {
            return Some(Decision::Gone);
        }
        let is_ours =
            |live: &&Live| live.presence == Presence::Present && live.is_owned_by(input.inventory.owner());
        Some(match input.live.get(other).filter(is_ours) {
            Some(live) => Decision::Moved(other.clone(), Box::new(moved(entry, live))),
            None => Decision::Hold(BlockedBecause::DeclaredAs { other: other.clone() }),
        })
    }
}

impl Identities {
    /// The object that is no longer declared and that a new one may be, under another key.
    pub fn may_be(&self, key: &Key) -> Option<&Key> {
        self.renamed.get(key)
    }
}

/// New objects that are like ones which are no longer declared. Looks through the inventory only if there is one that could
/// be.
fn renamed(input: &PlanInput<'_>) -> BTreeMap<Key, Key> {
    let objects = input.desired.objects();
    let is_new = |key: &&Key| !input.inventory.entries().contains(key) && !input.live.contains_key(*key);
    let new: Vec<(&Key, Digest)> = input
        .candidates
        .iter()
        .filter(is_new)
        .filter_map(|key| Some((key, objects.get(key)?.likeness?)))
        .collect();
    if new.is_empty() {
        return BTreeMap::new();
    }
    let left = input.inventory.entries().iter().filter(|(key, _)| !objects.contains(key));
    let left: BTreeMap<(String, Digest), &Key> =
        left.filter_map(|(key, entry)| Some(((target(key), entry.likeness?), key))).collect();
    let old = |key: &Key, likeness| left.get(&(target(key), likeness)).map(|old| (*old).clone());
    new.into_iter().filter_map(|(key, likeness)| Some((key.clone(), old(key, likeness)?))).collect()
}

/// The candidates that nobody declares and that we own.
fn undeclared<'a>(input: &'a PlanInput<'_>) -> impl Iterator<Item = (&'a Key, &'a Owned)> {
    let left = input.candidates.iter().filter(|key| !input.desired.objects().contains(key));
    left.filter_map(|key| Some((key, input.inventory.entries().get(key)?)))
}

fn target(key: &Key) -> String {
    key.target().to_owned()
}

/// The entry of an object under its other key: ours, and not yet compared with what that key declares.
fn moved(entry: &Owned, live: &Live) -> Owned {
    Owned { state: OwnedState::Held, version: Some(live.version.clone()), desired: None, ..entry.clone() }
}
