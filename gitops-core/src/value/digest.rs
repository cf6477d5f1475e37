use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A BLAKE3 digest of 32 bytes, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).into())
    }

    /// The digest with exactly these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 hexadecimal digits: enough to tell digests apart in what people read.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }

    /// How many digits name something that others may choose: of two things that somebody makes for that, so many are never the same.
    /// The same 12 are found in seconds.
    const NAMING: usize = 40;

    /// The digits by which people name what others may choose, such as an effect that they approve.
    pub fn name(&self) -> String {
        let mut text = self.to_string();
        text.truncate(Self::NAMING);
        text
    }

    /// Whether `text` is its [name](Self::name), or more of it.
    pub fn is_named(&self, text: &str) -> bool {
        text.len() >= Self::NAMING && self.to_string().starts_with(text)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal digits")]
pub struct ParseDigestError;

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| ParseDigestError)?;
        Ok(Self(hash.into()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::parsed(deserializer)
    }
}

/// Digests a sequence of fields without ambiguity: each field is preceded by its length, so that no two
/// different sequences feed the same bytes.
#[derive(Clone, Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// A hasher for one purpose; different `domain`s never give the same digest.
    pub fn new(domain: &str) -> Self {
        let mut hasher = Self::default();
        hasher.field(domain);
        hasher
    }

    /// Adds one field.
    pub fn field(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds each of some fields.
    pub(crate) fn fields<B: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = B>) -> &mut Self {
        fields.into_iter().for_each(|field| {
            self.field(field);
        });
        self
    }

    /// The digest of all fields so far.
    pub fn finish(&self) -> Digest {
        Digest(self.0.finalize().into())
    }

    pub(crate) fn fill(&self, output: &mut [u8]) {
        self.0.finalize_xof().fill(output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_moved_between_fields_changes_the_digest() {
        let digest = |fields: &[&str]| {
            let mut hasher = Hasher::new("test");
            fields.iter().for_each(|field| {
                hasher.field(field);
            });
            hasher.finish()
        };
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["ab"]), digest(&["ab", ""]));
    }

    #[test]
    fn the_written_form_reads_back() {
        let digest = Digest::of(b"x");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!("zz".parse::<Digest>(), Err(ParseDigestError));
    }
}
