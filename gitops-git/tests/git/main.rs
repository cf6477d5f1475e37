//! The Git source against real repositories and real servers.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod conformance;
mod cost;
mod field;
mod history;
mod http;
mod local;
mod merge;
mod mirror;
mod names;
mod network;
mod program;
mod revert;
mod rules;
mod ssh;
mod support;
mod tree;
mod watch;
