//! Which steps of a plan wait for which.

use std::collections::{BTreeMap, BTreeSet};

use super::{PlanInput, faulty};
use crate::Result;
use crate::diagnostic::Diagnostic;
use crate::graph::{Cycle, Graph};
use crate::plan::{Held, Step};
use crate::render::Desired;
use crate::value::{Action, Key, Object};

/// Fills in what each step waits for.
///
/// A write waits for the steps on which its object depends, also through objects that do not change. A delete waits
/// for every step on, and every held, object that needed what is deleted: it goes last.
pub(super) fn connect(input: &PlanInput<'_>, steps: &mut [Step], held: &[Held]) -> Result<()> {
    let writes: BTreeSet<Key> =
        steps.iter().filter(|step| step.action != Action::Delete).map(|step| step.key.clone()).collect();
    let held: BTreeSet<&Key> = held.iter().map(|held| &held.key).collect();
    let mut walk = Walk { input, writes: &writes, held: &held, needs: BTreeMap::new(), faults: Vec::new() };
    let mut after: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for key in &writes {
        let found = walk.needed_steps(key);
        after.entry(key.clone()).or_default().extend(found);
    }
    walk.find_what_left_and_is_needed();
    let Walk { needs, faults, .. } = walk;
    if !faults.is_empty() {
        return Err(faulty(faults));
    }
    Graph::new(needs).map_err(|cycle| faulty(vec![cycle_fault(input.desired, &cycle)]))?;
    for (deleted, before) in deletes_after(input, steps, &held) {
        after.entry(deleted).or_default().extend(before);
    }
    for step in steps {
        step.after = after.remove(&step.key).unwrap_or_default().into_iter().collect();
    }
    Ok(())
}

/// Follows the needs of declared objects, each object once.
struct Walk<'a> {
    input: &'a PlanInput<'a>,
    writes: &'a BTreeSet<Key>,
    held: &'a BTreeSet<&'a Key>,
    needs: BTreeMap<Key, Vec<Key>>,
    faults: Vec<Diagnostic>,
}

impl Walk<'_> {
    /// The nearest steps, and the objects that are held, on the ways from an object along its needs.
    fn needed_steps(&mut self, key: &Key) -> BTreeSet<Key> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut due = self.needs_of(key);
        while let Some(need) = due.pop() {
            if !seen.insert(need.clone()) {
                continue;
            }
            if self.writes.contains(&need) || self.held.contains(&need) {
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
        for key in self.input.candidates.iter().filter(|key| !desired.objects().contains(key)) {
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
/// are held: one that is on its way out is still there.
fn deletes_after(
    input: &PlanInput<'_>,
    steps: &[Step],
    held: &BTreeSet<&Key>,
) -> BTreeMap<Key, BTreeSet<Key>> {
    let deleted: BTreeSet<&Key> =
        steps.iter().filter(|step| step.action == Action::Delete).map(|step| &step.key).collect();
    let mut after: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for key in steps.iter().map(|step| &step.key).chain(held.iter().copied()) {
        let Some(entry) = input.inventory.entries().get(key) else { continue };
        for need in entry.needs.iter().filter(|need| deleted.contains(need)) {
            after.entry(need.clone()).or_default().insert(key.clone());
        }
    }
    after
}

/// The fault of a cycle, at the place of its first member.
pub(super) fn cycle_fault(desired: &Desired, cycle: &Cycle) -> Diagnostic {
    let first = cycle.members().first().and_then(|key| desired.objects().get(key));
    let path = first.map_or_else(String::new, |object| object.provenance.to_string());
    Diagnostic::error("GO0304", path, cycle.to_string()).help("remove one of these needs")
}
