//! The pure function from what is declared, what is there and what we own to a plan.

mod decide;
mod input;
mod order;
mod outputs;

pub use input::{DriftPolicy, Options, PlanInput};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::inventory::Owned;
use crate::plan::{Held, Plan, PlanId, Step};
use crate::value::{Key, Object};
use crate::{Error, Result};
use decide::Decision;

/// Makes plans. Pure: the same input gives the same plan, on any machine, at any time.
///
/// Where a delete is decided: [`decide`](Self::plan) in `planner/decide.rs`, and nowhere else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planner;

/// A plan with what it takes to carry it out.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The declared objects of its steps.
    pub objects: BTreeMap<Key, Arc<Object>>,
    /// Bookkeeping: entries that should say what was observed. No object changes by it.
    pub learned: BTreeMap<Key, Owned>,
    /// Bookkeeping: keys that were seen to be absent, or to belong to somebody else, and are not declared.
    pub gone: Vec<Key>,
    /// How many objects were compared field by field.
    pub diffed: usize,
}

impl Planner {
    /// The candidates that would get a step if they differed: those that a target with
    /// [`NativePlan`](crate::capability::NativePlan) is asked about. What is as we left it, or may not be touched, is
    /// not among them.
    pub fn to_foretell<'a>(self, input: &'a PlanInput<'a>) -> impl Iterator<Item = &'a Key> {
        input.candidates.iter().filter(|key| decide::would_be_a_step(input, key))
    }

    /// The plan for an input.
    ///
    /// # Errors
    /// `Invalid` with a diagnostic for each object that needs something undeclared, and for a cycle.
    pub fn plan(self, input: &PlanInput<'_>) -> Result<Planned> {
        let mut draft = Draft::default();
        for key in input.candidates {
            draft.take(key, decide::decide(input, key));
        }
        draft.steps.sort_by(|a, b| (a.action, &a.key).cmp(&(b.action, &b.key)));
        order::connect(input, &mut draft.steps, &draft.held)?;
        Ok(draft.finish(input))
    }
}

/// A plan while it is made.
#[derive(Default)]
struct Draft {
    steps: Vec<Step>,
    drift: Vec<Step>,
    held: Vec<Held>,
    kept: Vec<Key>,
    objects: BTreeMap<Key, Arc<Object>>,
    learned: BTreeMap<Key, Owned>,
    gone: Vec<Key>,
    diffed: usize,
}

impl Draft {
    fn take(&mut self, key: &Key, decision: (Decision, bool)) {
        let (decision, diffed) = decision;
        self.diffed += usize::from(diffed);
        match decision {
            Decision::Nothing => {}
            Decision::Step(step, object) => {
                self.objects.extend(object.map(|object| (key.clone(), object)));
                self.steps.push(*step);
            }
            Decision::Drift(step) => self.drift.push(*step),
            Decision::Hold(why) => self.held.push(Held { key: key.clone(), why }),
            Decision::Keep => self.kept.push(key.clone()),
            Decision::Learn(entry) => {
                self.learned.insert(key.clone(), *entry);
            }
            Decision::Gone => self.gone.push(key.clone()),
        }
    }

    fn finish(self, input: &PlanInput<'_>) -> Planned {
        let id: PlanId = input.basis.plan_id(input.application, input.revision, &self.steps);
        let declared = |key: &Key| input.desired.objects().contains(key);
        let moving = self.steps.iter().map(|step| &step.key).chain(self.drift.iter().map(|step| &step.key));
        let moving = moving.chain(self.held.iter().map(|held| &held.key)).filter(|key| declared(key)).count();
        let plan = Plan {
            id,
            application: input.application.to_owned(),
            revision: input.revision.clone(),
            observed_at: input.now,
            basis: input.basis.clone(),
            steps: self.steps,
            drift: self.drift,
            held: self.held,
            kept: self.kept,
            owned: input.inventory.entries().len() - self.gone.len(),
            unchanged: input.desired.objects().len() - moving,
        };

        Planned { plan, objects: self.objects, learned: self.learned, gone: self.gone, diffed: self.diffed }
    }
}

/// The faults of a plan's input as one error.
fn faulty(faults: Vec<crate::Diagnostic>) -> Error {
    Error::invalid("what is declared can't be brought into an order; nothing is planned", faults)
}
