//! What can be asked of a target: the three calls that each has, and the optional powers. Presence is the capability: see
//! [`Target`].

mod admission;
mod diff;
mod readiness;
mod target;
mod typed;

pub use admission::{Admission, Beside};
pub use diff::{Diff, Differ, FieldChange, Structural};
pub use readiness::Readiness;
pub use target::{RecoveryClass, Scope, Target, TargetInfo};
pub use typed::{Found, Resource, Typed, TypedTarget};

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::cx::Cx;
use crate::value::{
    Applied, Change, ComponentChange, Digest, ForeignField, Key, Live, Object, Result, Taken, Uid,
};

/// Foretells what a change would do, where only the target can know: a server's dry run, a saved plan.
///
/// An engine asks only about objects that would get a step: not about those that are as it left them, nor about those
/// that it may not touch. It asks about as many at once as [`TargetInfo::concurrency`](crate::TargetInfo) allows.
///
/// # Guarantees asked of an implementation
/// - Nothing is written.
/// - The same effect has the same digest, from call to call and from process to process: a plan is applied only if
///   the preview that is made anew has the digest that was shown.
/// - The digest comes back in [`Change::preview`]. What would now have another effect is refused with a conflict.
/// - An engine does not look at an object again after it was written: the target previewed what it would hold, and a
///   preview over what was just written is empty.
///
/// # Errors
/// An error holds this object, and what needs it, out of the plan; all others go on.
///
/// # Cancel safety
/// Any future may be dropped at any await, and leaves nothing that a later call could take for its own.
#[async_trait]
pub trait DryRun: Send + Sync {
    /// What writing `object` over `live` would change; without an object, what deleting `live` would.
    async fn preview(
        &self,
        cx: &Cx,
        key: &Key,
        object: Option<&Object>,
        live: Option<&Live>,
    ) -> Result<Preview>;
}

/// What a target says that a change would do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Preview {
    /// The fields that would change; empty if none would. A deletion may name what goes with it.
    pub diff: Diff,
    /// Why the object can't be changed in place, if it can't.
    pub replace: Option<String>,
    /// Whether what the change removes can't be made anew, and so needs an approval as if its kind were
    /// [protected](crate::TargetInfo::protected).
    pub protected: bool,
    /// The digest of everything that the preview stands for; part of the plan's id.
    pub digest: Digest,
    /// What it would do to what the object is made of, where the target shows that.
    pub components: Vec<ComponentChange>,
    /// What goes with the object where the change removes it, ours and others'. Whatever can't be found out is in it as
    /// [unknown](crate::Whose::Unknown), never left out.
    pub takes: Vec<Taken>,
    /// Declared fields that other clients set, and what becomes of each. The digest covers it.
    pub foreign: Vec<ForeignField>,
    /// Where it would be made, for a target that keeps objects at several places: an approval is of this place.
    pub place: Option<Digest>,
    /// Whether the target's own configuration calls for it, which is no part of what is declared: then it is no drift, though the
    /// declaration is the one that was written last.
    pub configured: bool,
    /// The outputs that the object will have, where the target can say so: whatever uses another one would wait for good.
    pub outputs: Option<Vec<String>>,
}

impl Preview {
    /// A change in place of these fields.
    pub fn new(diff: Diff, digest: Digest) -> Self {
        Self {
            diff,
            replace: None,
            protected: false,
            digest,
            components: Vec::new(),
            takes: Vec::new(),
            foreign: Vec::new(),
            place: None,
            configured: false,
            outputs: None,
        }
    }

    /// The same of an object that will have these outputs and no others.
    #[must_use]
    pub fn with_outputs(mut self, outputs: impl IntoIterator<Item = String>) -> Self {
        self.outputs = Some(outputs.into_iter().collect());
        self
    }

    /// The same of a change that the target's own configuration calls for.
    #[must_use]
    pub fn configured(mut self) -> Self {
        self.configured = true;
        self
    }

    /// The same of an object that would be made at a place of its target.
    #[must_use]
    pub fn placed(mut self, place: Digest) -> Self {
        self.place = Some(place);
        self
    }

    /// The same of an object that can't be changed in place, if there is a reason why not.
    #[must_use]
    pub fn replacing(mut self, why: Option<String>) -> Self {
        self.replace = why;
        self
    }

    /// The same, needing an approval if it removes the object and this is true.
    #[must_use]
    pub fn protecting(mut self, protected: bool) -> Self {
        self.protected = protected;
        self
    }

    /// The same with what goes with the object where it is removed.
    #[must_use]
    pub fn taking(mut self, takes: Vec<Taken>) -> Self {
        self.takes = takes;
        self
    }

    /// The same with the declared fields that other clients set.
    #[must_use]
    pub fn among(mut self, foreign: Vec<ForeignField>) -> Self {
        self.foreign = foreign;
        self
    }

    /// The same with what the change does to what the object is made of.
    #[must_use]
    pub fn made_of(mut self, components: Vec<ComponentChange>) -> Self {
        self.components = components;
        self
    }
}

/// Tells which objects may have moved, so that nobody has to poll.
#[async_trait]
pub trait Watch: Send + Sync {
    /// Returns when objects may have moved. Needless keys are allowed, missed ones not: a watch that lost events
    /// says [`MovedObjects::Any`].
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    async fn moved(&self, cx: &Cx) -> Result<MovedObjects>;

    /// Whether the watch is up to date about an object, but for a moment: it has seen the object since it was last
    /// observed, and would tell at once if it moved. `false` is always right, and the default.
    ///
    /// [`Engine::plan`](crate::Engine::plan) asks the target about an object only if this says `false`, something
    /// moved, or the object is to be changed. So a watch that is wrong here can hide drift, and can never make a change
    /// that is not based on a fresh observation.
    fn covers(&self, _key: &Key) -> bool {
        false
    }

