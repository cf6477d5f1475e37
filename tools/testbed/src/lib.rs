//! What tests need of a machine: a small disk, and, with the feature `api-server`, a Kubernetes API server with its own
//! audit log, a proxy that fails on purpose, and an admission webhook.
//!
//! For tests only: everything here panics with the way out where something is missing.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[cfg(feature = "api-server")]
mod cluster;
mod small_disk;

#[cfg(feature = "api-server")]
pub use cluster::*;
pub use small_disk::SmallDisk;
