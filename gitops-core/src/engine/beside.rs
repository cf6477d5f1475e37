//! Drift beside a commit: what was changed outside of Git of objects that the source changes too.
//!
//! A plan compares with what is declared now, and so can't tell the one from the other. What was applied last is what an
//! earlier revision declares: the object is compared with that, by the same means as in every plan.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::admission::Admission;
use super::prepare::{Look, Prepared};
use crate::cx::Cx;
use crate::gate::Verdict;
use crate::plan::planner::Planned;
use crate::plan::{Blocked, BlockedBecause, Cause, DriftBeside, FoundBeside, Reason, Step};
use crate::state::inventory::Inventory;
use crate::state::record::{Left, Owned, OwnedState};
use crate::value::{Action, Digest, ErrorKind, Expect, Key, Result, Revision};

const CONFIGURED_OTHERWISE: &str = "its target is configured otherwise than when it was applied";

/// What a comparison with what was applied gave.
enum Compared {
    AsLeft,
    /// What was found, and the step that puts back what was applied, if one does.
    Otherwise(FoundBeside, Option<Box<Step>>),
}

impl Compared {
    const fn unknown(reason: String) -> Self {
        Self::Otherwise(FoundBeside::Unknown { reason }, None)
    }
}

/// What is known of each object without a comparison, and what each of the others was left as.
#[derive(Default)]
struct Suspects {
    known: Vec<DriftBeside>,
    moved: BTreeMap<Key, Digest>,
    /// What awaits an output: no step says how it is there. Where it can't be compared, it is told as waiting.
    awaiting: BTreeSet<Key>,
}

impl Engine {
    /// Whether some of a plan's changes are not made soon, so that drift beside them stays: nobody may make them now, or they were
    /// tried and something is left.
    pub(super) fn is_held(&self, prepared: &Prepared) -> bool {
        let revision = &prepared.planned.plan.revision;
        let tried = self.inventory().progress().filter(|progress| progress.revision == *revision);
        let has_left = tried.is_some_and(|progress| progress.left.is_some());
        let passes = matches!(prepared.verdict, Verdict::Allow | Verdict::Warn { .. });
        prepared.suspension.is_some() || !passes || has_left
    }

    /// The objects of a plan's changes that are not as they were applied last. Nothing is looked at but objects that moved
    /// since, and nothing is remembered of it.
    ///
    /// # Errors
    /// `Cancelled`. Whatever else keeps it from comparing an object is told of that object.
    pub(super) async fn look_beside(&mut self, cx: &Cx, prepared: &Prepared) -> Result<Vec<DriftBeside>> {
        let mut inventory = self.inventory().clone();
        prepared.concluded.iter().for_each(|record| inventory.take_in(record));
        let plan = &prepared.planned.plan;
        let mut suspects = Suspects::default();
        for step in &plan.steps {
            if let Some(entry) = inventory.entries().get(&step.key) {
                suspects.take(step, entry, is_half_changed(&inventory, step, &plan.revision));
            }
        }
        plan.blocked.iter().for_each(|blocked| suspects.take_awaiting(blocked, &inventory));
        suspects.take_deleted(&prepared.planned, &inventory);
        let Suspects { mut known, moved, awaiting } = suspects;
        let is_live = inventory.accepted().is_some() || inventory.complete().is_some();
        let revisions = self.revisions_of_record(&plan.revision);
        let mut open = moved;
        // What is applied as it is declared changes only by what its target is told beside.
        let mut reason = match is_live && revisions.is_empty() {
            true => CONFIGURED_OTHERWISE.to_owned(),
            false => "no revision is known that declares it as it was applied".to_owned(),
        };
        for revision in &revisions {
            if open.is_empty() {
                break;
            }
            match Box::pin(self.compare_with_applied(cx, revision, &open)).await {
                Ok(compared) => known.extend(compared.into_iter().filter_map(|(key, compared)| {
                    open.remove(&key);
                    match compared {
                        Compared::AsLeft => None,
                        Compared::Otherwise(found, back) => {
                            let pending = plan.step(&key).zip(back);
                            let only_drift = pending.is_some_and(|(step, back)| is_same(step, &back));
                            Some(DriftBeside { key, found, only_drift })
                        }
                    }
                })),
                Err(error) if error.kind() == ErrorKind::Cancelled || cx.is_cancelled() => return Err(error),
                Err(error) => reason = format!("{error:#}"),
            }
        }
        let unknown = |key| DriftBeside::new(key, FoundBeside::Unknown { reason: reason.clone() });
        known.extend(open.into_keys().map(unknown));
        known.retain(|beside| beside.is_known() || !awaiting.contains(&beside.key));
        known.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(known)
    }

