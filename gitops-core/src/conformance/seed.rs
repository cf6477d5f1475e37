use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cx::{Cx, Entropy, System};
use crate::value::Hasher;

/// Entropy that is the same for the same seed.
struct Seeded {
    seed: u64,
    drawn: AtomicU64,
}

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        let draw = self.drawn.fetch_add(1, Ordering::Relaxed);
        let mut hasher = Hasher::new("gitops conformance");
        hasher.field(self.seed.to_le_bytes()).field(draw.to_le_bytes()).fill(buffer);
    }
}

/// A context of the machine's clock and of chance that a seed repeats.
pub(super) fn seeded(seed: u64) -> Cx {
    Cx::new(Arc::new(System), Arc::new(Seeded { seed, drawn: AtomicU64::new(0) }))
}

/// A seed that nobody chose.
pub(super) fn any_seed() -> u64 {
    u64::from_le_bytes(Cx::system().random_bytes())
}
