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
/// same target is refused, or is not ready. And what runs once in an earlier stage, such as a migration or a backup, runs before
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
        for key in moving.iter().filter(|key| is_new(input, key) && !ended.contains(*key)) {
            new.entry((key.target(), key.kind())).or_default().push((*key).clone());
        }
        Self { input, new, moving, hooks: BTreeMap::new() }
    }

    /// The keys that stand for all that a delete waits for, however many wait for the same; what they stand for comes to the
    /// prerequisites.
    pub fn waits_for(&mut self, step: &Step, prerequisites: &mut BTreeMap<Key, Prerequisite>) -> Vec<Key> {
        if step.reason != Reason::Undeclared {
            return Vec::new();
        }
        let (key, mut found) = (&step.key, Vec::new());
        if let Some(new) = self.new.get(&(key.target(), key.kind())) {
            let all = stand_in(key, "New", key.kind().to_smolstr());
            prerequisites
                .entry(all.clone())
                .or_insert_with(|| Prerequisite::all_of(all.clone(), new.clone()));
            found.push(all);
        }
        found.extend(self.hooks_before(key, prerequisites));
        found
    }

    fn hooks_before(&mut self, key: &Key, prerequisites: &mut BTreeMap<Key, Prerequisite>) -> Option<Key> {
        let input = self.input;
        let entry =
            input.inventory.entries().get(key).filter(|entry| !entry.runs_once && !input.is_rollback)?;
        let stage = entry.stage?;
        let place = (SmolStr::from(key.target()), stage);
        let before = || input.desired.once_before(key.target(), stage).cloned().collect();
        let hooks = self.hooks.entry(place).or_insert_with(before);
        if hooks.is_empty() {
            return None;
        }
        let all = stand_in(key, "Hooks", stage.to_smolstr());
        if !prerequisites.contains_key(&all) {
            prerequisites.insert(all.clone(), Prerequisite::all_of(all.clone(), hooks.clone()));
            for hook in hooks.iter().filter(|hook| self.moving.binary_search(hook).is_err()) {
                let asked = || Prerequisite::object(hook.clone(), Vec::new());
                prerequisites.entry(hook.clone()).or_insert_with(asked);
            }
        }
        Some(all)
    }
}

/// Whether an object is declared, and is not there, or nobody knows that it was made.
fn is_new(input: &PlanInput<'_>, key: &Key) -> bool {
    let entry = input.inventory.entries().get(key).filter(|entry| entry.state == OwnedState::Held);
    let live = input.live.get(key).filter(|live| !matches!(live.presence, Presence::Obstructed { .. }));
    input.desired.objects().contains(key) && (entry.is_none() || live.is_none())
}

fn stand_in(of: &Key, kind: &'static str, name: SmolStr) -> Key {
    Key::new(of.target(), GroupKind::new("gitops", kind), "", name)
}
