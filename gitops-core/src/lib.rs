//! Desired state, diff, plan and reconcile over a dependency graph: the backend-neutral core of gitops.
//!
//! Use it to write a target, a source or a renderer, or to put an engine together from values. A program that takes the file of the
//! `gitops` command starts at `gitops_app` instead. This crate does nothing over a network.
//!
//! ```text
//! Source ──Snapshot──▶ Render ──Desired──▶ ┐
//!                                          ├──▶ plan ──Plan──▶ Gate ──▶ Engine ──Change──▶ Target
//! Target ──live objects──▶ observe ──────▶ ┘   (pure)                    │ journal, audit
//!    ▲                                                                   ▼
//!    └──────────────────────────── events ◀───────────────────────── outcome
//! ```
//!
//! ```
//! use std::sync::Arc;
//!
//! use gitops_core::backend::directory::{Directory, FileRender};
//! use gitops_core::{ApplyOptions, Cx, Engine, Result, Source, StateDir};
//!
//! async fn deploy(source: Arc<dyn Source>) -> Result<()> {
//!     let cx = Cx::system();
//!     let mut engine = Engine::builder("shop")
//!         .source(source) // such as `gitops_git::GitSource`
//!         .render(Arc::new(FileRender::new("dir")))
//!         .target("dir", Arc::new(Directory::open("./live", "dir")?))
//!         .state(StateDir::open(".gitops".as_ref(), &cx)?)
//!         .open(&cx)
//!         .await?;
//!     let plan = engine.plan(&cx).await?; // writes nothing
//!     engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("alice")).await?;
//!     Ok(())
//! }
//! ```
//!
//! [`Target`], [`Source`], [`Render`] and [`Gate`] are what a program implements; [`backend::service`] makes a target of a plain service.
//! [`Engine`] keeps the targets of one application equal to its source, and a [`Supervisor`] runs many of them.

pub mod backend;
pub mod capability;
#[cfg(feature = "conformance")]
pub mod conformance;
mod cx;
mod engine;
pub mod gate;
pub mod layer;
mod plan;
pub mod prelude;
pub mod process;
mod render;
#[cfg(feature = "review")]
pub mod review;
#[cfg(feature = "simulate")]
pub mod simulate;
mod source;
mod state;
mod value;

/// The journal and its records, for tests: no part of the interface.
#[doc(hidden)]
pub mod internals {
    pub use crate::state::{audit, journal, record};
}

/// The pages whose examples are of this crate: they compile and run.
#[cfg(all(doctest, feature = "conformance", feature = "external"))]
mod guides {
    #[doc = include_str!("../../docs/backend.md")]
    struct Backend;
    #[doc = include_str!("../../docs/external-backends.md")]
    struct External;
    #[doc = include_str!("../../docs/conformance.md")]
    struct Kit;
}

pub use async_trait::async_trait;
pub use backend::directory::Directory;
pub use backend::memory::Memory;
pub use capability::{
    Diff, Differ, FieldChange, Found, RecoveryClass, Resource, Scope, Structural, Target, TargetInfo, Typed,
    TypedTarget,
};
pub use cx::{Clock, Cx, Entropy, System, Time, Turn};
pub use engine::event::{Event, EventSink};
pub use engine::mount::Mount;
pub use engine::state_dir::{StateDir, StateHolder, StatePeek};
pub use engine::supervisor::Supervisor;
pub use engine::{
    ApplyOptions, ApprovalCheck, ApprovalState, Attempt, BlockedObject, Company, Engine, EngineBuilder,
    EngineHandle, EngineStatus, Finding, HealthStatus, PendingRequest, Phase, Pin, PinExpect, Report,
    Request, Requests, SpeculativePlan, State, StepOutcome, StepResult, Suspension, SyncStatus, Ticket,
};
pub use gate::{BlastRadius, Gate, GateMessage, MassDelete, Proposal, Strictness, Verdict, gate};
pub use layer::{CallReport, Layer, MetricsLayer, RateLimitLayer, RetryLayer, TimeoutLayer, TraceLayer};
pub use plan::graph::{Cycle, Direction, Drawn, Graph, Parts, Picture};
pub use plan::planner::{DriftPolicy, Options};
pub use plan::{
    Basis, Blocked, BlockedBecause, Cause, DriftBeside, FoundBeside, Obstacle, OrphanedBecause, Plan,
    Prerequisite, Reason, Step,
};
pub use render::{Desired, Part, Render, RenderRoot, Rendered, Renderer, Routes, render_files};
pub use smol_str::SmolStr;
pub use source::{
    Commit, Commits, Entry, EntryKind, History, Merge, Merged, Relation, SignatureMethod, Signer, Snapshot,
    Source, SourceInfo, SourceWatch, Tree,
};
pub use state::approval::{Approval, Approvals, Approver, Lift, Through};
pub use state::audit::{
    AuditEntry, AuditEvent, AuditLog, AuditRecord, AuditReport, AuditSink, FileAudit, FileAuditLog,
    LeftObject, LeftState, MemoryAudit, MergedRequest, Purpose, RequestReview, StoreAudit, StoreAuditLog,
    SyncResult,
};
pub use state::inventory::Inventory;
pub use state::lease::{Lease, LeaseGrant, MemoryLease};
pub use state::record::{
    AuditPosition, Binding, Complete, Intent, Left, Owned, OwnedState, Progress, ReadinessRecord, Rebound,
};
pub use state::store::{Document, FileStore, MemoryStore, StateStore, StoreWatch, Stored};
pub use value::*;
