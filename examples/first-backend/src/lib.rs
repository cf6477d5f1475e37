//! Feature flags as a target: the code of the tutorial `docs/first-backend.md`, file by file.

pub mod backend;
pub mod client;
pub mod naive;
