//! Objects that have two keys: what is declared under one of them is never deleted under the other.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::PlanInput;
use super::decide::Decision;
use crate::plan::BlockedBecause;
use crate::state::record::{Owned, OwnedState};
use crate::value::{Digest, Key, Live, Object, Presence, Uid};

/// Which declared keys name the objects of undeclared ones, for all candidates of a plan.
///
/// An incarnation is one object, whatever its keys are: the old and the new group of a kind, a kind and its view. All that
/// is known of identities counts: what was observed, and what the inventory says of declared objects that are no candidates.
#[derive(Default)]
pub(super) struct Identities {
    declared: BTreeMap<(SmolStr, Uid), Key>,
    /// Declared objects of which nobody knows which incarnation they are, by site and name.
    unknown: BTreeMap<(SmolStr, String), Key>,
    /// New objects that are like ones which are no longer declared, each with one of those.
    renamed: BTreeMap<Key, MayBe>,
}

/// What a new object may be under another key.
pub(super) struct MayBe {
    pub from: Key,
    /// Whether it is declared where that one was.
    pub in_place: bool,
}

impl Identities {
    /// Looks through everything that is declared only if the plan has something that is not.
    pub fn of(input: &PlanInput<'_>) -> Self {
        let mut identities = Self { renamed: renamed(input), ..Self::default() };
        let left: BTreeSet<(SmolStr, Uid)> = undeclared(input)
            .filter_map(|(key, entry)| Some((site(input, key), entry.uid.clone()?)))
            .collect();
        if left.is_empty() {
            return identities;
        }
        for key in input.candidates.iter().filter(|key| input.desired.objects().contains(key)) {
            identities.see(input, key, &left);
        }
        for (key, entry) in input.inventory.entries().iter() {
            let id =
                entry.uid.as_ref().map(|uid| (site(input, key), uid.clone())).filter(|id| left.contains(id));
            if let (Some(id), true) = (id, input.desired.objects().contains(key)) {
                identities.declared.entry(id).or_insert_with(|| key.clone());
            }
        }
        identities
    }

