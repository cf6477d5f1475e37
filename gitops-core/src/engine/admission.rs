//! What targets say of new objects before anything is made, and of deletions before anything is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, stream};

use super::effects::contained;
use super::fill::Filled;
use super::{Declared, Engine};
use crate::capability::Beside;
use crate::cx::Cx;
use crate::engine::event::Event;
use crate::plan::planner::{self, PlanInput};
use crate::plan::{BlockedBecause, Plan, Reason, Step};
use crate::source::Snapshot;
use crate::value::{Action, Digest, Digested, Error, ErrorKind, Expect, Key, Live, Object, Refusal, Result};

/// What targets said of new objects, each in the declaration that they were asked about, and of the deletions of the last plan, each
/// in the state that they were asked about.
#[derive(Default)]
pub(super) struct Admission {
    look: Look,
    deletions: BTreeMap<Key, (Expect, Option<Refusal>)>,
    taken: BTreeMap<Key, Digest>,
    refused: BTreeMap<Key, (Digest, Refusal)>,
}

/// What a plan is made for, which says whether targets are asked about new objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Look {
    /// To be carried out at once: the target itself says what it thinks of it.
    #[default]
    None,
    /// To be shown: those that are new in this form are asked about.
    Ask,
    /// To be carried out as it was shown: what was refused then is left out again.
    Remember,
}

impl Admission {
    /// The next plan is to be shown.
    pub fn ask(&mut self) {
        self.look = Look::Ask;
    }

    /// The next plan is one that was shown.
    pub fn remember(&mut self) {
        self.look = Look::Remember;
    }

    /// What the plan is made for that is made now.
    pub fn begin(&mut self) -> Look {
        std::mem::take(&mut self.look)
    }

    fn is_taken(&self, key: &Key, digest: &Digest) -> bool {
        self.taken.get(key) == Some(digest)
    }
}

impl Engine {
    /// Holds new objects that their targets would refuse, in a plan that is shown and in the one that is made of it.
    pub(super) async fn admit_new(
        &self,
        cx: &Cx,
        input: PlanInput<'_>,
        declared: &Declared,
        filled: &mut Filled,
        (look, admission): (Look, &mut Admission),
    ) -> Result<()> {
        if look == Look::None {
            return Ok(());
        }
        let new = self.new_objects(&filled.input(input));
        if look == Look::Ask {
            let beside = beside(&filled.input(input), declared.snapshot.clone());
            self.ask_about(cx, &beside, &new, admission).await?;
        }
        for (key, (object, digest)) in &new {
            let refused = admission.refused.get(key).filter(|(of, _)| of == digest);
            let blocked = refused.map(|(_, reason)| (object.key.clone(), Err(reason.clone())));
            filled.previews.extend(blocked);
        }
        Ok(())
    }

    /// The objects that would be made, of targets that can be asked about them.
    fn new_objects(&self, input: &PlanInput<'_>) -> BTreeMap<Key, (Arc<Object>, Digest)> {
        let new = planner::to_preview(input).filter(|key| !input.live.contains_key(*key));
        let new = new.filter(|key| self.can_be_asked(key)).filter_map(|key| {
            let object = input.desired.objects().get(key)?;
            Some((key.clone(), (object.clone(), object.digest())))
        });
        new.collect()
    }

