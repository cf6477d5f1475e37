//! The kit by which a backend proves its contract, and its recovery class, in one test.
//!
//! A kit runs numbered checks, each on a fresh backend. A check passes, fails, is skipped for want of something that
//! only the author can give, or is not asked of this backend. `docs/conformance.md` lists the checks by number.
//!
//! ```
//! use std::sync::Arc;
//! use gitops_core::conformance::{self, Outside, Samples, Subject};
//! use gitops_core::{GroupKind, Key, Memory, Result, RecoveryClass, Value};
//!
//! /// Somebody else who works with the same backend: what they make is adopted, what they change is found.
//! struct Hands(Arc<Memory>);
//!
//! #[gitops_core::async_trait]
//! impl Outside for Hands {
//!     async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
//!         self.0.edit(key, body.cloned());
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let key = |n| Key::new("memory", GroupKind::new("", "Note"), "", format!("note-{n:04}"));
//! let body = |n| Value::map([("text", Value::from(format!("text {n}").as_str()))]);
//! let report = conformance::target(move || async move {
//!     let memory = Arc::new(Memory::new());
//!     Ok(Subject::new(memory.clone(), Samples::new(key, body)).outside(Arc::new(Hands(memory))))
//! })
//! .run()
//! .await;
//! report.assert_earned(RecoveryClass::Keyed);
//! # }
//! ```

mod audit;
mod check;
mod kit;
mod layer;
mod lease;
mod poll;
mod render;
mod report;
mod seed;
mod source;
mod store;
mod target;

use check::Check;

pub use audit::{AuditSubject, audit};
pub use kit::Kit;
pub use layer::layer;
pub use lease::{LeaseSubject, lease};
pub use render::{RenderSubject, render};
pub use report::{CheckResult, Report, Status};
pub use source::{Publisher, SourceSubject, source};
pub use store::{StoreSubject, store};
pub use target::{CountedPages, Fault, Outside, Samples, Subject, target};

/// Every check of every kit: its number and what it asks, as the documentation lists them.
pub fn all_checks() -> Vec<(&'static str, &'static str)> {
    let of_targets = target::checks().map(Check::row);
    let of_sources = source::checks().map(Check::row);
    let of_stores = store::CHECKS.iter().map(Check::row);
    let of_renderers = render::CHECKS.iter().map(Check::row);
    let of_audit_sinks = audit::CHECKS.iter().map(Check::row);
    let of_leases = lease::CHECKS.iter().map(Check::row);
    let of_layers = layer::CHECKS.iter().map(Check::row);
    let of_others = of_renderers.chain(of_audit_sinks).chain(of_leases).chain(of_layers);
    of_targets.chain(of_sources).chain(of_stores).chain(of_others).collect()
}
