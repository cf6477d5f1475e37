use std::ops::Bound::{Excluded, Unbounded};

use imbl::{OrdMap, OrdSet};
use smol_str::{SmolStr, ToSmolStr};

use crate::value::{GroupKind, Key, Object};

/// The stages of every target, in order, and what is in each.
///
/// An object needs one key that stands for the whole stage before its own, however many objects that stage has.
#[derive(Clone, Debug, Default)]
pub(super) struct Stages(OrdMap<(SmolStr, i64), OrdSet<Key>>);

impl Stages {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn insert(&mut self, object: &Object) {
        let Some(stage) = object.stage else { return };
        self.0.entry((object.key.target().into(), stage)).or_default().insert(object.key.clone());
    }

    pub fn remove(&mut self, object: &Object) {
        let Some(stage) = object.stage else { return };
        let place = (object.key.target().into(), stage);
        let Some(keys) = self.0.get_mut(&place) else { return };
        keys.remove(&object.key);
        if keys.is_empty() {
            self.0.remove(&place);
        }
    }

    /// The objects of a target's stages before one, in order.
    pub fn earlier(&self, target: &str, stage: i64) -> impl Iterator<Item = &Key> {
        let from = (SmolStr::from(target), i64::MIN);
        self.0.range(from..(SmolStr::from(target), stage)).flat_map(|(_, keys)| keys)
    }

    /// Whether a stage of a target has any objects.
    pub fn contains(&self, target: &str, stage: i64) -> bool {
        self.0.contains_key(&(target.into(), stage))
    }

    /// The objects of the stage that comes after a place in the order of a target's stages.
    pub fn after(&self, target: &str, stage: i64) -> impl Iterator<Item = &Key> {
        let place: (SmolStr, i64) = (target.into(), stage);
        let next = self.0.range((Excluded(place), Unbounded)).next();
        next.filter(|((of, _), _)| of == target).into_iter().flat_map(|(_, keys)| keys)
    }

    /// The key that stands for the stage before an object's own, if there is one.
    pub fn before(&self, object: &Object) -> Option<Key> {
        let own = (SmolStr::from(object.key.target()), object.stage?);
        let (place, _) = self.0.range(..own.clone()).next_back()?;
        (place.0 == own.0).then(|| Key::new(place.0.clone(), stage_kind(), "", place.1.to_smolstr()))
    }

    /// The objects of the stage that a key stands for.
    pub fn members(&self, key: &Key) -> Vec<Key> {
        let stage = (*key.kind() == stage_kind()).then(|| key.name().parse().ok()).flatten();
        let keys = stage.and_then(|stage| self.0.get(&(key.target().into(), stage)));
        keys.into_iter().flatten().cloned().collect()
    }
}

fn stage_kind() -> GroupKind {
    GroupKind::new("gitops", "Stage")
}
