//! Where actual state lives.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Admission, Batch, Confirmation, DryRun, Health, Identity, Import, Progress, Remains, Stamps, Watch,
};
use crate::cx::Cx;
use crate::value::{Applied, Change, GroupKind, Key, Live, Result};

/// A target: something that has objects, shows them and changes them.
///
/// | Required | Signature |
/// | --- | --- |
/// | `info` | `fn info(&self) -> TargetInfo` |
/// | `observe` | `async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>>` |
/// | `apply` | `async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied>` |
///
/// The other methods give optional powers: a power is there exactly if its method returns something, so it can't
/// be declared and missing.
///
/// # Guarantees asked of an implementation
/// - `observe` changes nothing and reads what the last `apply` wrote. An object that is left out of the answer
///   is *absent*; one that can't be read is an error that names it, never left out.
/// - `apply` checks [`Change::expects`] and makes the change in one step. Where the precondition does not hold
///   it returns a conflict ([`Error::is_conflict`](crate::Error::is_conflict)) and changes nothing.
/// - A target that previews compares [`Change::preview`] with what it would do now, and refuses with a conflict what
///   was not shown.
/// - `apply` sets the change's [`OwnerLabel`](crate::OwnerLabel) in the same step as the object itself.
/// - A repeated `apply` with the same operation id has one effect and the same answer.
/// - An error says truly whether the effect may have happened.
///
/// # Cancel safety
/// Any future may be dropped at any await. The effect has then happened wholly or not at all, and the engine
/// treats its outcome as unknown.
#[async_trait]
pub trait Target: Send + Sync {
    /// What the target is and how much it can take.
    fn info(&self) -> TargetInfo;

    /// The objects among those asked for that are there.
    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>>;

    /// Makes one change, if its precondition holds.
    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied>;

    /// Foretells what a change would do.
    fn dry_run(&self) -> Option<&dyn DryRun> {
        None
    }

    /// Says whether it would take a new object.
    fn admission(&self) -> Option<&dyn Admission> {
        None
    }

    /// Tells which objects may have moved.
    fn watch(&self) -> Option<&dyn Watch> {
        None
    }

    /// Tells whether an object works, not only whether it is there.
    fn health(&self) -> Option<&dyn Health> {
        None
    }

    /// Takes over objects that were made by other means.
    fn import(&self) -> Option<&dyn Import> {
        None
    }

    /// Names the place that it works on.
    fn identity(&self) -> Option<&dyn Identity> {
        None
    }

    /// Says cheaply whether objects are as they were.
    fn stamps(&self) -> Option<&dyn Stamps> {
        None
    }

    /// Puts away what it keeps beside objects that are gone.
    fn remains(&self) -> Option<&dyn Remains> {
        None
    }

    /// Makes several changes in one call.
    fn batch(&self) -> Option<&dyn Batch> {
        None
    }

    /// Takes a person's word about what it can't find out itself.
    fn confirmation(&self) -> Option<&dyn Confirmation> {
        None
    }

    /// Tells what a change that is under way is at.
    fn progress(&self) -> Option<&dyn Progress> {
        None
    }
}

/// What a target is and how much it can take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetInfo {
    /// What kind of target it is, for people: `directory`, `kubernetes`.
    pub name: String,
    /// How well it can say what happened.
    pub recovery_class: RecoveryClass,
    /// How many changes it takes at once; at least 1.
    pub concurrency: usize,
    /// How long after its caller is gone a change may still land. What was claimed is not given up before.
    pub lands_within: Duration,
    /// How long one preview may take; the engine's limit for calls holds if it is nothing.
    pub preview_timeout: Option<Duration>,
    /// How long one change may take; the engine's limit for calls holds if it is nothing. A change that is cut off has an
    /// unknown outcome: the limit must be one that every change can meet.
    pub apply_timeout: Option<Duration>,
    /// Kinds that hold what can't be made anew (a namespace, a volume, state): none of them is removed without an
    /// approval.
    pub protected: BTreeSet<GroupKind>,
    /// Whether the owner's label is on the objects themselves, where people read it: it moves when the application is
    /// renamed, by an update that sets the change's [`OwnerLabel`](crate::OwnerLabel) anew.
    pub shows_owner: bool,
}

impl TargetInfo {
    /// A keyed target that takes 16 changes at once; a change may land up to ten minutes late.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            recovery_class: RecoveryClass::Keyed,
            concurrency: 16,
            lands_within: Duration::from_secs(600),
            preview_timeout: None,
            apply_timeout: None,
            protected: BTreeSet::new(),
            shows_owner: false,
        }
    }

    /// The same of a target on whose objects people read the owner's label.
    #[must_use]
    pub fn shows_owner(mut self) -> Self {
        self.shows_owner = true;
        self
    }

    /// The same with another bound on how late a change may land.
    #[must_use]
    pub fn lands_within(mut self, duration: Duration) -> Self {
        self.lands_within = duration;
        self
    }

    /// The same with another limit for one preview.
    #[must_use]
    pub fn preview_timeout(mut self, limit: Duration) -> Self {
        self.preview_timeout = Some(limit);
        self
    }

    /// The same with another limit for one change.
    #[must_use]
    pub fn apply_timeout(mut self, limit: Duration) -> Self {
        self.apply_timeout = Some(limit);
        self
    }

    /// The same with more kinds of which nothing is deleted or replaced without an approval.
    #[must_use]
    pub fn protected(mut self, kinds: impl IntoIterator<Item = GroupKind>) -> Self {
        self.protected.extend(kinds);
        self
    }

    /// The same of another recovery class.
    #[must_use]
    pub fn recovery_class(mut self, recovery_class: RecoveryClass) -> Self {
        self.recovery_class = recovery_class;
        self
    }

    /// The same with another number of changes at once.
    #[must_use]
    pub fn concurrency(mut self, changes: usize) -> Self {
        self.concurrency = changes.max(1);
        self
    }
}

/// How well a target can say, after a crash, whether a change was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryClass {
    /// Neither of the others: an unknown change is put in quarantine until a person [settles](crate::Engine::confirm) it.
    Opaque,
    /// The server names objects, and ours can be listed by their owner label: at most one after recovery.
    Discoverable,
    /// We name objects, and create, update and delete are conditional: each effect exactly once.
    Keyed,
}

impl fmt::Display for RecoveryClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opaque => "opaque",
            Self::Discoverable => "discoverable",
            Self::Keyed => "keyed",
        })
    }
}

/// Which objects are asked for: a list of keys, in order and without repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    keys: Vec<Key>,
    /// Of each key, in the same order; nothing where nobody said so.
    held: Vec<bool>,
}

impl Scope {
    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// The same, with what is known of each key by whoever asks: whether it made the object, and nothing of it says that the object
    /// went.
    #[must_use]
    pub fn holding(mut self, is_held: impl FnMut(&Key) -> bool) -> Self {
        self.held = self.keys.iter().map(is_held).collect();
        self
    }

    /// Whether the one who asks made the object. A target that knows what is there by what it wrote down itself sees by it that this
    /// was lost: an answer without the object would have it made a second time.
    pub fn is_held(&self, key: &Key) -> bool {
        let place = self.keys.binary_search(key).ok();
        place.and_then(|place| self.held.get(place)).copied().unwrap_or_default()
    }

    /// Whether a key is asked for.
    pub fn contains(&self, key: &Key) -> bool {
        self.keys.binary_search(key).is_ok()
    }

    /// How many keys are asked for.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl FromIterator<Key> for Scope {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort();
        keys.dedup();
        Self { keys, held: Vec::new() }
    }
}
