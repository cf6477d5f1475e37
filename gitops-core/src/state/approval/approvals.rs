use serde::{Deserialize, Serialize};

use super::Approval;
use crate::value::Key;

/// How many approvals are kept, and how long they are together, in bytes; with more, the oldest go.
const KEPT: usize = 16;
const LENGTH: usize = 256 << 10;

/// The approvals of an application of which something is left, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Approvals(Vec<Approval>);

impl Approvals {
    /// Each of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Approval> {
        self.0.iter()
    }

    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Approval> {
        self.0.iter().rev()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps another one.
    pub(crate) fn add(&mut self, approval: &Approval) {
        self.0.retain(|other| other.is_valid(approval.at) && other.id() != approval.id());
        self.0.push(approval.clone());
        let mut length = 0;
        let fits = self.0.iter().rev().take(KEPT).take_while(|approval| {
            length += approval.length();
            length <= LENGTH
        });
        // The new one is kept, whatever its length: it was checked when it was made.
        let over = self.0.len() - fits.count().max(1);
        self.0.drain(..over);
    }

    /// An object was changed: what was approved of it is done, or is void.
    pub(crate) fn spend(&mut self, key: &Key) {
        self.0.iter_mut().for_each(|approval| approval.effect.spend(key));
        self.0.retain(|approval| !approval.effect.is_empty());
    }

    /// None of them holds any more.
    pub(crate) fn void(&mut self) {
        self.0.clear();
    }
}
