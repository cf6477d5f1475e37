//! The target on the real tool.
//!
//! `GITOPS_TOFU` names the program; `cargo xtask test` builds it and sets it. Terraform is a second dialect: where the
//! variable names it instead, the tests run on it.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says where")]

mod backends;
mod disks;
mod drift;
mod effects;
mod failures;
mod field;
mod git;
mod kills;
mod kit;
mod life;
mod outputs;
mod processes;
mod refused;
mod removal;
mod secrets;
mod stale;
mod support;
mod things;
