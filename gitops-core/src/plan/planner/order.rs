//! Which steps of a plan wait for which, and for which objects that do not change.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::{SmolStr, ToSmolStr};

use super::leaving::Leaving;
use super::{PlanInput, faulty};
use crate::plan::graph::{Cycle, Graph};
use crate::plan::{Blocked, BlockedBecause, Cause, Prerequisite, Step};
use crate::render::Desired;
use crate::state::record::Owned;
use crate::value::{Action, Diagnostic, GroupKind, Key, Object, Presence, Result};

/// Fills in what each step waits for, and gives what of that does not change.
///
/// A write of a new declaration waits until all that its object needs is ready: steps of this plan, and objects that do
/// not change, however long ago they were written. A write that [brings back](brings_back) what was recorded waits only
/// for what must be made first. Both wait for the delete of what is in their object's place. A delete waits for every step
/// on, and every blocked, object that needed what is deleted, and for objects that may still use it: it goes last, but for
/// those that can't be before it is gone. `learned` has the entries of objects that move to another key by this plan.
pub(super) fn connect(
    input: &PlanInput<'_>,
    steps: &mut [Step],
    blocked: &[Blocked],
    learned: &BTreeMap<Key, Owned>,
) -> Result<Vec<Prerequisite>> {
    let mut walk = Walk::new(input, steps, blocked);
    let writes = || steps.iter().filter(|step| step.action != Action::Delete);
    let mut after: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for step in writes() {
        let mut found: BTreeSet<Key> = match brings_back(input, step) {
            true => walk.made_first(&step.key),
            false => walk.needs_of(&step.key).into_iter().collect(),
        };
        found.extend(obstacles(input, &step.key).iter().cloned());
        after.insert(step.key.clone(), found);
    }
    let strict = writes().filter(|step| !brings_back(input, step)).map(|step| &step.key);
    let mut prerequisites = walk.prerequisites(strict);
    walk.find_what_left_and_is_needed();
    let Walk { needs, faults, .. } = walk;
    if !faults.is_empty() {
        return Err(faulty(faults));
    }
    Graph::new(needs).map_err(|cycle| faulty(vec![cycle_fault(input.desired, &cycle)]))?;
    for (deleted, before) in deletes_after(input, steps, blocked, learned, &mut prerequisites) {
        after.entry(deleted).or_default().extend(before);
    }
    let deletes = steps.iter().filter(|step| step.action == Action::Delete).map(|step| &step.key);
    break_circles(&deletes.collect(), &mut after, &prerequisites);
    for step in steps {
        step.brings_back = brings_back(input, step);
        step.after = after.remove(&step.key).unwrap_or_default().into_iter().collect();
    }
    Ok(prerequisites.into_values().collect())
}

/// Whether a write puts back what was recorded before: the correction of drift, or a rollback. What is unready may be so
/// for lack of just that, so it is never what such a write waits for.
fn brings_back(input: &PlanInput<'_>, step: &Step) -> bool {
    step.action != Action::Delete && (step.cause == Cause::Drift || input.is_rollback)
}

/// What is in the place of an object that is to be made.
fn obstacles<'a>(input: &'a PlanInput<'_>, key: &Key) -> &'a [Key] {
    match input.live.get(key).map(|live| &live.presence) {
        Some(Presence::Obstructed { by, .. }) => by,
        _ => &[],
    }
}

