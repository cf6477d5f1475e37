use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// An opaque compare-and-swap token of one state of one object.
///
/// A target makes it (a `resourceVersion`, a serial, a digest of the content); everybody else only
/// compares it for equality. It changes with each effective write and never by reading.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(SmolStr);

/// The identity of one *incarnation* of an object.
///
/// Constant over updates; an object that was deleted and made again under the same name has another. Within a target no
/// two objects have the same: two keys with one identity name one object, and it is not deleted under the one while it is
/// declared under the other.
/// Deletes name it, so that a namesake made by somebody else is never removed in its place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(SmolStr);

macro_rules! token {
    ($name:ident) => {
        impl $name {
            #[doc = concat!("Takes a target's own token as a `", stringify!($name), "`.")]
            pub fn new(token: impl Into<SmolStr>) -> Self {
                Self(token.into())
            }

            /// The token's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

token!(Version);
token!(Uid);

impl Uid {
    /// The identity of an object that has none without its owner label, as a file has: nobody can say whether it is an incarnation
    /// that is on record.
    pub fn unlabelled() -> Self {
        Self::new("unlabelled")
    }

    /// Whether an object has no identity, because it has no owner label.
    pub fn is_unlabelled(&self) -> bool {
        *self == Self::unlabelled()
    }
}
