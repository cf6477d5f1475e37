//! What tests need of a machine: a small disk, texts that are kept in files; with the feature `api-server`, a Kubernetes API server with its own
//! audit log, a proxy that fails on purpose, and an admission webhook; with the feature `gitea`, a forge;
//! with the feature `git-server`, a web server for Git repositories.
//!
//! For tests only: everything here panics with the way out where something is missing.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[cfg(feature = "api-server")]
mod cluster;
#[cfg(feature = "git-server")]
mod git_server;
#[cfg(feature = "gitea")]
mod gitea;
mod kept;
mod postgres;
mod relay;
mod small_disk;

#[cfg(feature = "api-server")]
pub use cluster::*;
#[cfg(feature = "git-server")]
pub use git_server::GitServer;
#[cfg(feature = "gitea")]
pub use gitea::{Gitea, Runner};
pub use kept::assert_kept;
pub use postgres::Postgres;
pub use relay::{Relay, Trouble};
pub use small_disk::SmallDisk;
