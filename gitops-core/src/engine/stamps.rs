//! What targets said of objects when the last plan looked at them, so that the next one looks at what was touched.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::Engine;
use super::effects::contained;
use crate::capability::{Stamps, Target, Watch};
use crate::cx::Cx;
use crate::value::{Digest, DigestMap, Digested, Key};

/// The stamp that an object had before a plan looked at it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(pub Digest);

impl Digested for Stamp {
    fn digest(&self) -> Digest {
        self.0
    }
}

/// The stamps of objects that a plan looked at.
#[derive(Clone, Default)]
pub(super) struct Stamped {
    pub stamps: DigestMap<Stamp>,
    /// Objects of targets with stamps that had none: they are looked at each time.
    pub without: BTreeSet<Key>,
}

impl Stamped {
    /// Takes in what objects had before a plan looked at them. `concerns` is false for what is neither declared nor owned.
    pub fn take_in(&mut self, looked: BTreeMap<Key, Option<Digest>>, concerns: impl Fn(&Key) -> bool) {
        for (key, stamp) in looked {
            self.without.remove(&key);
            if let Some(stamp) = stamp {
                self.stamps.insert(key, Stamp(stamp));
                continue;
            }
            self.stamps.remove(&key);
            if concerns(&key) {
                self.without.insert(key);
            }
        }
    }
}

impl Engine {
    /// The stamps of objects as they are now, of targets that give them. Where a target fails, its objects have none.
    pub(super) async fn stamps_of(&self, cx: &Cx, keys: &BTreeSet<Key>) -> BTreeMap<Key, Option<Digest>> {
        let mut found = BTreeMap::new();
        for (name, target) in &self.targets {
            let Some(power) = target.stamps() else { continue };
            let keys: Vec<Key> = keys.iter().filter(|key| key.target() == name).cloned().collect();
            if !keys.is_empty() {
                let stamps = asked(cx, power, &keys).await;
                found.extend(keys.into_iter().zip(stamps));
            }
        }
        found
    }

    /// Notes all that may be otherwise than the last plan saw it, and that no watch covers: by their stamps where the target
    /// gives them, else all of its objects. What the watches have to say by now is taken in. A watch that covers nothing is
    /// not begun.
    ///
    /// Then nothing of which the last plan's knowledge may be out of date is left out of the next one.
    pub(super) async fn look_around(&mut self, cx: &Cx) {
        if self.base.looks_at_everything() {
            return;
        }
        for (name, target) in self.targets.clone() {
            match target.stamps() {
                Some(power) => self.note_touched(cx, &name, power).await,
                None => self.doubt_what_is_not_covered(cx, &name, &target),
            }
        }
    }

    /// Notes all that may be otherwise than the last first plan saw it, by the watches as far as they go: they are begun.
    pub(super) async fn look_again(&mut self, cx: &Cx) {
        for (name, target) in self.targets.clone() {
            let is_told = self.hears_of_all(cx, &name, &target);
            match target.stamps() {
                _ if is_told || self.base.looks_at_everything() => {}
                Some(power) => self.note_touched(cx, &name, power).await,
                None => self.doubt_what_is_not_covered(cx, &name, &target),
            }
        }
    }

    /// Notes all that may be otherwise than an earlier process saw it. No watch has seen what happened in between, whatever it
    /// covers by now.
    pub(super) async fn look_anew(&mut self, cx: &Cx) {
        for (name, target) in self.targets.clone() {
            if let Some(power) = target.stamps() {
                self.note_touched(cx, &name, power).await;
                continue;
            }
            let known = self.base.declared().chain(self.inventory().entries().keys());
            let keys: Vec<Key> = known.filter(|key| key.target() == name).cloned().collect();
            self.base.moved(keys);
        }
    }

    async fn note_touched(&mut self, cx: &Cx, name: &SmolStr, power: &dyn Stamps) {
        let of_target = |key: &&Key| key.target() == name;
        let keys: Vec<Key> = self.stamped.stamps.keys().filter(of_target).cloned().collect();
        let now = asked(cx, power, &keys).await;
        let was = |key: &Key| self.stamped.stamps.digest_of(key);
        let touched = keys.iter().zip(now).filter(|(key, now)| was(key) != *now).map(|(key, _)| key);
        let without = self.stamped.without.iter().filter(of_target);
        let touched: Vec<Key> = touched.chain(without).cloned().collect();
        self.base.moved(touched);
    }

    fn doubt_what_is_not_covered(&mut self, cx: &Cx, name: &SmolStr, target: &std::sync::Arc<dyn Target>) {
        if target.watch().is_some_and(Watch::covers_all) {
            self.drain_watch(cx, name, target);
            return;
        }
        let keys: Vec<Key> = self.keys_of(name).cloned().collect();
        let covered = |key: &&Key| target.watch().is_some_and(|watch| watch.covers(key));
        let (covered, doubtful): (Vec<&Key>, Vec<&Key>) = keys.iter().partition(covered);
        self.base.moved(doubtful.into_iter().cloned());
        if !covered.is_empty() {
            self.drain_watch(cx, name, target);
        }
    }
}

/// The stamps of objects; none where the target can't say, or says it of others than it was asked for.
async fn asked(cx: &Cx, power: &dyn Stamps, keys: &[Key]) -> Vec<Option<Digest>> {
    let answer = contained(cx.bounded(power.stamps(cx, keys))).await;
    answer.ok().filter(|stamps| stamps.len() == keys.len()).unwrap_or_else(|| vec![None; keys.len()])
}
