use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::capability::{RecoveryClass, TargetInfo};
use crate::value::{GroupKind, Value};

/// The size of a body that is written, if nothing else is said.
const MAX_BYTES: usize = 1 << 20;

/// The length of a name, if nothing else is said.
const MAX_NAME: usize = 1024;

/// What a service is and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceInfo {
    pub(super) kinds: BTreeSet<GroupKind>,
    pub(super) is_named: bool,
    pub(super) is_conditional: bool,
    pub(super) defaults: BTreeMap<String, Value>,
    pub(super) secrets: BTreeSet<String>,
    pub(super) max_bytes: usize,
    pub(super) max_name: usize,
    target: TargetInfo,
}

impl ServiceInfo {
    /// A service of one kind of objects, whose ids the service chooses.
    pub fn new(name: impl Into<String>, kind: &str) -> Self {
        Self {
            kinds: [GroupKind::new("", kind)].into(),
            is_named: false,
            is_conditional: false,
            defaults: BTreeMap::new(),
            secrets: BTreeSet::new(),
            max_bytes: MAX_BYTES,
            max_name: MAX_NAME,
            target: TargetInfo::new(name),
        }
    }

    /// The same with one more kind.
    #[must_use]
    pub fn kind(mut self, kind: GroupKind) -> Self {
        self.kinds.insert(kind);
        self
    }

    /// The client chooses the names: the id of an object is its key's name, and a creation of a name that is taken is
    /// refused.
    #[must_use]
    pub fn named(mut self) -> Self {
        self.is_named = true;
        self
    }

    /// Every [`Item`](super::Item) has a version, and `update` and `delete` of another one are refused with a conflict:
    /// `ETag` and `If-Match`, or a `WHERE` with the version in it.
    #[must_use]
    pub fn conditional(mut self) -> Self {
        self.is_conditional = true;
        self
    }

    /// The values that fields have if nobody declares them. A field that leaves Git goes back to its default; without one,
    /// the field is written as null.
    #[must_use]
    pub fn defaults<'a>(mut self, values: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        self.defaults.extend(values.into_iter().map(|(field, value)| (field.to_owned(), value)));
        self
    }

    /// A field that takes a secret. The adapter never shows what the service says of it, and refuses a declaration
    /// that is no [`Secret`](crate::Secret).
    #[must_use]
    pub fn secret(mut self, field: &str) -> Self {
        self.secrets.insert(field.to_owned());
        self
    }

    /// The same with another limit for the size of one body, in bytes; 1 MiB if nothing is said.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The same with another limit for the length of a name, in bytes; 1024 if nothing is said.
    #[must_use]
    pub fn max_name(mut self, bytes: usize) -> Self {
        self.max_name = bytes;
        self
    }

    /// The same with other limits of the target: concurrency, time limits, protected kinds. The recovery class is the
    /// adapter's.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(TargetInfo) -> TargetInfo) -> Self {
        self.target = change(self.target);
        self
    }

    /// How long after its caller is gone a change may still land.
    pub(super) fn lands_within(&self) -> Duration {
        self.target.lands_within
    }

    pub(super) fn of_target(&self, is_labelled: bool) -> TargetInfo {
        let is_keyed = self.is_named && self.is_conditional && is_labelled;
        let class = if is_keyed { RecoveryClass::Keyed } else { RecoveryClass::Discoverable };
        let info = self.target.clone().recovery_class(class);
        if is_labelled { info.shows_owner() } else { info }
    }
}
