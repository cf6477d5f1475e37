//! The values that flow from a source to a target.

mod change;
mod component;
mod digest;
mod digest_map;
mod hole;
mod json;
mod key;
mod live;
mod map;
mod number;
mod object;
mod provenance;
mod revision;
mod secret;
mod set_digest;
mod text;
mod tree;
mod version;

pub use change::{Action, Change, Expect, Mark, Precondition};
pub use component::{Component, ComponentChange, Components};
pub use digest::{Digest, Hasher};
pub use digest_map::{DigestMap, Digested};
pub use hole::{Hole, HolePart, OutputRef, UnfitOutput};
pub use key::{GroupKind, Key, ParseKeyError};
pub use live::{Applied, Live, Ownership, Presence};
pub use map::Map;
pub use number::{Number, ParseNumberError};
pub use object::{Need, Object};
pub use provenance::Provenance;
pub use revision::Revision;
pub use secret::{Secret, SecretKey};
pub use set_digest::SetDigest;
pub(crate) use text::parsed;
pub use tree::Value;
pub use version::{Uid, Version};
