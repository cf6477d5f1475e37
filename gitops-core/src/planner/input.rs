use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::capability::Preview;
use crate::cx::Time;
use crate::diff::Differ;
use crate::inventory::Inventory;
use crate::plan::{Basis, HeldBecause};
use crate::render::Desired;
use crate::value::{Digest, GroupKind, Hasher, Key, Live, Revision};

/// Everything that a plan is made from.
#[derive(Clone, Copy)]
pub struct PlanInput<'a> {
    /// The application's name.
    pub application: &'a str,
    /// The revision of `desired`.
    pub revision: &'a Revision,
    /// Everything that is declared. The holes of candidates are filled, except of those that are waiting.
    pub desired: &'a Desired,
    /// What we own.
    pub inventory: &'a Inventory,
    /// The objects to look at. All others are as the last plan left them: unchanged.
    pub candidates: &'a BTreeSet<Key>,
    /// What was observed of the candidates; one that is not in it is absent.
    pub live: &'a BTreeMap<Key, Live>,
    /// What targets foretold of candidates, or why they could not.
    pub previews: &'a BTreeMap<Key, Result<Preview, String>>,
    /// Candidates with holes that can't be filled yet, and why: nothing is done to them.
    pub waiting: &'a BTreeMap<Key, HeldBecause>,
    /// Candidates whose creation may have happened, in targets that can't say: nothing is done to them.
    pub quarantined: &'a BTreeSet<Key>,
    /// Objects that somebody else changes again and again, and when each may be corrected next.
    pub contested: &'a BTreeMap<Key, Time>,
    /// The kinds of each target of which nothing is removed without an approval.
    pub protected: &'a BTreeMap<SmolStr, BTreeSet<GroupKind>>,
    /// How to compare.
    pub differ: &'a dyn Differ,
    /// What is allowed.
    pub options: &'a Options,
    /// The parts of the plan's id that are not objects.
    pub basis: &'a Basis,
    /// When the candidates were observed.
    pub now: Time,
}

/// What a plan may do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Delete what is no longer declared. On by default.
    pub prune: bool,
    /// What to do about changes made behind our back. Corrected by default.
    pub drift: DriftPolicy,
    /// Take over unmarked objects that are in the way of declared ones. Off by default.
    pub adopt: bool,
}

/// What to do about changes made behind our back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

    /// Whether to take over unmarked objects.
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