/// Follows the needs of declared objects, each object once.
struct Walk<'a> {
    input: &'a PlanInput<'a>,
    /// The steps that write, and whether each makes what is not there.
    writes: BTreeMap<Key, bool>,
    blocked: BTreeMap<&'a Key, &'a BlockedBecause>,
    needs: BTreeMap<Key, Vec<Key>>,
    faults: Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    fn new(input: &'a PlanInput<'a>, steps: &[Step], blocked: &'a [Blocked]) -> Self {
        let writes = steps.iter().filter(|step| step.action != Action::Delete);
        let makes = |step: &Step| matches!(step.action, Action::Create | Action::Replace);
        Self {
            input,
            writes: writes.map(|step| (step.key.clone(), makes(step))).collect(),
            blocked: blocked.iter().map(|blocked| (&blocked.key, &blocked.why)).collect(),
            needs: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    /// What does not change on the ways from some steps along their needs. Beyond a step or a blocked object nothing is
    /// looked for: those wait themselves, or are waited for in vain.
    fn prerequisites<'k>(&mut self, steps: impl Iterator<Item = &'k Key>) -> BTreeMap<Key, Prerequisite> {
        let mut found = BTreeMap::new();
        let mut due: Vec<Key> = steps.flat_map(|key| self.needs_of(key)).collect();
        while let Some(key) = due.pop() {
            if self.writes.contains_key(&key) || self.blocked.contains_key(&key) || found.contains_key(&key) {
                continue;
            }
            let after = self.needs_of(&key);
            due.extend(after.iter().cloned());
            let prerequisite = match self.input.desired.objects().contains(&key) {
                true => Prerequisite::object(key.clone(), after),
                false => Prerequisite::all_of(key.clone(), after),
            };
            found.insert(key, prerequisite);
        }
        found
    }

    /// The nearest steps that make something, and blocked objects, on the ways from an object along its needs: it can't be
    /// there before them. One that is gone and whose end nobody saw keeps nothing from being brought back.
    fn made_first(&mut self, key: &Key) -> BTreeSet<Key> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut due = self.needs_of(key);
        while let Some(need) = due.pop() {
            if !seen.insert(need.clone()) {
                continue;
            }
            let is_held =
                self.blocked.get(&need).is_some_and(|why| !matches!(why, BlockedBecause::Ended { .. }));
            if is_held || self.writes.get(&need) == Some(&true) {
                found.insert(need);
            } else {
                due.extend(self.needs_of(&need));
            }
        }
        found
    }

    fn needs_of(&mut self, key: &Key) -> Vec<Key> {
        if let Some(needs) = self.needs.get(key) {
            return needs.clone();
        }
        let Some(object) = self.input.desired.objects().get(key) else {
            let members = self.input.desired.members(key);
            self.needs.insert(key.clone(), members.clone());
            return members;
        };
        let needs = self.input.desired.needs(object).unwrap_or_else(|missing| {
            missing.iter().for_each(|need| self.missing(object, need));
            Vec::new()
        });
        self.needs.insert(key.clone(), needs.clone());
        needs
    }
}

