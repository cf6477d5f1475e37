//! Forges: in memory, stood in for, and real.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod broken;
mod client;
mod gitea;
mod github;
mod gitlab;
mod memory;
mod named;
mod real;
mod retargeted;
mod support;
mod webhooks;
