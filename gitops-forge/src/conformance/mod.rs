//! The kit by which a forge proves its contract, in one test.
//!
//! It runs numbered checks, each on a fresh request of a [`ForgeSubject`]. A check passes, fails, is skipped for want of
//! something that only the author can give, or is not asked of this forge. `docs/forges.md` lists them.
//!
//! ```
//! use gitops_forge::conformance::{self, MemoryOthers};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let report = conformance::forge(|| async { Ok(MemoryOthers::subject()) }).run().await;
//! report.assert_passed();
//! # }
//! ```

mod check;
mod comments;
mod faults;
mod kit;
mod memory;
mod powers;
mod requests;
mod reviews;
mod statuses;
mod subject;

pub use kit::{ForgeKit, all_checks, forge};
pub use memory::MemoryOthers;
pub use subject::{Fault, ForgeSubject, Others, Person};
