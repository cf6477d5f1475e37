//! The Git source against real repositories and real servers.

mod history;
mod http;
mod local;
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
