//! The command on a real forge: Gitea, with the people who use it.
#![allow(clippy::unwrap_used, reason = "a test that can not be set up has failed")]

mod real;
#[path = "../cli/support.rs"]
#[allow(dead_code, reason = "shared with the tests that need no server")]
mod support;
