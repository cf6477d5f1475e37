//! What is done to an object, and what that would do.

pub(crate) mod admit;
pub(crate) mod adopt;
pub(crate) mod apply;
mod beside;
pub(crate) mod blast;
pub(crate) mod document;
pub(crate) mod effect;
pub(crate) mod filled;
mod going;
mod mask;
pub(crate) mod negotiate;
pub(crate) mod preview;
mod removal;
pub(crate) mod stored;
pub(crate) mod treatment;
pub(crate) mod versions;
