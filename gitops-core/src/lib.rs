//! Desired state, diff, plan and reconcile over a dependency graph: the backend-neutral core of gitops.

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
mod fleet;
pub mod fs;
mod gate;
mod graph;
mod inventory;
pub mod journal;
pub mod layer;
mod lease;
mod memory;
mod plan;
mod planner;
pub mod prelude;
pub mod process;
pub mod reconcile;
mod render;
#[cfg(feature = "simulate")]
pub mod simulate;
mod source;
mod state_dir;
mod store;
mod target;
mod typed;
mod value;

pub use async_trait::async_trait;
pub use audit::{AuditEntry, AuditEvent, AuditReport, AuditSink, FileAudit, MemoryAudit};
pub use cx::{Clock, Cx, Entropy, System, Time};
pub use diagnostic::{Diagnostic, Severity, Span};
pub use diff::{Diff, Differ, FieldChange, Structural};
pub use directory::Directory;
pub use engine::{
    Approval, Engine, EngineBuilder, Finding, Pin, PinRequest, Report, State, StepOutcome, StepResult,
};
pub use error::{Error, ErrorKind, Outcome, Result, Retry};
pub use event::{Event, EventSink};
pub use fleet::{Fleet, FleetOutcome};
pub use gate::{Gate, MassDelete, Note, Verdict, gate};
pub use graph::{Cycle, Direction, Graph, Parts};
pub use inventory::{Inventory, Owned, OwnedState};
pub use layer::{DryRunLayer, Layer, RateLimitLayer, RetryLayer, TimeoutLayer, TraceLayer};
pub use lease::{Lease, MemoryLease, Tenure};
pub use memory::Memory;
pub use plan::{Basis, Cause, Held, HeldBecause, Moved, Plan, PlanId, Reason, Risk, Step};
pub use planner::{DriftPolicy, Options, PlanInput, Planned, Planner};
pub use render::{Desired, Part, Render, Rendered, Renderer, Routes, render_files};
pub use source::{
    Commit, Entry, EntryKind, History, Relation, Snapshot, Source, SourceInfo, SourceWatch, Tree,
};
pub use state_dir::{StateDir, StatePeek};
pub use store::{Document, FileStore, MemoryStore, StateStore, StoreWatch, Stored};
pub use target::{Scope, Target, TargetInfo, Tier};
pub use typed::{Found, Resource, Typed, TypedTarget};
pub use value::*;
