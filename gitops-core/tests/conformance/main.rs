//! The kit itself: a model passes every check, and each check catches the backend that is broken in just that.
#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod audits;
mod backends;
mod broken;
mod docs;
mod layered;
mod leases;
mod model;
mod planted;
mod renders;
mod report;
mod services;
mod sources;
mod stores;
mod typed;
