//! The directory target: what it promises of files that are its own and of files that are not.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod changes;
mod hostile;
mod owner_labels;
mod races;
mod storage;
mod support;
mod watch;