    /// Compares objects with what a revision declares, each that was left as just that.
    async fn compare_with_applied(
        &mut self,
        cx: &Cx,
        revision: &Revision,
        left: &BTreeMap<Key, Digest>,
    ) -> Result<BTreeMap<Key, Compared>> {
        let declared = self.read_at(cx, revision).await?;
        let binds = self.binds(&cx.within(self.timeouts.call)).await?;
        let is_declared = |key: &&Key| declared.desired.objects().contains(key);
        let candidates: BTreeSet<Key> = left.keys().filter(is_declared).cloned().collect();
        let look = Look {
            declared: &declared,
            candidates: &candidates,
            now: cx.now(),
            flapping: &BTreeMap::new(),
            binds: &binds,
            is_rollback: false,
            seen: None,
        };
        let considered = Box::pin(self.consider(cx, look, &mut Admission::default())).await?;
        let is_whole = |key: &&Key| declared.desired.outputs_used(key).is_none();
        let whole =
            |key: &Key| Some(key).filter(is_whole).and_then(|key| declared.desired.objects().get(key));
        let body = |key: &Key| whole(key).map(|object| object.body.digest());
        let compared =
            |key: &Key| Some((key.clone(), compared(&considered.planned, key, left.get(key)?, body(key))?));
        Ok(candidates.iter().filter_map(compared).collect())
    }
}

impl Suspects {
    fn take(&mut self, step: &Step, entry: &Owned, is_half_changed: bool) {
        // What has the cause drift is told of already, and so is what the target made of the last write.
        let is_told = step.cause == Cause::Drift || step.left_otherwise;
        if is_told || entry.state != OwnedState::Held || matches!(step.reason, Reason::Ended { .. }) {
            return;
        }
        let found = match &step.expect {
            // What has run to its end may be gone.
            None if step.action != Action::Create || entry.runs_once => return,
            None => FoundBeside::Deleted,
            Some(Expect { uid, .. }) if entry.uid.as_ref() != Some(uid) => FoundBeside::MadeAnew,
            Some(Expect { version, .. }) => {
                let is_as_left = entry.version.as_ref() == Some(version) && entry.left_otherwise.is_none();
                // Nobody declared what a change of ours left that came to no end, whatever is declared since.
                let is_left_half = entry.desired.is_none() && entry.left_otherwise.is_none();
                let is_half_changed = is_half_changed || (is_left_half && step.components.owned > 0);
                match (is_as_left, is_half_changed) {
                    (true, _) => return,
                    (false, true) => FoundBeside::HalfChanged,
                    (false, false) => return self.compare(step, entry),
                }
            }
        };
        self.known.push(DriftBeside::new(step.key.clone(), found));
    }

    fn take_awaiting(&mut self, Blocked { key, why }: &Blocked, inventory: &Inventory) {
        let entry = inventory.entries().get(key).filter(|entry| entry.state == OwnedState::Held);
        if let Some(left) = entry.and_then(|entry| entry.desired).filter(|_| why.awaited().is_some()) {
            self.awaiting.insert(key.clone());
            self.moved.insert(key.clone(), left);
        }
    }

