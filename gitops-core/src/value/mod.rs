//! The values that flow from a source to a target, and the errors and diagnostics that say what is wrong with them.

mod change;
mod component;
pub(crate) mod credentials;
mod diagnostic;
mod digest;
mod digest_map;
mod effect;
mod error;
mod foreign;
mod json;
mod key;
mod live;
mod map;
mod nearest;
mod number;
mod object;
pub(crate) mod owner;
mod placeholder;
mod plan_id;
mod provenance;
pub mod redact;
mod refusal;
mod revision;
mod risk;
mod secret;
mod set_digest;
mod stale;
mod taken;
pub mod text;
mod tree;
mod version;
mod written;

pub use change::{Action, Change, Expect, OwnerLabel, Precondition};
pub use component::{Component, ComponentChange, Components};
pub use diagnostic::{Diagnostic, Severity, Span};
#[doc(hidden)]
pub use digest::Hasher;
pub use digest::{Digest, ParseDigestError};
pub use digest_map::DigestMap;
#[doc(hidden)]
pub use digest_map::Digested;
pub(crate) use digest_map::KeptEntries;
pub use effect::{AwaitedEffect, Effect, StepEffect, Uncovered};
pub use error::{Error, ErrorKind, Outcome, Result, Retry};
pub use foreign::{ForeignField, ForeignOutcome};
pub use key::{GroupKind, Key, ParseKeyError};
pub use live::{Applied, Live, Ownership, Presence};
pub use map::Map;
#[doc(hidden)]
pub(crate) use nearest::is_slip;
pub use nearest::{most_alike, nearest};
pub use number::{Number, ParseNumberError};
pub use object::{CleanUp, Lead, Need, Object};
pub use placeholder::{OutputRef, Placeholder, PlaceholderPart, UnfitOutput};
pub use plan_id::PlanId;
pub use provenance::Provenance;
pub use refusal::Refusal;
pub use revision::Revision;
pub use risk::Risk;
pub use secret::{Secret, SecretKey};
pub(crate) use set_digest::SetDigest;
pub use stale::StaleBecause;
pub use taken::{Taken, Whose};
pub use tree::Value;
pub use version::{Uid, Version};
pub(crate) use written::parsed;
