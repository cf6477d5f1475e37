//! Where actual state lives.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::capability::{Batch, Health, Import, NativePlan, Watch};
use crate::{Applied, Change, Cx, GroupKind, Key, Live, Result};

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
/// - A target that foretells compares [`Change::preview`] with what it would do now, and refuses with a conflict what
///   was not shown.
/// - `apply` sets the change's [`Mark`](crate::Mark) in the same step as the object itself.
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
    fn native_plan(&self) -> Option<&dyn NativePlan> {
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

    /// Makes several changes in one call.
    fn batch(&self) -> Option<&dyn Batch> {
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
    pub tier: Tier,
    /// How many changes it takes at once; at least 1.
    pub concurrency: usize,
    /// How long after its caller is gone a change may still land. What was claimed is not given up before.
    pub lands_within: Duration,
    /// Kinds that hold what can't be made anew (a namespace, a volume, state): none of them is removed without an
    /// approval.
    pub protected: BTreeSet<GroupKind>,
}

impl TargetInfo {
    /// A keyed target that takes 16 changes at once; a change may land up to ten minutes late.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            tier: Tier::Keyed,
            concurrency: 16,
            lands_within: Duration::from_secs(600),
            protected: BTreeSet::new(),
        }
    }

    /// The same with another bound on how late a change may land.
    #[must_use]
    pub fn lands_within(mut self, duration: Duration) -> Self {
        self.lands_within = duration;
        self
    }

    /// The same with more kinds of which nothing is deleted or replaced without an approval.
    #[must_use]
    pub fn protected(mut self, kinds: impl IntoIterator<Item = GroupKind>) -> Self {
        self.protected.extend(kinds);
        self
    }

    /// The same of another tier.
    #[must_use]
    pub fn tier(mut self, tier: Tier) -> Self {
        self.tier = tier;
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
pub enum Tier {
    /// Neither of the others: an unknown change is put in quarantine until a person [settles](crate::Engine::settle) it.
    Opaque,
    /// The server names objects, and ours can be listed by their mark: at most one after recovery.
    Discoverable,
    /// We name objects, and create, update and delete are conditional: each effect exactly once.
    Keyed,
}

impl fmt::Display for Tier {
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
pub struct Scope(Vec<Key>);

impl Scope {
    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// Whether a key is asked for.
    pub fn contains(&self, key: &Key) -> bool {
        self.0.binary_search(key).is_ok()
    }

    /// How many keys are asked for.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Key> for Scope {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort();
        keys.dedup();
        Self(keys)
    }
}
