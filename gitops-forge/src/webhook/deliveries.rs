use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use smol_str::SmolStr;

use super::Hint;

/// The deliveries that came before, so that one that is sent again is not worked on again.
///
/// A delivery is known by its id and by its body, because few forges sign the id. The oldest ones are forgotten, so its size
/// is bounded; one that comes again after that is a hint like any other, and changes nothing.
pub struct Deliveries {
    capacity: usize,
    known: BTreeSet<SmolStr>,
    order: VecDeque<[SmolStr; 2]>,
}

impl Deliveries {
    /// Remembers so many deliveries, at least one.
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), known: BTreeSet::new(), order: VecDeque::new() }
    }

    /// Whether a hint is of a delivery that did not come before; from now on, it did.
    pub fn admit(&mut self, hint: &Hint) -> bool {
        let names = [SmolStr::new(format!("id {:?} {}", hint.sender, hint.delivery)), hint.digest.clone()];
        if names.iter().any(|name| self.known.contains(name)) {
            return false;
        }
        if self.order.len() >= self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.iter().for_each(|name| {
                self.known.remove(name);
            });
        }
        self.known.extend(names.clone());
        self.order.push_back(names);
        true
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries")
            .field("known", &self.order.len())
            .field("capacity", &self.capacity)
            .finish()
    }
}
