//! The optional powers of a target. Presence is the capability: see [`Target`](crate::Target).

use async_trait::async_trait;
use serde::Serialize;

use crate::cx::Time;
use crate::diff::Diff;
use crate::value::Digest;
use crate::{Applied, Change, ComponentChange, Cx, Key, Live, Object, Result};

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
///
/// # Errors
/// An error holds this object, and what needs it, out of the plan; all others go on.
///
/// # Cancel safety
/// Any future may be dropped at any await, and leaves nothing that a later call could take for its own.
#[async_trait]
pub trait NativePlan: Send + Sync {
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
}

impl Preview {
    /// A change in place of these fields.
    pub fn new(diff: Diff, digest: Digest) -> Self {
        Self { diff, replace: None, protected: false, digest, components: Vec::new() }
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
    /// says [`Moved::Any`].
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    async fn moved(&self, cx: &Cx) -> Result<Moved>;

    /// Whether the watch is up to date about an object, but for a moment: it has seen the object since it was last
    /// observed, and would tell at once if it moved. `false` is always right, and the default.
    ///
    /// [`Engine::plan`](crate::Engine::plan) asks the target about an object only if this says `false`, something
    /// moved, or the object is to be changed. So a watch that is wrong here can hide drift, and can never make a change
    /// that is not based on a fresh observation.
    fn covers(&self, _key: &Key) -> bool {
        false
    }
}

/// Which objects may have moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
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
}

/// Whether an object works, with the reason for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
#[non_exhaustive]
pub enum Readiness {
    /// It works; what needs it may go on.
    Ready,
    /// It is on its way.
    Progressing(String),
    /// It is on its way, and nothing happened on it for longer than somebody who looks after it would take.
    Stuck {
        /// What it stands at.
        reason: String,
        /// Since when.
        since: Time,
    },
    /// It will not work without a change.
    Failed(String),
}

impl Readiness {
    /// Why it is not ready; nothing if it is.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ready => None,
            Self::Progressing(reason) | Self::Stuck { reason, .. } | Self::Failed(reason) => Some(reason),
        }
    }
}

/// Takes over objects that were made by other means.
#[async_trait]
pub trait Import: Send + Sync {
    /// Puts the change's mark on an existing object, if it is in the expected state, and changes nothing else.
    async fn adopt(&self, cx: &Cx, change: &Change) -> Result<Applied>;
}

/// Makes several changes in one call.
#[async_trait]
pub trait Batch: Send + Sync {
    /// How many changes fit into one call.
    fn limit(&self) -> usize;

    /// Makes the changes; one answer for each, in their order. A failed change leaves the others alone.
    async fn apply_all(&self, cx: &Cx, changes: &[Change]) -> Vec<Result<Applied>>;
}