    fn see(&mut self, input: &PlanInput<'_>, key: &Key, left: &BTreeSet<(SmolStr, Uid)>) {
        let known = input.inventory.entries().get(key).and_then(|entry| entry.uid.as_ref());
        match input.live.get(key) {
            Some(live) if live.is_readable() => {
                let id = (site(input, key), live.uid.clone());
                if left.contains(&id) {
                    self.declared.insert(id, key.clone());
                }
            }
            Some(live) if matches!(live.presence, Presence::Unreadable(_)) && known.is_none() => {
                self.unknown.insert((site(input, key), key.name().to_owned()), key.clone());
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
        if let Some((new, _)) = self.renamed.iter().find(|(_, old)| old.from == *key && !stays) {
            return Some(Decision::Hold(BlockedBecause::DeclaredAs { other: new.clone() }));
        }
        let uid = entry.uid.as_ref()?;
        let elsewhere = may_be_elsewhere(input, key, uid);
        let proven = elsewhere.as_ref().filter(|other| is_of_one_operation(input, key, other));
        let Some(other) = self.declared.get(&(site(input, key), uid.clone())).or(proven) else {
            let unknown = self.unknown.get(&(site(input, key), key.name().to_owned())).cloned();
            return Some(Decision::Hold(BlockedBecause::DeclaredAs { other: unknown.or(elsewhere)? }));
        };
        let recorded = input.inventory.entries().get(other);
        if recorded.is_some_and(|recorded| recorded.uid.as_ref() == Some(uid)) {
            return Some(Decision::Elsewhere);
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
    pub fn may_be(&self, key: &Key) -> Option<&MayBe> {
        self.renamed.get(key)
    }
}

/// New objects that are like ones which are no longer declared, or lie where those did. Looks through the inventory only if there
/// is one that could be.
fn renamed(input: &PlanInput<'_>) -> BTreeMap<Key, MayBe> {
    let objects = input.desired.objects();
    let is_new = |key: &&Key| !input.inventory.entries().contains(key) && !input.live.contains_key(*key);
    let new: Vec<(&Key, &Object, Digest)> = input
        .candidates
        .iter()
        .filter(is_new)
        .filter_map(|key| objects.get(key).and_then(|object| Some((key, &**object, object.likeness?))))
        .collect();
    if new.is_empty() {
        return BTreeMap::new();
    }
    let (mut alike, mut lain) = (BTreeMap::new(), BTreeMap::new());
    for (key, entry) in input.inventory.entries().iter().filter(|(key, _)| !objects.contains(key)) {
        lain.insert((key.target(), key.kind(), folder(&entry.path)), key);
        alike.extend(entry.likeness.map(|likeness| ((key.target(), likeness), key)));
    }
    let old = |key: &Key, object: &Object, likeness| {
        let is_in_place = lain.get(&(key.target(), key.kind(), folder(&object.provenance.path)));
        let is_alike = alike.get(&(key.target(), likeness)).filter(|_| !object.is_named);
        let from = is_in_place.or(is_alike).map(|old| (*old).clone())?;
        Some(MayBe { from, in_place: is_in_place.is_some() })
    };
    new.into_iter().filter_map(|(key, object, like)| Some((key.clone(), old(key, object, like)?))).collect()
}

/// The folder in which something is declared.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The candidates that nobody declares and that we own.
fn undeclared<'a>(input: &'a PlanInput<'_>) -> impl Iterator<Item = (&'a Key, &'a Owned)> {
    let left = input.candidates.iter().filter(|key| !input.desired.objects().contains(key));
    left.filter_map(|key| Some((key, input.inventory.entries().get(key)?)))
}

/// Where an object is: what targets that reach the same place hold is the same.
fn site(input: &PlanInput<'_>, key: &Key) -> SmolStr {
    let known = input.sites.get(key.target()).and_then(Option::as_ref);
    known.cloned().unwrap_or_else(|| key.target().into())
}

/// The keys under which other targets would have this object, by whether they are known to reach the same place.
fn elsewhere(input: &PlanInput<'_>, key: &Key, at: Whereabouts) -> impl Iterator<Item = Key> {
    let own = input.sites.get(key.target()).cloned().flatten();
    let others = input.sites.iter().filter(move |(name, _)| name.as_str() != key.target());
    let is_meant = move |site: &Option<SmolStr>| match (site, &own) {
        (Some(site), Some(own)) => at == Whereabouts::Same && site == own,
        _ => at == Whereabouts::Unknown,
    };
    let meant = others.filter(move |(_, site)| is_meant(site));
    meant.map(|(name, _)| Key::new(name.clone(), key.kind().clone(), key.namespace(), key.name()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whereabouts {
    Same,
    Unknown,
}

/// Another declaration of the same object, by a target that reaches the same place.
pub(super) fn declared_twice(input: &PlanInput<'_>, key: &Key) -> Option<Key> {
    elsewhere(input, key, Whereabouts::Same).find(|other| input.desired.objects().contains(other))
}

/// A declaration that may be of the same object: it has its name and its incarnation, and nobody can say whether the two
/// targets reach the same place.
fn may_be_elsewhere(input: &PlanInput<'_>, key: &Key, uid: &Uid) -> Option<Key> {
    let is_it = |other: &Key| match input.live.get(other) {
        Some(live) => live.is_readable() && live.uid == *uid,
        None => input.inventory.entries().get(other).is_some_and(|entry| entry.uid.as_ref() == Some(uid)),
    };
    let mut declared =
        elsewhere(input, key, Whereabouts::Unknown).filter(|other| input.desired.objects().contains(other));
    declared.find(is_it)
}

/// No two objects carry the same operation of ours.
fn is_of_one_operation(input: &PlanInput<'_>, key: &Key, other: &Key) -> bool {
    let op = |key| input.live.get(key).and_then(|live| live.op.as_ref());
    op(key).is_some() && op(key) == op(other)
}

/// The entry of an object under its other key: ours, and not yet compared with what that key declares.
fn moved(entry: &Owned, live: &Live) -> Owned {
    Owned {
        state: OwnedState::Held,
        version: Some(live.version.clone()),
        desired: None,
        let_go: false,
        ..entry.clone()
    }
}
