//! From manifests to objects: what is declared, what is refused and how it is said.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod corpus;
mod edges;
mod field;
mod kit;
mod network;
mod objects;
mod policies;
mod popular;
mod programs;
mod properties;
mod refused;
mod secrets;
mod substitution;
mod support;
mod warnings;
