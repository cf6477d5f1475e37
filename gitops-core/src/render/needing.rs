//! Whose needs are others because of what became of other objects.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::Desired;
use crate::value::{Key, Lead};

/// What of a declared object the needs of others depend on.
#[derive(Default, PartialEq)]
struct Face {
    stage: Option<i64>,
    offers: Vec<SmolStr>,
    leads: Vec<Lead>,
}

impl Face {
    fn names(&self) -> impl Iterator<Item = &SmolStr> {
        self.offers.iter().chain(self.leads.iter().map(|lead| &lead.name))
    }
}

impl Desired {
    /// The objects that need others than they did in an older state because of what moved since: of that, some came or went,
    /// offers other names or leads elsewhere, or is in another stage. Costs what depends on it, and not what is declared.
    pub(crate) fn needing_others<'a>(
        &self,
        older: &Self,
        moved: impl Iterator<Item = &'a Key>,
    ) -> BTreeSet<Key> {
        let mut found = BTreeSet::new();
        if self.needed.is_empty() && self.stages.is_empty() {
            return found;
        }
        for key in moved {
            let (before, after) = (older.face(key), self.face(key));
            if before != after {
                found.extend(self.needed.by_key(key).cloned());
                let names = before.iter().chain(&after).flat_map(Face::names).cloned();
                // One that led on from here in the older state, and does no more, has another face itself.
                let names = self.leading_to(names.collect());
                found.extend(names.iter().flat_map(|name| self.needed.by_offer(name)).cloned());
                let stage = |face: Option<Face>| face.and_then(|face| face.stage);
                self.stage_moved(older, key.target(), [stage(before), stage(after)], &mut found);
            }
        }
        found.extend(self.giving_up_others(older).cloned());
        let needs = |desired: &Self, key: &Key| desired.objects.get(key).map(|object| desired.needs(object));
        found.retain(|key| needs(self, key) != needs(older, key));
        found
    }

    /// What of a declared object others depend on. Of what was kept, which stands alone, nothing is read for that.
    fn face(&self, key: &Key) -> Option<Face> {
        if self.objects.is_kept(key) {
            return Some(Face::default());
        }
        let object = self.objects.get(key)?;
        Some(Face { stage: object.stage, offers: object.offers.clone(), leads: object.leads.clone() })
    }

    /// Adds the objects of each stage before which another one is now: a stage came, or went.
    fn stage_moved(&self, older: &Self, target: &str, stages: [Option<i64>; 2], found: &mut BTreeSet<Key>) {
        for stage in stages.into_iter().flatten() {
            if self.stages.contains(target, stage) != older.stages.contains(target, stage) {
                found.extend(self.stages.after(target, stage).cloned());
            }
        }
    }
}
