//! Real servers for tests: a Kubernetes API server with its own audit log, a proxy that fails on purpose,
//! and an admission webhook.
//!
//! For tests only: everything here panics with the way out where something is missing.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod admin;
mod api_server;
mod audit;
mod proxy;
mod servers;
mod webhook;

pub use admin::Admin;
pub use api_server::{ApiServer, User};
pub use audit::Request;
pub use proxy::{Fault, FaultProxy};
pub use webhook::{Answer, Webhook};
