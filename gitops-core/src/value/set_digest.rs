use std::fmt;

use super::{Digest, Hasher};

const LANES: usize = 1024;

/// The digest of a *set*, kept up to date at the cost of what changes.
///
/// Equal sets have equal digests, in whatever order they were built; adding or removing one element costs
/// the same in a set of ten and of a hundred thousand. It is `LtHash16` (1,024 lanes of 16 bits, summed
/// lane by lane) over BLAKE3's extendable output: finding two sets with one digest is as hard as a
/// short-vector problem of dimension 1,024.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SetDigest(Box<[u16; LANES]>);

impl Default for SetDigest {
    fn default() -> Self {
        Self(Box::new([0; LANES]))
    }
}

impl SetDigest {
    /// Adds an element, given by its digest. An element counts as often as it was added.
    pub fn add(&mut self, element: &Digest) {
        self.each_lane(element, u16::wrapping_add);
    }

    /// Takes out an element that was added before.
    pub fn remove(&mut self, element: &Digest) {
        self.each_lane(element, u16::wrapping_sub);
    }

    /// The digest of the set as it is now.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("gitops set");
        let mut bytes = [0; LANES * 2];
        for (pair, lane) in bytes.chunks_exact_mut(2).zip(self.0.iter()) {
            pair.copy_from_slice(&lane.to_le_bytes());
        }
        hasher.field(bytes);
        hasher.finish()
    }

    /// The sums, to be kept.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    /// The digest with these sums; nothing if there are too few or too many.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut digest = (bytes.len() == LANES * 2).then(Self::default)?;
        for (lane, pair) in digest.0.iter_mut().zip(bytes.chunks_exact(2)) {
            *lane = u16::from_le_bytes([pair[0], pair[1]]);
        }
        Some(digest)
    }

    fn each_lane(&mut self, element: &Digest, combine: impl Fn(u16, u16) -> u16) {
        let mut bytes = [0; LANES * 2];
        Hasher::new("gitops set element").field(element.as_bytes()).fill(&mut bytes);
        for (lane, pair) in self.0.iter_mut().zip(bytes.chunks_exact(2)) {
            *lane = combine(*lane, u16::from_le_bytes([pair[0], pair[1]]));
        }
    }
}

impl fmt::Debug for SetDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetDigest({})", self.digest().short())
    }
}
