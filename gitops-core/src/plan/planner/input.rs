use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::capability::{Differ, Preview};
use crate::cx::Time;
use crate::plan::{Basis, BlockedBecause};
use crate::render::Desired;
use crate::state::inventory::Inventory;
use crate::state::record::Rebound;
use crate::value::{Digest, Expect, GroupKind, Hasher, Key, Live, Refusal, Revision};

/// Everything that a plan is made from.
#[derive(Clone, Copy)]
pub(crate) struct PlanInput<'a> {
    /// The application's name.
    pub application: &'a str,
    /// The revision of `desired`.
    pub revision: &'a Revision,
    /// Everything that is declared. The placeholders of candidates are filled, except of those that are waiting.
    pub desired: &'a Desired,
    /// The same as it was declared, with all placeholders.
    pub declared: &'a Desired,
    /// What each target works on, as far as it can say: a cluster, a folder, a backend.
    pub places: &'a BTreeMap<SmolStr, String>,
    /// The site of each target: the same for those that reach the same place, and none for one that can't say.
    pub sites: &'a BTreeMap<SmolStr, Option<SmolStr>>,
    /// What we own.
    pub inventory: &'a Inventory,
    /// The objects to look at. All others are as the last plan left them: unchanged.
    pub candidates: &'a BTreeSet<Key>,
    /// What was observed of the candidates; one that is not in it is absent.
    pub live: &'a BTreeMap<Key, Live>,
    /// What targets previewed of candidates, or why they could not.
    pub previews: &'a BTreeMap<Key, Result<Preview, Refusal>>,
    /// Candidates with placeholders that can't be filled yet, and why: nothing is done to them.
    pub waiting: &'a BTreeMap<Key, BlockedBecause>,
    /// Candidates whose creation may have happened, in targets that can't say: nothing is done to them.
    pub quarantined: &'a BTreeMap<Key, Option<Time>>,
    /// Objects that somebody else changes again and again, and when each may be corrected next.
    pub flapping: &'a BTreeMap<Key, Time>,
    /// Objects whose last change left something else than was declared: they are not written again until something moves.
    pub differing: &'a BTreeMap<Key, Differing>,
    /// The kinds of each target of which nothing is removed without an approval.
    pub protected: &'a BTreeMap<SmolStr, BTreeSet<GroupKind>>,
    /// Whether the plan goes back to what was applied before: it waits for nothing that is unready.
    pub is_rollback: bool,
    /// The targets on whose objects people read the owner's label.
    pub labelled: &'a BTreeSet<SmolStr>,
    /// What the state moves to with this plan: another name of the application, another source or place.
    pub rebound: &'a [Rebound],
    /// How to compare.
    pub differ: &'a dyn Differ,
    /// What is allowed.
    pub options: &'a Options,
    /// The parts of the plan's id that are not objects.
    pub basis: &'a Basis,
    /// When the candidates were observed.
    pub now: Time,
}

/// An object whose last change left something else than was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Differing {
    /// The digest of the body that was written.
    pub desired: Digest,
    /// The state in which that left the object.
    pub state: Expect,
    /// The fields that differ: JSON pointers, the first few.
    pub fields: Vec<String>,
}

/// What a plan may do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Delete what is no longer declared. On by default.
    pub prune: bool,
    /// What to do about changes made behind our back. Corrected by default.
    pub drift: DriftPolicy,
    /// Take over unlabelled objects that are in the way of declared ones. Off by default.
    pub adopt: bool,
}

/// What to do about changes made behind our back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DriftPolicy {
    /// Undo them.
    #[default]
    Correct,
    /// Tell of them and leave them.
    Report,
}

impl Default for Options {
    fn default() -> Self {
        Self { prune: true, drift: DriftPolicy::Correct, adopt: false }
    }
}

impl Options {
    /// Whether to delete what is no longer declared.
    #[must_use]
    pub fn prune(mut self, prune: bool) -> Self {
        self.prune = prune;
        self
    }

    /// What to do about changes made behind our back.
    #[must_use]
    pub fn drift(mut self, policy: DriftPolicy) -> Self {
        self.drift = policy;
        self
    }

    /// Whether to take over unlabelled objects.
    #[must_use]
    pub fn adopt(mut self, adopt: bool) -> Self {
        self.adopt = adopt;
        self
    }

    /// The digest of the options.
    pub fn fingerprint(&self) -> Digest {
        let report = self.drift == DriftPolicy::Report;
        Hasher::new("gitops options").field([self.prune, report, self.adopt].map(u8::from)).finish()
    }
}
