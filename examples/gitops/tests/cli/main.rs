//! The `gitops` command as a person and a script meet it: the real binary on real Git repositories.

#![allow(clippy::unwrap_used, reason = "a test that can not be set up has failed")]

mod bad_input;
mod config_errors;
mod diff;
mod disks;
mod documents;
mod drift;
mod exit_codes;
mod field;
mod graph;
mod init;
mod interrupt;
mod needs;
mod plan_apply;
mod promote;
mod reload;
mod review;
mod rollback;
mod run;
mod serving;
mod several;
mod stale;
mod support;
mod tell;
mod terminal;
mod windows;
