//! Which objects are blocked, so that each is told of once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Engine, StepOutcome, StepResult};
use crate::cx::Time;
use crate::engine::event::{Event, Events};
use crate::plan::{Obstacle, Plan};
use crate::value::Key;

/// The blocked objects that were told of, with what was told.
#[derive(Default)]
pub(super) struct KnownBlocked(BTreeMap<Key, (Obstacle, String)>);

impl KnownBlocked {
    fn enter(&mut self, events: &Events, key: &Key, obstacle: Obstacle, reason: String) {
        let now = (obstacle, reason.clone());
        if self.0.insert(key.clone(), now.clone()).as_ref() != Some(&now) {
            events.emit(&Event::Blocked { key: key.clone(), obstacle, reason });
        }
    }

    fn leave(&mut self, events: &Events, key: &Key) {
        if let Some((_, reason)) = self.0.remove(key) {
            events.emit(&Event::Unblocked { key: key.clone(), reason });
        }
    }
}

impl Engine {
    /// Holds back what another engine of the application, which is at work, holds back because others change it again and again
    /// ([`EngineStatus::contested`](super::EngineStatus::contested)): each object until its time.
    pub fn held_elsewhere(&mut self, held: BTreeMap<Key, Time>) {
        self.flap_guard.held_elsewhere(held);
    }

    /// Tells of the objects about which a plan may do nothing, and of those that are as declared now. What became of
    /// those that have a step is known after it.
    pub(super) fn note_blocked(&mut self, plan: &Plan) {
        let blocked: BTreeMap<&Key, _> = plan
            .obstacles()
            .map(|(blocked, obstacle)| (&blocked.key, (obstacle, blocked.why.to_string())))
            .collect();
        let steps: BTreeSet<&Key> = plan.steps.iter().map(|step| &step.key).collect();
        let is_over = |key: &&Key| !blocked.contains_key(key) && !steps.contains(key);
        let over: Vec<Key> = self.blocked.0.keys().filter(is_over).cloned().collect();
        over.iter().for_each(|key| self.blocked.leave(&self.events, key));
        for (key, (obstacle, reason)) in blocked {
            self.blocked.enter(&self.events, key, obstacle, reason);
        }
    }

    /// Tells of the steps that were not tried because of another object, and of those that were tried at last.
    pub(super) fn note_blocked_steps(&mut self, results: &[StepResult]) {
        for StepResult { key, outcome, .. } in results {
            match outcome {
                StepOutcome::Blocked { by } => {
                    self.blocked.enter(&self.events, key, Obstacle::Wait, format!("it waits for {by}"));
                }
                StepOutcome::Skipped => {}
                _ => self.blocked.leave(&self.events, key),
            }
        }
    }
}
