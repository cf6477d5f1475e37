use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::{Digest, Key};

use crate::tool::json::{Plan, Redact};

/// How many plans are remembered.
const REMEMBERED: usize = 64;

/// What the tool said of a saved plan: its effect, and what is secret in it.
pub(crate) struct Shown {
    pub plan: Plan,
    pub secrets: Redact,
}

/// What the tool said of the latest plans of roots, by the digest of the plan's file: between a preview and its apply
/// nothing has to be asked again.
#[derive(Default)]
pub(crate) struct ShownPlans(Mutex<BTreeMap<Key, (Digest, Arc<Shown>)>>);

impl ShownPlans {
    pub fn get(&self, key: &Key, content: &Digest) -> Option<Arc<Shown>> {
        let plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plans.get(key).filter(|(known, _)| known == content).map(|(_, shown)| shown.clone())
    }

    pub fn put(&self, key: &Key, content: Digest, shown: Shown) -> Arc<Shown> {
        let shown = Arc::new(shown);
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= REMEMBERED && !plans.contains_key(key) {
            plans.pop_first();
        }
        plans.insert(key.clone(), (content, shown.clone()));
        shown
    }

    /// A plan that was applied is of no more use, and its secrets need not stay.
    pub fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
