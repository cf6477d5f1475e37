//! What targets did not take as it was declared.

use std::collections::BTreeMap;

use crate::plan::planner::Differing;
use crate::value::{Digest, Expect, Key};

/// Remembers the objects whose last change left something else than was declared.
///
/// To write the same over the same state again would do the same: such an object is written again once its declaration
/// or its state moved. It is remembered in memory: a restarted engine tries once more.
#[derive(Clone, Debug, Default)]
pub(super) struct Differed(BTreeMap<Key, Differing>);

impl Differed {
    pub fn note(&mut self, key: &Key, desired: Digest, state: Expect, fields: Vec<String>) {
        self.0.insert(key.clone(), Differing { desired, state, fields });
    }

    pub fn all(&self) -> &BTreeMap<Key, Differing> {
        &self.0
    }
}

/// What is said of it.
pub(super) fn sentence(fields: &[String]) -> String {
    format!("the target holds something else than was declared: {}", fields.join(", "))
}
