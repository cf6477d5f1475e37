//! What objects use of each other while a plan is made: outputs that fill placeholders.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::decide::{Decision, decide, is_in_the_state_we_left, previewed};
use super::identity::Identities;
use super::{PlanInput, faulty, order};
use crate::plan::BlockedBecause;
use crate::plan::graph::Graph;
use crate::render::Desired;
use crate::value::{Diagnostic, Key, Live, Object, OutputRef, Result, UnfitOutput, Value};

/// The candidates in layers: what fills the placeholders of one comes from earlier layers, or from no candidate.
///
/// # Errors
/// `Invalid` with a diagnostic for each output of something undeclared, and for a cycle.
pub(crate) fn layers(desired: &Desired, candidates: &BTreeSet<Key>) -> Result<Vec<BTreeSet<Key>>> {
    let (mut rest, first): (BTreeSet<Key>, BTreeSet<Key>) =
        candidates.iter().cloned().partition(|key| desired.outputs_used(key).is_some());
    let faults = undeclared(desired, &rest);
    if !faults.is_empty() {
        return Err(faulty(faults));
    }
    let mut layers = vec![first];
    while !rest.is_empty() {
        let waits = |key: &Key| used_keys(desired, key).any(|used| rest.contains(used));
        let (later, next): (BTreeSet<Key>, BTreeSet<Key>) = rest.iter().cloned().partition(waits);
        if next.is_empty() {
            return Err(cycle(desired, &rest));
        }
        layers.push(next);
        rest = later;
    }
    Ok(layers)
}

/// A declared candidate with its placeholders filled from what was observed; nothing if it has none. All candidates that
/// it uses must be previewed and filled already.
///
/// # Errors
/// Why the object must wait: an output is not there, or belongs to an object that this plan would change.
pub(crate) fn fill(input: &PlanInput<'_>, key: &Key) -> Result<Option<Arc<Object>>, BlockedBecause> {
    let (Some(_), Some(object)) = (input.desired.outputs_used(key), input.desired.objects().get(key)) else {
        return Ok(None);
    };
    let body = object.body.fill(&mut |used: &OutputRef| output_of(input, used))?;
    Ok(Some(Arc::new(Object { body, ..Object::clone(object) })))
}

fn used_keys<'a>(desired: &'a Desired, key: &Key) -> impl Iterator<Item = &'a Key> {
    desired.outputs_used(key).unwrap_or_default().iter().map(|used| &used.key)
}

fn undeclared(desired: &Desired, users: &BTreeSet<Key>) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for object in users.iter().filter_map(|user| desired.objects().get(user)) {
        for used in desired.outputs_used(&object.key).unwrap_or_default() {
            if !desired.objects().contains(&used.key) {
                let OutputRef { key, output } = used;
                let message =
                    format!("{} uses the output `{output}` of {key}, which nobody declares", object.key);
                let fault = Diagnostic::error("GO0303", object.provenance.to_string(), message);
                faults.push(fault.help("declare it, or write the value down"));
            }
        }
    }
    faults
}

fn cycle(desired: &Desired, keys: &BTreeSet<Key>) -> crate::value::Error {
    let uses = |key: &Key| (key.clone(), used_keys(desired, key).cloned().collect());
    match Graph::new(keys.iter().map(uses)) {
        Err(cycle) => faulty(vec![order::cycle_fault(desired, &cycle)]),
        Ok(_) => crate::value::Error::new(
            crate::value::ErrorKind::Internal,
            "objects wait for each other and for no reason",
        ),
    }
}

/// An output, if its object is as this plan leaves it: never the output of something that is about to change.
fn output_of(input: &PlanInput<'_>, used: &OutputRef) -> Result<Value, BlockedBecause> {
    let becomes = previewed(input, &used.key).filter(|_| input.candidates.contains(&used.key));
    if let Some(known) = becomes.and_then(|preview| preview.outputs.as_ref())
        && !known.iter().any(|name| *name == used.output)
    {
        let (of, output, known) = (used.key.clone(), used.output.to_string(), known.clone());
        return Err(BlockedBecause::LacksOutput { of, output, known });
    }
    let live = input.live.get(&used.key).filter(|live| is_settled(input, live));
    let found = live.and_then(|live| live.outputs.get(used.output.as_str()));
    found.filter(|value| !value.has_placeholder()).cloned().ok_or_else(|| BlockedBecause::AwaitsOutput {
        of: used.key.clone(),
        output: used.output.to_string(),
        known: live.map(|live| live.outputs.keys().cloned().collect()).unwrap_or_default(),
    })
}

fn is_settled(input: &PlanInput<'_>, live: &Live) -> bool {
    if input.candidates.contains(&live.key) {
        let decision = decide(input, &Identities::default(), &live.key).0;
        return matches!(decision, Decision::Nothing | Decision::Learn(_) | Decision::Drift(_));
    }
    input.inventory.entries().get(&live.key).is_some_and(|entry| is_in_the_state_we_left(entry, live))
}

impl From<UnfitOutput> for BlockedBecause {
    fn from(unfit: UnfitOutput) -> Self {
        let OutputRef { key, output } = unfit.output;
        Self::UnfitOutput { of: key, output: output.to_string(), what: unfit.what.to_owned() }
    }
}
