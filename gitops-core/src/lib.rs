//! Desired state, diff, plan and reconcile over a dependency graph: the backend-neutral core of gitops.

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
    ApplyOptions, ApprovalCheck, Attempt, BlockedObject, Engine, EngineBuilder, EngineHandle, EngineStatus,
    Finding, HealthStatus, PendingRequest, Phase, Pin, PinExpect, Report, Request, Requests, SpeculativePlan,
    State, StepOutcome, StepResult, Suspension, SyncStatus, Ticket,
};
pub use gate::{BlastRadius, Gate, GateMessage, MassDelete, Proposal, Verdict, gate};
pub use layer::{
    CallReport, DryRunLayer, Layer, MetricsLayer, RateLimitLayer, RetryLayer, TimeoutLayer, TraceLayer,
};
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
