//! The pure function from what is declared, what is there and what we own to a plan: the same input gives the same plan, on any
//! machine, at any time.
//!
//! Where a delete is decided: in `decide.rs`, and nowhere else.

mod decide;
mod identity;
mod input;
mod leaving;
mod left;
mod order;
mod outputs;
mod serving;
#[cfg(test)]
mod tests;

pub(crate) use input::{Differing, PlanInput};
pub use input::{DriftPolicy, Options};
pub(crate) use left::LeftFields;
pub(crate) use outputs::{fill, layers};
pub(crate) use serving::with_serving;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::capability::Preview;
use crate::plan::{
    Blocked, BlockedBecause, EffectContext, OrphanedBecause, Plan, Prerequisite, Step, is_repair,
};
use crate::state::record::Owned;
use crate::value::{Digest, Effect, Error, ForeignField, Key, Object, PlanId, Refusal, Result, StepEffect};
use decide::Decision;
use identity::Identities;

/// A plan with what it takes to carry it out.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The declared objects of its steps.
    pub objects: BTreeMap<Key, Arc<Object>>,
    /// Bookkeeping: entries that should say what was observed. No object changes by it.
    pub learned: BTreeMap<Key, Owned>,
    /// Bookkeeping: keys that were seen to be absent, or to belong to somebody else, and are not declared.
    pub gone: Vec<Key>,
    /// Those of them that are under no other key either.
    pub vanished: Vec<Key>,
    /// How many objects were compared field by field.
    pub diffed: usize,
    /// Objects of which a declared field is left to another client, which may go without a word.
    pub leaving: Vec<Key>,
}

/// The candidates that would get a step if they differed: those that a target with
/// [`DryRun`](crate::capability::DryRun) is asked about. What is as we left it, or may not be touched, is
/// not among them.
pub(crate) fn to_preview<'a>(input: &'a PlanInput<'a>) -> impl Iterator<Item = &'a Key> {
    let identities = Identities::of(input);
    input.candidates.iter().filter(move |key| decide::would_be_a_step(input, &identities, key))
}

/// The plan for an input.
///
/// # Errors
/// `Invalid` with a diagnostic for each object that needs something undeclared, and for a cycle.
pub(crate) fn plan(input: &PlanInput<'_>) -> Result<Planned> {
    let mut draft = Draft::default();
    let identities = Identities::of(input);
    for key in input.candidates {
        draft.take(key, decide::decide(input, &identities, key));
    }
    for (key, decision) in serving::make_again(input, &identities, &draft.steps) {
        draft.take(&key, (decision, false));
    }
    draft.clean_up_last();
    draft.steps.sort_by(|a, b| (a.action, &a.key).cmp(&(b.action, &b.key)));
    let blocked: Vec<Blocked> =
        draft.blocked.iter().filter(|blocked| blocked.why.blocks_what_needs_it()).cloned().collect();
    let prerequisites = order::connect(input, &mut draft.steps, &blocked, &draft.learned)?;
    Ok(draft.finish(input, prerequisites))
}

