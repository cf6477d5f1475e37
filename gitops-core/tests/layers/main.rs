//! The layers: what each does around a call, and what goes wrong in another order than the documented one.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod metrics;
mod order;
mod powers;
mod rate_limit;
mod retry;
mod script;
mod timeout;
mod trace;
