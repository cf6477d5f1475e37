//! What left the source goes last: when what may be the same under another name works, and when what runs before it has ended.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::{SmolStr, ToSmolStr};

use super::PlanInput;
use crate::plan::{Blocked, BlockedBecause, Prerequisite, Reason, Step};
use crate::state::record::OwnedState;
use crate::value::{Action, GroupKind, Key, Presence};

/// What the deletes of what is no longer declared wait for besides the objects that needed it.
///
/// What is new may be what left under another name, as nobody can tell: so nothing goes of a kind of which something new in the
/// same target is refused, or was never seen to be ready, unless a person let it go by its name. And what runs once in an earlier stage, such as a migration or a backup, runs before
/// anything goes; a rollback waits for nothing that is unready, and so not for that.
pub(super) struct Leaving<'a> {
    input: &'a PlanInput<'a>,
    /// What is to be made, by target and kind.
    new: BTreeMap<(&'a str, &'a GroupKind), Vec<Key>>,
    /// What is changed or blocked: whether that is ready is known without asking.
    moving: Vec<&'a Key>,
    /// What runs once before each stage of a target.
    hooks: BTreeMap<(SmolStr, i64), Vec<Key>>,
}

impl<'a> Leaving<'a> {
    pub fn of(input: &'a PlanInput<'a>, steps: &'a [Step], blocked: &'a [Blocked]) -> Self {
        let writes = steps.iter().filter(|step| step.action != Action::Delete).map(|step| &step.key);
        let held = blocked.iter().map(|blocked| &blocked.key);
        let mut moving: Vec<&Key> = writes.chain(held).collect();
        moving.sort();
        let ended = blocked.iter().filter(|blocked| matches!(blocked.why, BlockedBecause::Ended { .. }));
        let ended: BTreeSet<&Key> = ended.map(|blocked| &blocked.key).collect();
        let mut new: BTreeMap<_, Vec<Key>> = BTreeMap::new();
        let made = never_ready(input).filter(|key| moving.binary_search(key).is_err());
        let new_there = moving.iter().copied().filter(|key| is_new(input, key, ended.contains(key)));
        for key in new_there.chain(made) {
            new.entry((key.target(), key.kind())).or_default().push(key.clone());
        }
        Self { input, new, moving, hooks: BTreeMap::new() }
    }

    /// What does not change is asked whether it is ready.
    fn ask<'k>(&self, keys: impl IntoIterator<Item = &'k Key>, prerequisites: &mut Prerequisites) {
        for key in keys.into_iter().filter(|key| self.moving.binary_search(key).is_err()) {
            let asked = || Prerequisite::object(key.clone(), Vec::new());
            prerequisites.entry(key.clone()).or_insert_with(asked);
        }
    }

    /// The keys that stand for all that a delete waits for, however many wait for the same; what they stand for comes to the
    /// prerequisites.
    pub fn waits_for(&mut self, step: &Step, prerequisites: &mut Prerequisites) -> Vec<Key> {
        let entry = self.input.inventory.entries().get(&step.key);
        if step.reason != Reason::Undeclared || entry.is_some_and(|entry| entry.let_go) {
            return Vec::new();
        }
        let (key, mut found) = (&step.key, Vec::new());
        if let Some(new) = self.new.get(&(key.target(), key.kind())) {
            let all = stand_in(key, "New", key.kind().to_smolstr());
            if !prerequisites.contains_key(&all) {
                prerequisites.insert(all.clone(), Prerequisite::all_of(all.clone(), new.clone()));
                self.ask(new, prerequisites);
            }
            found.push(all);
        }
        found.extend(self.hooks_before(key, prerequisites));
        found
    }

    fn hooks_before(&mut self, key: &Key, prerequisites: &mut Prerequisites) -> Option<Key> {
        let input = self.input;
        let entry =
            input.inventory.entries().get(key).filter(|entry| !entry.runs_once && !input.is_rollback)?;
        let stage = entry.stage?;
        let place = (SmolStr::from(key.target()), stage);
        let before = || input.desired.once_before(key.target(), stage).cloned().collect();
        let hooks = self.hooks.entry(place).or_insert_with(before).clone();
        if hooks.is_empty() {
            return None;
        }
        let all = stand_in(key, "Hooks", stage.to_smolstr());
        if !prerequisites.contains_key(&all) {
            prerequisites.insert(all.clone(), Prerequisite::all_of(all.clone(), hooks.clone()));
            self.ask(&hooks, prerequisites);
        }
        Some(all)
    }
}

type Prerequisites = BTreeMap<Key, Prerequisite>;

/// Whether an object is declared, and is not there, or nobody knows that it was made, or that it ever was ready.
fn is_new(input: &PlanInput<'_>, key: &Key, has_ended: bool) -> bool {
    let entry = input.inventory.entries().get(key).filter(|entry| entry.state == OwnedState::Held);
    let live = input.live.get(key).filter(|live| !matches!(live.presence, Presence::Obstructed { .. }));
    let is_missing = (entry.is_none() || live.is_none()) && !has_ended;
    let never_ready = entry.is_some_and(|entry| entry.never_ready) && !input.is_rollback;
    input.desired.objects().contains(key) && (is_missing || never_ready)
}

/// What was made for the declaration that stands, and was never seen to be ready. A rollback waits for nothing that is unready.
fn never_ready<'a>(input: &'a PlanInput<'_>) -> impl Iterator<Item = &'a Key> {
    let entries = input.inventory.entries();
    let is_it = |key: &&Key| entries.get(key).is_some_and(|entry| entry.never_ready);
    let unproven = input.inventory.unproven().filter(|_| !input.is_rollback);
    unproven.filter(|key| input.desired.objects().contains(key)).filter(is_it)
}

fn stand_in(of: &Key, kind: &'static str, name: SmolStr) -> Key {
    Key::new(of.target(), GroupKind::new("gitops", kind), "", name)
}