impl Walk<'_> {
    /// What is no longer declared is not needed either, also by objects that do not change.
    fn find_what_left_and_is_needed(&mut self) {
        let desired = self.input.desired;
        // What went before is missed by who is written anew, and by nobody else: an engine that begins now knows no more.
        let entries = self.input.inventory.entries();
        let leaves = |key: &&Key| !desired.objects().contains(key) && entries.contains(key);
        for key in self.input.candidates.iter().filter(leaves) {
            for object in desired.needed_by(key).filter_map(|needer| desired.objects().get(needer)) {
                self.missing(object, key);
            }
        }
    }

    fn missing(&mut self, object: &Object, need: &Key) {
        let message = format!("{} needs {need}, which nobody declares", object.key);
        let fault = Diagnostic::error("GO0303", object.provenance.to_string(), message);
        let fault = fault.help("declare it, or remove the need");
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

/// What each delete waits for: the steps on objects that needed it when they were last written, and such objects that
/// are blocked: one that is on its way out is still there; objects that do not change and may still use it, for they were
/// not seen to be ready since; the deletes of later stages; and what [`Leaving`] says of what left the source.
fn deletes_after(
    input: &PlanInput<'_>,
    steps: &[Step],
    blocked: &[Blocked],
    learned: &BTreeMap<Key, Owned>,
    prerequisites: &mut BTreeMap<Key, Prerequisite>,
) -> BTreeMap<Key, BTreeSet<Key>> {
    let goes = |step: &&Step| step.action == Action::Delete;
    let gone: BTreeSet<&Key> = steps.iter().filter(goes).map(|step| &step.key).collect();
    let mut after: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    if gone.is_empty() {
        return after;
    }
    let moving: BTreeSet<&Key> =
        steps.iter().map(|step| &step.key).chain(blocked.iter().map(|blocked| &blocked.key)).collect();
    let unproven = input.inventory.unproven().filter(|key| !moving.contains(key));
    for key in moving.iter().copied().chain(unproven) {
        // What is declared under another key now needed this under the one that it had.
        let Some(entry) = input.inventory.entries().get(key).or_else(|| learned.get(key)) else { continue };
        let needs = entry.still_needs.iter().chain(entry.needs.iter().filter(|_| moving.contains(key)));
        for need in needs.filter(|need| gone.contains(need)) {
            after.entry(need.clone()).or_default().insert(key.clone());
            if !moving.contains(key) {
                let asked = || Prerequisite::object(key.clone(), Vec::new());
                prerequisites.entry(key.clone()).or_insert_with(asked);
            }
        }
    }
    last_stage_first(input, &gone, &mut after, prerequisites);
    let mut leaving = Leaving::of(input, steps, blocked);
    for step in steps.iter().filter(goes) {
        let waits_for = leaving.waits_for(step, prerequisites);
        after.entry(step.key.clone()).or_default().extend(waits_for);
    }
    after
}

/// Stages are undone in the reverse of the order in which they were made.
fn last_stage_first(
    input: &PlanInput<'_>,
    gone: &BTreeSet<&Key>,
    after: &mut BTreeMap<Key, BTreeSet<Key>>,
    prerequisites: &mut BTreeMap<Key, Prerequisite>,
) {
    let mut stages: BTreeMap<SmolStr, BTreeMap<i64, Vec<&Key>>> = BTreeMap::new();
    for key in gone.iter().copied() {
        let entry = input.inventory.entries().get(key);
        if let Some(stage) = entry.and_then(|entry| entry.stage) {
            stages.entry(key.target().into()).or_default().entry(stage).or_default().push(key);
        }
    }
    for (target, stages) in stages {
        let (earlier, later) = (stages.values(), stages.iter().skip(1));
        for (keys, (stage, behind)) in earlier.zip(later) {
            // One key stands for the stage, however many objects go with it.
            let kind = GroupKind::new("gitops", "StageGone");
            let all_gone = Key::new(target.clone(), kind, "", stage.to_smolstr());
            let all = behind.iter().map(|key| (*key).clone()).collect();
            prerequisites.insert(all_gone.clone(), Prerequisite::all_of(all_gone.clone(), all));
            for key in keys {
                after.entry((*key).clone()).or_default().insert(all_gone.clone());
            }
        }
    }
}

/// Lets a delete of each circle wait for less: for what can't be made before it is gone; and entries of different revisions
/// may contradict each other.
fn break_circles(
    gone: &BTreeSet<&Key>,
    after: &mut BTreeMap<Key, BTreeSet<Key>>,
    prerequisites: &BTreeMap<Key, Prerequisite>,
) {
    if gone.is_empty() {
        return;
    }
    let of_steps = after.iter().map(|(key, after)| (key.clone(), after.iter().cloned().collect()));
    let unchanged = prerequisites.values().map(|found| (found.key.clone(), found.after.clone()));
    let mut edges: BTreeMap<Key, Vec<Key>> = of_steps.chain(unchanged).collect();
    while let Err(cycle) = Graph::new(edges.clone()) {
        let members: BTreeSet<&Key> = cycle.members().iter().collect();
        let is_inside = |key: &Key| members.contains(key);
        let mut deletes = members.iter().copied().filter(|key| gone.contains(key));
        let Some(first) = deletes.find(|key| edges[*key].iter().any(is_inside)) else { return };
        let first = first.clone();
        after.entry(first.clone()).or_default().retain(|key| !is_inside(key));
        edges.entry(first).or_default().retain(|key| !is_inside(key));
    }
}

/// The fault of a cycle, at the place of its first member.
pub(super) fn cycle_fault(desired: &Desired, cycle: &Cycle) -> Diagnostic {
    let first = cycle.members().first().and_then(|key| desired.objects().get(key));
    let path = first.map_or_else(String::new, |object| object.provenance.to_string());
    Diagnostic::error("GO0304", path, cycle.to_string()).help("remove one of these needs")
}
