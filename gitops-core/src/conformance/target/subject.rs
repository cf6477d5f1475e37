use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::outside::{NoHands, Outside};
use super::samples::Samples;
use crate::capability::Target;

/// A target to be checked, and what the kit needs to know of it.
#[derive(Clone)]
pub struct Subject {
    pub(super) target: Arc<dyn Target>,
    pub(super) samples: Samples,
    pub(super) outside: Arc<dyn Outside>,
    pub(super) patience: Duration,
    pub(super) divergences: BTreeMap<&'static str, &'static str>,
}

impl Subject {
    /// A target that has none of the samples' objects yet.
    pub fn new(target: Arc<dyn Target>, samples: Samples) -> Self {
        let patience = Duration::from_secs(10);
        Self { target, samples, outside: Arc::new(NoHands), patience, divergences: BTreeMap::new() }
    }

    /// Lets the kit do things behind the target's back. Without it, the checks that need them are skipped.
    #[must_use]
    pub fn outside(mut self, outside: Arc<dyn Outside>) -> Self {
        self.outside = outside;
        self
    }

    /// How long a deletion, a list or a watch may lag; ten seconds if nothing is said.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Says that the target does not keep what a check asks, and why. The check is skipped, and the report says so.
    #[must_use]
    pub fn diverges(mut self, number: &'static str, why: &'static str) -> Self {
        self.divergences.insert(number, why);
        self
    }
}
