//! Applications from one file: its configuration, the session that works with it, and the documents that tell of it.
//!
//! Use it where a program takes the file of the `gitops` command: that command and the controller are thin programs over this crate.
//! [`config::Applications`] reads the file, [`session::Session`] opens source, targets and state of one application and
//! holds its engine, [`documents`] are what programs read of plans, and [`codes`] explains every error code. [`Backends`]
//! takes kinds of targets that a program has of its own.
//!
//! ```text
//! gitops.yaml ──Applications::load──▶ Config ──Session──▶ Engine ──▶ plan, apply, run
//!    Backends ─────────┘                │                    │
//!                                       └──▶ review          └──▶ documents: JSON of plan, status, history, why
//! ```
//!
//! ```no_run
//! use gitops_app::Backends;
//! use gitops_app::config::Applications;
//! use gitops_app::session::Session;
//! use gitops_core::{Cx, Result};
//!
//! async fn plans(cx: &Cx) -> Result<()> {
//!     let applications = Applications::load("gitops.yaml".as_ref(), &Backends::new())?; // every fault has its line
//!     for config in &applications.all {
//!         let mut session = Session::builder(config).open(cx).await?;
//!         println!("{}: {} steps", config.name, session.engine.plan(cx).await?.steps.len());
//!     }
//!     Ok(())
//! }
//! ```

mod clusters;
pub mod codes;
pub mod config;
pub mod diagnostic;
pub mod documents;
pub mod forge;
pub mod gates;
mod heard;
pub mod home;
mod inputs;
mod known;
pub mod lookup;
mod mounting;
pub mod order;
pub mod origin;
mod orphans;
pub mod place;
pub mod promote;
pub mod review;
pub mod rollback;
mod roster;
mod rules;
mod runner;
pub mod saved_plan;
pub mod session;
mod source;
mod targets;
pub mod text;

/// The pages whose examples need more than one crate: they compile.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/embedding.md")]
    struct Embedding;
}

pub use clusters::Clusters;
pub use config::Backends;
pub use gitops_k8s::PlannerIdentity;
pub use inputs::{Inputs, Reloaded};
pub use mounting::Mounting;
pub use orphans::{Orphaned, orphaned};
pub use roster::{Roster, Taken};
pub use runner::{Contested, Doubted, NotePlace, Noted, Refused, Runner};
