use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::{Digest, Hasher};

/// A position in a journal that can be told from the same position in any other.
///
/// The inventory holds the anchor of the last record that it has taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Which journal.
    pub lineage: Lineage,
    /// How many frames were written before this position, since the journal began.
    pub sequence: u64,
    /// The hash of the last of them, which stands for all of them.
    pub chain: Digest,
    /// The epoch at this position.
    pub epoch: u64,
}

impl Anchor {
    /// The beginning of a new journal.
    pub(crate) fn beginning(lineage: Lineage, epoch: u64) -> Self {
        let chain = Hasher::new("gitops journal").field(lineage.0).finish();
        Self { lineage, sequence: 0, chain, epoch }
    }
}

/// The identity of a journal, made once from 16 random bytes; written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lineage([u8; 16]);

impl Lineage {
    /// The lineage with these bytes; take them from [`Cx::random_bytes`](crate::Cx::random_bytes).
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lineage({self})")
    }
}

/// A text that is not 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lineage is 32 hexadecimal digits")]
pub struct ParseLineageError;

impl FromStr for Lineage {
    type Err = ParseLineageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(number) if digits => Ok(Self(number.to_be_bytes())),
            _ => Err(ParseLineageError),
        }
    }
}

impl Serialize for Lineage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lineage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::value::parsed(deserializer)
    }
}