    async fn ask_about(
        &self,
        cx: &Cx,
        beside: &Beside,
        new: &BTreeMap<Key, (Arc<Object>, Digest)>,
        admission: &mut Admission,
    ) -> Result<()> {
        let due = new.iter().filter(|(key, (_, digest))| !admission.is_taken(key, digest));
        let due: Vec<(Arc<Object>, Digest)> = due.map(|(_, new)| new.clone()).collect();
        let ask = |(object, digest): (Arc<Object>, Digest)| async move {
            (self.ask_admission(cx, &object, beside).await, object, digest)
        };
        let at_once = due.iter().map(|(object, _)| self.at_once(&object.key)).max().unwrap_or(1);
        let answers: Vec<_> = stream::iter(due).map(ask).buffer_unordered(at_once).collect().await;
        if cx.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "asked to stop").during("dry run"));
        }
        admission.taken.retain(|key, _| new.contains_key(key));
        admission.refused.clear();
        for (answer, object, digest) in answers {
            match answer {
                Ok(()) => drop(admission.taken.insert(object.key.clone(), digest)),
                Err(error) => {
                    error.diagnostics().iter().for_each(|warning| {
                        self.events.emit(&Event::Warned { warning: warning.clone() });
                    });
                    admission.refused.insert(object.key.clone(), (digest, Refusal::from(&error)));
                }
            }
        }
        Ok(())
    }

    /// Holds deletions of a plan that their targets would refuse by a rule of their own. Gives whether there are any, so that the plan
    /// is to be made again.
    ///
    /// What a plan that is carried out as it was shown says of them is what was said then, where it was asked.
    pub(super) async fn hold_refused_deletions(
        &self,
        cx: &Cx,
        (plan, live): (&Plan, &BTreeMap<Key, Live>),
        filled: &mut Filled,
        (look, admission): (Look, &mut Admission),
    ) -> Result<bool> {
        let asked: Vec<&Live> =
            self.deletions_to_ask_about(plan).filter_map(|step| live.get(&step.key)).collect();
        let is_known = |live: &Live| {
            let known = admission.deletions.get(&live.key).filter(|_| look == Look::Remember);
            known.is_some_and(|(of, _)| *of == Expect::from(live))
        };
        let (known, due): (Vec<&Live>, Vec<&Live>) = asked.into_iter().partition(|live| is_known(live));
        let mut answers = self.ask_about_deletions(cx, due).await?;
        for Live { key, .. } in known {
            answers.extend(admission.deletions.remove_entry(key));
        }
        admission.deletions = answers;
        let refused =
            admission.deletions.iter().filter_map(|(key, (_, refusal))| Some((key, refusal.clone()?)));
        let refused: BTreeMap<Key, BlockedBecause> =
            refused.map(|(key, refusal)| (key.clone(), BlockedBecause::DeletionRefused(refusal))).collect();
        let is_any = !refused.is_empty();
        filled.waiting.extend(refused);
        Ok(is_any)
    }

    /// The deletions of what left the source, but for those that wait for other steps of the plan: what is refused while something
    /// is there may be granted once that is gone.
    fn deletions_to_ask_about<'p>(&self, plan: &'p Plan) -> impl Iterator<Item = &'p Step> {
        let moving: BTreeSet<&Key> = plan.steps.iter().map(|step| &step.key).collect();
        plan.steps.iter().filter(move |step| {
            let is_of_source = step.action == Action::Delete && step.reason == Reason::Undeclared;
            is_of_source && self.can_be_asked(&step.key) && !step.after.iter().any(|key| moving.contains(key))
        })
    }

    async fn ask_about_deletions(
        &self,
        cx: &Cx,
        due: Vec<&Live>,
    ) -> Result<BTreeMap<Key, (Expect, Option<Refusal>)>> {
        let at_once = due.iter().map(|live| self.at_once(&live.key)).max().unwrap_or(1);
        let ask = |live: &Live| {
            let live = live.clone();
            async move {
                let refusal = self.ask_about_deletion(cx, &live).await;
                (live.key.clone(), (Expect::from(&live), refusal))
            }
        };
        let asking: Vec<_> = due.into_iter().map(ask).collect();
        let answers = stream::iter(asking).buffer_unordered(at_once).collect().await;
        match cx.is_cancelled() {
            true => Err(Error::new(ErrorKind::Cancelled, "asked to stop").during("dry run")),
            false => Ok(answers),
        }
    }

    /// Whatever keeps a target from an answer is no refusal: what becomes of the deletion is seen when it is carried out.
    async fn ask_about_deletion(&self, cx: &Cx, live: &Live) -> Option<Refusal> {
        let admission = self.targets.get(live.key.target())?.admission()?;
        let cx = cx.within(self.timeouts.call);
        contained(cx.bounded(admission.refuses_deletion(&cx, live))).await.ok().flatten()
    }

    pub(super) fn can_be_asked(&self, key: &Key) -> bool {
        self.targets.get(key.target()).is_some_and(|target| target.admission().is_some())
    }

    fn at_once(&self, key: &Key) -> usize {
        self.targets.get(key.target()).map_or(1, |target| target.info().concurrency.max(1))
    }

    async fn ask_admission(&self, cx: &Cx, object: &Object, beside: &Beside) -> Result<()> {
        let target = self.targets.get(object.key.target());
        let Some(admission) = target.and_then(|target| target.admission()) else { return Ok(()) };
        let cx = cx.within(self.timeouts.call);
        contained(cx.bounded(admission.admits(&cx, object, beside))).await
    }
}

/// What the plan makes and changes, as far as is known before it is made.
fn beside(input: &PlanInput<'_>, snapshot: Snapshot) -> Beside {
    let differs = |key: &Key| match input.previews.get(key) {
        Some(Ok(preview)) => !preview.diff.is_empty() || preview.replace.is_some(),
        Some(Err(_)) | None => false,
    };
    let is_new = |key: &Key| !input.live.contains_key(key);
    let steps: BTreeSet<Key> = planner::to_preview(input).cloned().collect();
    let (made, there): (BTreeSet<Key>, BTreeSet<Key>) = steps.into_iter().partition(is_new);
    let changed = there.into_iter().filter(differs).collect();
    Beside::new(input.desired.clone(), Some(snapshot)).pending(made, changed)
}
