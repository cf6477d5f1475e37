//! Readiness over time: what steps need is asked whether it is ready, however long ago it was written.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::effects::contained;
use super::{Engine, StepOutcome, StepResult};
use crate::capability::Readiness;
use crate::cx::Cx;
use crate::plan::planner::{PlanInput, Planned};
use crate::plan::{Plan, Prerequisite};
use crate::state::audit::AuditEvent;
use crate::state::inventory::Inventory;
use crate::state::record::{Owned, OwnedState, Record};
use crate::value::{Action, Error, ErrorKind, Key, Live, Result, Uid};

/// What was not ready when it was last looked at.
#[derive(Default)]
pub(super) struct Unready {
    found: BTreeMap<Key, Readiness>,
    /// Whether this process has asked about all objects.
    asked_about_all: bool,
}

impl Unready {
    /// How each of them is.
    pub fn values(&self) -> impl Iterator<Item = &Readiness> {
        self.found.values()
    }
}

impl Engine {
    /// Asks how the plan's prerequisites are doing, and the objects of which something is to be remembered once it is
    /// seen. What was seen goes into what the plan learned, or is given as records. Nothing is waited for.
    pub(super) async fn look_at_readiness(
        &self,
        cx: &Cx,
        input: &PlanInput<'_>,
        planned: &mut Planned,
    ) -> Vec<Record> {
        let unproven = unproven(input, &planned.plan);
        let prerequisites = &mut planned.plan.prerequisites;
        prerequisites.iter_mut().for_each(|found| self.recall(input.inventory, found));
        let open = prerequisites.iter().filter(|found| found.is_open()).map(|found| found.key.clone());
        let seen = self.look(cx, open.chain(unproven).collect()).await;
        for found in prerequisites.iter_mut().filter(|found| found.is_open()) {
            found.readiness = seen.get(&found.key).cloned();
        }
        planned.plan.blocked.extend(prerequisites.iter().filter_map(Prerequisite::blocked));
        planned.plan.blocked.sort_by(|a, b| a.key.cmp(&b.key));
        let mut records = Vec::new();
        for (key, readiness) in &seen {
            match planned.learned.get_mut(key) {
                Some(entry) => *entry = entry.clone().seen(readiness),
                None => records.extend(record_of(input.inventory, key, readiness)),
            }
        }
        records
    }

    /// The ends, as records, of what ran once and is gone, where its target saw it end before anybody asked.
    pub(super) async fn ends_of_gone(
        &self,
        cx: &Cx,
        inventory: &Inventory,
        candidates: &BTreeSet<Key>,
        live: &BTreeMap<Key, Live>,
    ) -> Vec<Record> {
        let mut by_target: BTreeMap<&str, Vec<(Key, Uid)>> = BTreeMap::new();
        let is_gone = |key: &&Key| candidates.contains(*key) && !live.contains_key(*key);
        for key in inventory.unproven().filter(is_gone) {
            let entry = inventory.entries().get(key).filter(|entry| entry.runs_once);
            if let Some(uid) = entry.and_then(|entry| entry.uid.clone()) {
                by_target.entry(key.target()).or_default().push((key.clone(), uid));
            }
        }
        let mut records = Vec::new();
        for (name, gone) in by_target {
            let Some(health) = self.targets.get(name).and_then(|target| target.health()) else { continue };
            let ends = contained(cx.bounded(health.ends(cx, &gone))).await.unwrap_or_default();
            let ends = ends.iter().filter(|(_, end)| matches!(end, Readiness::Ready | Readiness::Ended(_)));
            records.extend(ends.filter_map(|(key, end)| record_of(inventory, key, end)));
        }
        records
    }

    /// Remembers which of what was just done is not ready.
    pub(super) fn note_unready(&mut self, results: &[StepResult]) {
        for StepResult { key, outcome, action } in results {
            match outcome {
                StepOutcome::NotReady { reason } if *action != Action::Delete => {
                    self.unready.found.insert(key.clone(), Readiness::Progressing(reason.clone()));
                }
                StepOutcome::Done => drop(self.unready.found.remove(key)),
                _ => {}
            }
        }
    }

    /// Asks how the objects are doing that were not ready when they were last looked at. One that nobody can ask about now
    /// stays as it was. A process that goes on working asks also about those that may have `moved`, and once about all of them:
    /// what was not ready when the process before it ended is not ready for being forgotten.
    pub(super) async fn look_at_unready(&mut self, cx: &Cx, moved: &BTreeSet<Key>) {
        let owned = self.ledger.inventory().entries();
        self.unready.found.retain(|key, _| owned.get(key).is_some_and(|entry| !entry.is_settled()));
        let mut keys: BTreeSet<Key> = self.unready.found.keys().cloned().collect();
        if self.runs {
            let asks_all = !std::mem::replace(&mut self.unready.asked_about_all, true);
            let entries = self.inventory().entries();
            let is_asked = |key: &&Key| entries.get(key).is_some_and(|entry| self.can_be_unready(key, entry));
            match asks_all {
                true => keys.extend(entries.keys().filter(is_asked).cloned()),
                false => keys.extend(moved.iter().filter(is_asked).cloned()),
            }
        }
        if keys.is_empty() {
            return;
        }
        let looking = cx.within(self.timeouts.call);
        for (key, readiness) in self.look(&looking, keys).await {
            match readiness {
                Readiness::Ready | Readiness::Unproven(_) | Readiness::Suspended { .. } => {
                    self.unready.found.remove(&key);
                }
                unready => drop(self.unready.found.insert(key, unready)),
            }
        }
    }

