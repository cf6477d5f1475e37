//! What targets say of new objects before anything is made.

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
use crate::source::Snapshot;
use crate::value::{Digest, Digested, Error, ErrorKind, Key, Object, Refusal, Result};

/// What targets said of new objects, each in the declaration that they were asked about.
#[derive(Default)]
pub(super) struct Admission {
    look: Look,
    taken: BTreeMap<Key, Digest>,
    refused: BTreeMap<Key, (Digest, Refusal)>,
}

/// What a plan is made for, which says whether targets are asked about new objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Look {
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
        admission: &mut Admission,
    ) -> Result<()> {
        let look = std::mem::take(&mut admission.look);
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
        let can_be_asked =
            |key: &&Key| self.targets.get(key.target()).is_some_and(|target| target.admission().is_some());
        let new = planner::to_preview(input).filter(|key| !input.live.contains_key(*key));
        let new = new.filter(can_be_asked).filter_map(|key| {
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
