//! Desired state, diff, plan and reconcile over a dependency graph: the backend-neutral core of gitops.

mod approval;
pub mod audit;
pub mod capability;
#[cfg(feature = "cel")]
pub mod cel;
#[cfg(feature = "conformance")]
pub mod conformance;
mod cx;
mod diagnostic;
mod diff;
pub mod directory;
mod engine;
mod error;
mod event;
pub mod fs;
mod gate;
mod graph;
mod inventory;
pub mod journal;
mod key_locks;
pub mod layer;
mod lease;
mod memory;
mod mount;
mod plan;
mod planner;
pub mod prelude;
pub mod process;
pub mod reconcile;
pub mod redact;
mod render;
pub mod review;
pub mod service;
#[cfg(feature = "simulate")]
pub mod simulate;
mod source;
mod state_dir;
mod store;
mod supervisor;
mod target;
pub mod text;
mod typed;
mod value;

pub use approval::{Approval, Approvals, Approver, Lift, Through};
pub use async_trait::async_trait;
pub use audit::{
    AuditEntry, AuditEvent, AuditRecord, AuditReport, AuditSink, FileAudit, LeftObject, LeftState,
    MemoryAudit, Purpose, SyncResult,
};
pub use cx::{Clock, Cx, Entropy, System, Time};
pub use diagnostic::{Diagnostic, Severity, Span};
pub use diff::{Diff, Differ, FieldChange, Structural};
pub use directory::Directory;
pub use engine::{
    ApplyOptions, Attempt, BlockedObject, Engine, EngineBuilder, EngineHandle, EngineStatus, Finding,
    HealthStatus, Phase, Pin, Report, Request, Requests, SpeculativePlan, State, StepOutcome, StepResult,
    Suspension, SyncStatus, Ticket,
};
pub use error::{Error, ErrorKind, Outcome, Result, Retry};
pub use event::{Event, EventSink};
pub use gate::{BlastRadius, Gate, GateMessage, MassDelete, Proposal, Verdict, gate};
pub use graph::{Cycle, Direction, Graph, Parts};
pub use inventory::{
    Binding, Complete, Inventory, Left, Owned, OwnedState, Progress, ReadinessRecord, Rebound,
};
pub use layer::{DryRunLayer, Layer, RateLimitLayer, RetryLayer, TimeoutLayer, TraceLayer};
pub use lease::{Lease, LeaseGrant, MemoryLease};
pub use memory::Memory;
pub use mount::Mount;
pub use plan::{
    AwaitedEffect, Basis, Blocked, BlockedBecause, Cause, Effect, ForeignField, ForeignOutcome, Moved,
    Obstacle, Plan, PlanId, Prerequisite, Reason, Risk, Step, StepEffect, Taken, Uncovered, Whose,
};
pub use planner::{Differing, DriftPolicy, Options, PlanInput, Planned, Planner};
pub use render::{Desired, Part, Render, RenderRoot, Rendered, Renderer, Routes, render_files};
pub use source::{
    Commit, Commits, Entry, EntryKind, History, Merge, Merged, Relation, Snapshot, Source, SourceInfo,
    SourceWatch, Tree,
};
pub use state_dir::{StateDir, StatePeek};
pub use store::{Document, FileStore, MemoryStore, StateStore, StoreWatch, Stored};
pub use supervisor::Supervisor;
pub use target::{RecoveryClass, Scope, Target, TargetInfo};
pub use typed::{Found, Resource, Typed, TypedTarget};
pub use value::*;
