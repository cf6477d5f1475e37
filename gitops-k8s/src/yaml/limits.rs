use super::{Fault, Place};

/// What a file may cost to read; each limit has an error that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct YamlLimits {
    /// Bytes of the file: 10 MiB.
    pub bytes: usize,
    /// Documents in the file: 10,000.
    pub documents: usize,
    /// How deep lists and mappings are nested: 100.
    pub depth: usize,
    /// Values that aliases and merges copy in one document: 100,000.
    pub copies: usize,
    /// Bytes of a key: 1,024.
    pub key: usize,
    /// Bytes of one text: 1.5 MiB, as much as an API server stores of an object.
    pub scalar: usize,
}

impl Default for YamlLimits {
    fn default() -> Self {
        Self { bytes: 10 << 20, documents: 10_000, depth: 100, copies: 100_000, key: 1024, scalar: 3 << 19 }
    }
}

impl YamlLimits {
    pub(super) fn check_depth(&self, place: Place, depth: usize) -> Result<(), Fault> {
        match depth > self.depth {
            true => Err(Fault::limit(place, "levels of nesting", self.depth)),
            false => Ok(()),
        }
    }

    pub(super) fn check_key(&self, place: Place, key: &str) -> Result<(), Fault> {
        match key.len() > self.key {
            true => Err(Fault::limit(place, "bytes in a key", self.key)),
            false => Ok(()),
        }
    }

    pub(super) fn check_scalar(&self, place: Place, text: &str) -> Result<(), Fault> {
        match text.len() > self.scalar {
            true => Err(Fault::limit(place, "bytes in one text", self.scalar)),
            false => Ok(()),
        }
    }
}