    /// What others deleted and no step is about: it is going, and nothing can be done before it is gone; or it left the source.
    fn take_deleted(&mut self, planned: &Planned, inventory: &Inventory) {
        let going = planned.plan.blocked.iter().filter_map(|blocked| match &blocked.why {
            BlockedBecause::Deleting => Some((&blocked.key, FoundBeside::Going)),
            BlockedBecause::GoesWith { of } => Some((&blocked.key, FoundBeside::GoesWith { of: of.clone() })),
            _ => None,
        });
        let left = planned.vanished.iter().map(|key| (key, FoundBeside::Deleted));
        for (key, found) in going.chain(left) {
            // What we delete ourselves is no drift, nor is what has run to its end.
            let is_held = |entry: &&Owned| entry.state == OwnedState::Held && !entry.runs_once;
            if inventory.entries().get(key).as_ref().is_some_and(is_held) {
                self.known.push(DriftBeside::new(key.clone(), found));
            }
        }
    }

    fn compare(&mut self, step: &Step, entry: &Owned) {
        if let Some(left) = entry.desired.or(entry.left_otherwise) {
            self.moved.insert(step.key.clone(), left);
        } else {
            let found = FoundBeside::Unknown { reason: "nobody compared it after it was applied".to_owned() };
            self.known.push(DriftBeside::new(step.key.clone(), found));
        }
    }
}

/// Whether a change of an object that is made of parts was begun for this revision, and is not known to have ended.
fn is_half_changed(inventory: &Inventory, step: &Step, revision: &Revision) -> bool {
    let progress = inventory.progress().filter(|progress| progress.revision == *revision);
    let is_left = |left: &Left| left.more > 0 || left.missing.contains(&step.key);
    step.components.owned > 0 && progress.is_some_and(|progress| progress.left.as_ref().is_none_or(is_left))
}

/// Whether two steps make the same of the same state of an object, by all that their target shows of it. What is declared may be
/// written otherwise: a root is all bytes of its files, comments too. An object that is made anew is not compared: its diff does not
/// say all of it.
fn is_same(step: &Step, other: &Step) -> bool {
    let is_in_place = step.action == Action::Update && other.action == Action::Update;
    let is_of_one_state = step.expect == other.expect;
    let is_shown_alike =
        (&step.diff, &step.components, &step.foreign) == (&other.diff, &other.components, &other.foreign);
    is_in_place && is_of_one_state && is_shown_alike
}

/// What a plan of what was applied says of an object that was left with this body. Nothing if the plan is of another body, so that it
/// can't tell. What outputs are filled into has no body of its own: if nothing is to be done about it, it is as it was left.
fn compared(planned: &Planned, key: &Key, left: &Digest, body: Option<Digest>) -> Option<Compared> {
    if let Some(step) = planned.plan.steps.iter().chain(&planned.plan.drift).find(|step| &step.key == key) {
        let is_of_it = step.cause == Cause::Drift || step.left_otherwise;
        let differs = || match step.reason {
            Reason::Missing => FoundBeside::Deleted,
            _ => FoundBeside::Differs { fields: step.diff.clone(), foreign: step.foreign.clone() },
        };
        if !is_of_it && body == Some(*left) {
            let reason = CONFIGURED_OTHERWISE.to_owned();
            return Some(Compared::unknown(reason));
        }
        return is_of_it.then(|| Compared::Otherwise(differs(), Some(Box::new(step.clone()))));
    }
    if let Some(blocked) = planned.plan.blocked.iter().find(|blocked| &blocked.key == key) {
        return Some(match &blocked.why {
            BlockedBecause::ForeignFields { fields } if body == Some(*left) => {
                let (fields, foreign) = (crate::capability::Diff::default(), fields.clone());
                Compared::Otherwise(FoundBeside::Differs { fields, foreign }, None)
            }
            why => Compared::unknown(why.to_string()),
        });
    }
    let body = body.unwrap_or(*left);
    let learned = planned.learned.get(key).map_or(body, |learned| learned.desired.unwrap_or(body));
    (learned == *left).then_some(Compared::AsLeft)
}
