//! The kit by which a backend proves its contract, and its tier, in one test.
//!
//! A kit runs numbered checks, each on a fresh backend. A check passes, fails, is skipped for want of something that
//! only the author can give, or is not asked of this backend. `docs/conformance.md` lists the checks by number.
//!
//! ```
//! use std::sync::Arc;
//! use gitops_core::conformance::{self, Samples, Subject};
//! use gitops_core::{GroupKind, Key, Memory, Tier, Value};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let key = |n| Key::new("memory", GroupKind::new("", "Note"), "", format!("note-{n:04}"));
//! let body = |n| Value::map([("text", Value::from(format!("text {n}").as_str()))]);
//! let report = conformance::target(move || async move {
//!     Ok(Subject::new(Arc::new(Memory::new()), Samples::new(key, body)))
//! })
//! .run()
//! .await;
//! report.assert_earned(Tier::Keyed);
//! # }
//! ```

mod check;
mod poll;
mod report;
mod seed;
mod target;

pub use report::{CheckResult, Report, Status};
pub use target::{Fault, Outside, Samples, Subject, TargetKit, target};

/// Every check of a target: its number and what it asks, as the documentation lists them.
pub fn target_checks() -> Vec<(&'static str, &'static str)> {
    target::checks().map(|check| (check.number, check.sentence)).collect()
}