    /// Whether [`covers`](Self::covers) is `true` of every object, whichever is asked about: then an engine does not go through all of
    /// them. `false` is always right, and the default.
    fn covers_all(&self) -> bool {
        false
    }
}

/// Which objects may have moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MovedObjects {
    /// At most these.
    Keys(Vec<Key>),
    /// Any of them: events were lost, look at all.
    Any,
}

/// Tells whether an object works.
#[async_trait]
pub trait Health: Send + Sync {
    /// Waits until the object, in the state that `applied` names or a later one, is ready or has failed.
    ///
    /// Returns [`Readiness::Progressing`] and [`Readiness::Stuck`] only when the context's deadline comes first.
    ///
    /// # Cancel safety
    /// Dropping the future ends the wait and has no other effect.
    async fn ready(&self, cx: &Cx, key: &Key, applied: &Applied) -> Result<Readiness>;

    /// How objects are doing now, without a wait. What is not in the answer is not known without one; by default that is
    /// everything.
    ///
    /// An engine asks about objects that do not change and that steps wait for, all of a target in one call.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    async fn look(&self, _cx: &Cx, _keys: &[Key]) -> Result<BTreeMap<Key, Readiness>> {
        Ok(BTreeMap::new())
    }

    /// How objects ended that run [once](crate::Object::running_once) and are gone, each incarnation as far as somebody saw it
    /// before it went: [`Ready`](Readiness::Ready) or [`Ended`](Readiness::Ended). What is not in the answer nobody saw; by default
    /// that is everything.
    ///
    /// A target with a watch hears of an end between two looks, and need not be asked in time.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    async fn ends(&self, _cx: &Cx, _gone: &[(Key, Uid)]) -> Result<BTreeMap<Key, Readiness>> {
        Ok(BTreeMap::new())
    }
}

/// Tells what a change that is under way is at, for those who wait for it.
pub trait Progress: Send + Sync {
    /// What the change of an object is at; nothing if none is under way, or nothing is known of it. It is asked again and
    /// again while a change takes its time, so it answers at once, from what is at hand.
    fn at(&self, cx: &Cx, key: &Key) -> Option<String>;
}

/// Takes a person's word about what no program can find out: a part in doubt, a state that is gone for good.
///
/// What may be confirmed, and in which words, is the target's own. An engine records who said it, and hands it on.
#[async_trait]
pub trait Confirmation: Send + Sync {
    /// Takes what somebody found out about a part of an object.
    ///
    /// # Errors
    /// `NotFound` if nothing is in doubt there; `Conflict` if the target shows something else than was found; `Invalid` for words
    /// that it does not know. Nothing is confirmed then.
    ///
    /// # Cancel safety
    /// A dropped call has taken it or not.
    async fn take_finding(&self, cx: &Cx, key: &Key, about: &str, finding: &str, by: &str) -> Result<()>;
}

/// Takes over objects that were made by other means.
///
/// An engine adopts an object in two changes, each with an intent and an operation of its own: first the owner label, by this
/// power; then, if the object differs from its declaration, an update by [`Target::apply`] that
/// expects the state that the first one left.
#[async_trait]
pub trait Import: Send + Sync {
    /// Puts the change's owner label on an existing object, if it is in the expected state, and changes nothing else: no value
    /// that a declaration could set.
    async fn adopt(&self, cx: &Cx, change: &Change) -> Result<Applied>;
}

/// Names the place that a target works on, so that a state is never taken for that of another place.
#[async_trait]
pub trait Identity: Send + Sync {
    /// The same text for the same place, from process to process, and another one for every other place: the id of a
    /// cluster, the path of a folder. Nothing where the target may not ask.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    async fn place(&self, cx: &Cx) -> Result<Option<String>>;
}

/// Says cheaply whether objects are as they were when they were last observed, so that a process that has no watch yet need not
/// read what nobody touched.
///
/// # Guarantees asked of an implementation
/// An object that [`observe`](Target::observe) would describe in another way than it would have done when a stamp was
/// given has another stamp, or none, in any process. It may have another one although nothing changed: then the object is
/// observed once more.
#[async_trait]
pub trait Stamps: Send + Sync {
    /// The stamps of these objects as they are now, in the order of the keys; nothing for one that is absent, or of which
    /// nothing can be said without a look.
    ///
    /// # Errors
    /// Whatever keeps the target from saying anything: then all objects are observed.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    async fn stamps(&self, cx: &Cx, keys: &[Key]) -> Result<Vec<Option<Digest>>>;
}

/// Puts away what a target keeps beside objects once they are gone: an owner label, an entry of a ledger.
///
/// An engine asks before it forgets objects that left the source and that somebody else deleted. What stayed would make the
/// application's own of whatever is put in their place later.
///
/// # Guarantees asked of an implementation
/// - No object is changed, also not one that is there by now: it is nobody's after the call.
/// - Only what belongs to these incarnations is put away. What is not there is no error.
#[async_trait]
pub trait Remains: Send + Sync {
    /// Puts away what is kept beside these objects.
    ///
    /// # Errors
    /// The objects are not forgotten, and the next reconciliation asks again; what else there is to do goes on.
    ///
    /// # Cancel safety
    /// Any future may be dropped at any await; a later call does the rest.
    async fn clear(&self, cx: &Cx, gone: &[(Key, Uid)]) -> Result<()>;
}

/// Makes several changes in one call.
#[async_trait]
pub trait Batch: Send + Sync {
    /// How many changes fit into one call.
    fn limit(&self) -> usize;

    /// Makes the changes; one answer for each, in their order. A failed change leaves the others alone.
    async fn apply_all(&self, cx: &Cx, changes: &[Change]) -> Vec<Result<Applied>>;
}