/// A plan while it is made.
#[derive(Default)]
struct Draft {
    steps: Vec<Step>,
    drift: Vec<Step>,
    blocked: Vec<Blocked>,
    orphaned: BTreeMap<Key, OrphanedBecause>,
    objects: BTreeMap<Key, Arc<Object>>,
    learned: BTreeMap<Key, Owned>,
    gone: Vec<Key>,
    vanished: Vec<Key>,
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
            Decision::Hold(why) => self.blocked.push(Blocked { key: key.clone(), why }),
            Decision::Keep(why) => drop(self.orphaned.insert(key.clone(), why)),
            Decision::Learn(entry) => {
                self.learned.insert(key.clone(), *entry);
            }
            Decision::Gone => {
                self.gone.push(key.clone());
                self.vanished.push(key.clone());
            }
            Decision::Elsewhere => self.gone.push(key.clone()),
            Decision::Moved(to, entry) => {
                // What the other key was seen to be says more.
                self.learned.entry(to).or_insert(*entry);
                self.gone.push(key.clone());
            }
        }
    }

    /// What ended is deleted once there is nothing else to do.
    fn clean_up_last(&mut self) {
        let is_all =
            self.blocked.is_empty() && self.drift.is_empty() && self.steps.iter().all(decide::is_clean_up);
        if !is_all {
            for step in self.steps.extract_if(.., |step| decide::is_clean_up(step)) {
                self.objects.remove(&step.key);
            }
        }
    }

    fn effect(&self, input: &PlanInput<'_>) -> Effect {
        let repairs: BTreeSet<&Key> =
            self.steps.iter().filter(|step| is_repair(step)).map(|step| &step.key).collect();
        let moves: BTreeSet<&Key> = self.steps.iter().map(|step| &step.key).collect();
        let steps = self.steps.iter().map(|step| {
            let place = input.places.get(step.key.target());
            let context = EffectContext {
                application: input.application,
                target: place.map_or("", String::as_str),
                place: decide::previewed(input, &step.key).and_then(|preview| preview.place),
                template: template(input, &step.key),
            };
            let waits_freely = |key: &Key| repairs.contains(key) || !moves.contains(key);
            (step.key.clone(), StepEffect::of(step, &context, waits_freely))
        });
        let awaited = self.blocked.iter().filter_map(|blocked| match &blocked.why {
            BlockedBecause::AwaitsOutput { of, .. } => {
                Some((blocked.key.clone(), template(input, &blocked.key)?, of.clone()))
            }
            _ => None,
        });
        Effect::new(steps.collect(), awaited)
    }

    fn finish(self, input: &PlanInput<'_>, prerequisites: Vec<Prerequisite>) -> Planned {
        let id: PlanId = input.basis.plan_id(input.application, input.revision, input.rebound, &self.steps);
        let declared = |key: &Key| input.desired.objects().contains(key);
        let moving = self.steps.iter().map(|step| &step.key).chain(self.drift.iter().map(|step| &step.key));
        let moving =
            moving.chain(self.blocked.iter().map(|blocked| &blocked.key)).filter(|key| declared(key)).count();
        let effect = self.effect(input);
        let plan = Plan {
            id,
            effect,
            application: input.application.to_owned(),
            revision: input.revision.clone(),
            observed_at: input.now,
            basis: input.basis.clone(),
            rebound: input.rebound.to_vec(),
            steps: self.steps,
            drift: self.drift,
            beside: Vec::new(),
            blocked: self.blocked,
            prerequisites,
            gone: self.gone.clone(),
            orphaned: self.orphaned.keys().cloned().collect(),
            orphaned_because: self.orphaned,
            owned: input.inventory.measure().saturating_sub(self.gone.len()),
            removed: input.inventory.removed(),
            unchanged: input.desired.objects().len() - moving,
        };

        let leaves = |preview: &Result<Preview, Refusal>| {
            preview.as_ref().is_ok_and(|preview| preview.foreign.iter().any(ForeignField::is_left))
        };
        let leaving =
            input.previews.iter().filter(|(_, preview)| leaves(preview)).map(|(key, _)| key.clone());
        let Self { objects, learned, gone, vanished, diffed, .. } = self;
        Planned { plan, objects, learned, gone, vanished, diffed, leaving: leaving.collect() }
    }
}

/// The digest of a declaration with its placeholders, if it has any.
fn template(input: &PlanInput<'_>, key: &Key) -> Option<Digest> {
    input.declared.outputs_used(key)?;
    input.declared.objects().get(key).map(|object| object.body.digest())
}

/// The faults of a plan's input as one error.
fn faulty(faults: Vec<crate::value::Diagnostic>) -> Error {
    Error::invalid("what is declared can't be brought into an order; nothing is planned", faults)
}
