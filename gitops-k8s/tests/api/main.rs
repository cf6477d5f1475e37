//! The Kubernetes target against a real API server.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod apply;
mod connect;
mod engine;
mod faults;
mod health;
mod limits;
mod observe;
mod preview;
mod support;
mod watch;