    /// Whether we made it and its target can say something of it.
    fn can_be_unready(&self, key: &Key, entry: &Owned) -> bool {
        let has_health = || self.targets.get(key.target()).is_some_and(|target| target.health().is_some());
        entry.state == OwnedState::Held && !entry.is_settled() && has_health()
    }

    /// Whether an object that is to be written is new, or was not seen to be ready since it was, and its target can say so.
    pub(super) fn is_unproven_in_its_target(&self, key: &Key) -> bool {
        let has_health = self.targets.get(key.target()).is_some_and(|target| target.health().is_some());
        let entry = self.inventory().entries().get(key).filter(|entry| entry.state == OwnedState::Held);
        has_health && entry.is_none_or(|entry| entry.never_ready)
    }

    /// What is known without asking: what a person released, what ended well, and what no target can say more of.
    fn recall(&self, inventory: &Inventory, found: &mut Prerequisite) {
        let entry = inventory.entries().get(&found.key);
        let has_health = self.targets.get(found.key.target()).is_some_and(|target| target.health().is_some());
        if !has_health || entry.is_some_and(|entry| entry.readiness.is_settled()) {
            found.readiness = Some(Readiness::Ready);
        }
    }

    /// A target that can't be asked now leaves it unknown: it is waited for instead.
    async fn look(&self, cx: &Cx, keys: BTreeSet<Key>) -> BTreeMap<Key, Readiness> {
        let mut by_target: BTreeMap<SmolStr, Vec<Key>> = BTreeMap::new();
        for key in keys {
            by_target.entry(key.target().into()).or_default().push(key);
        }
        let mut seen = BTreeMap::new();
        for (name, keys) in by_target {
            let Some(target) = self.targets.get(&name) else { continue };
            let Some(health) = target.health() else {
                seen.extend(keys.into_iter().map(|key| (key, Readiness::Ready)));
                continue;
            };
            let answer = contained(cx.bounded(health.look(cx, &keys))).await.unwrap_or_default();
            // In order, as the set was: a whole stage may be asked about.
            seen.extend(answer.into_iter().filter(|(key, _)| keys.binary_search(key).is_ok()));
        }
        seen
    }

    /// Lets what needs an object go on although the object is not ready. That holds until the object is written again.
    ///
    /// # Errors
    /// `NotFound` if the application does not own the object, or has not made it yet; whatever keeps the state from
    /// being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn release(&mut self, cx: &Cx, key: &Key, by: &str) -> Result<()> {
        self.ledger.landed().await?;
        let released = self.held_entry(key)?.released();
        self.note_release(cx, key, released, AuditEvent::Released { key: key.clone() }, by).await
    }

    /// Lets the deletion of an object that is no longer declared go on, whatever it [waits for](crate::Plan::held_deletes) that is
    /// new in its target or runs before it. That holds until the object is declared again. Nothing else goes on by it.
    ///
    /// # Errors
    /// `NotFound` if the application does not own the object, or has not made it yet; whatever keeps the state from
    /// being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn release_deletion(&mut self, cx: &Cx, key: &Key, by: &str) -> Result<()> {
        self.ledger.landed().await?;
        let entry = Owned { let_go: true, ..self.held_entry(key)? };
        self.note_release(cx, key, entry, AuditEvent::DeletionReleased { key: key.clone() }, by).await
    }

    fn held_entry(&self, key: &Key) -> Result<Owned> {
        let entry = self.inventory().entries().get(key).filter(|entry| entry.state == OwnedState::Held);
        entry.cloned().ok_or_else(|| {
            let message = format!("{key} is none of the objects that this application made");
            Error::new(ErrorKind::NotFound, message).help("there is nothing to release")
        })
    }

    async fn note_release(
        &mut self,
        cx: &Cx,
        key: &Key,
        entry: Owned,
        event: AuditEvent,
        by: &str,
    ) -> Result<()> {
        self.take_over(cx, by).await?;
        self.audit(cx, by, vec![event]).await?;
        self.base.moved([key.clone()]);
        self.ledger.commit(&[Record::Adopt { key: key.clone(), entry }]).await?;
        self.ledger.end_sync(cx).await
    }
}

/// Objects that are not about to change, of which something is to be remembered once it is seen.
fn unproven(input: &PlanInput<'_>, plan: &Plan) -> Vec<Key> {
    let moving: BTreeSet<&Key> = plan
        .steps
        .iter()
        .map(|step| &step.key)
        .chain(plan.blocked.iter().map(|blocked| &blocked.key))
        .collect();
    let is_gone = |key: &Key| input.candidates.contains(key) && !input.live.contains_key(key);
    let unproven = input.inventory.unproven().filter(|key| !moving.contains(key) && !is_gone(key));
    unproven.cloned().collect()
}

/// The record of what was seen of an object's readiness, if that is to be remembered.
pub(super) fn record_of(inventory: &Inventory, key: &Key, readiness: &Readiness) -> Option<Record> {
    let entry = inventory.entries().get(key).filter(|entry| entry.is_unproven())?;
    let seen = entry.clone().seen(readiness);
    (&seen != entry).then(|| Record::Adopt { key: key.clone(), entry: seen })
}
