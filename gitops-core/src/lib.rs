//! Desired state, diff, plan and reconcile over a dependency graph: the backend-neutral core of gitops.

pub mod capability;
mod cx;
mod diagnostic;
mod diff;
pub mod directory;
mod error;
mod event;
mod gate;
mod plan;
mod source;
mod store;
mod target;
mod value;

pub use async_trait::async_trait;
pub use cx::{Clock, Cx, Entropy, System, Time};
pub use diagnostic::{Diagnostic, Severity, Span};
pub use diff::{Diff, Differ, FieldChange, Structural};
pub use directory::Directory;
pub use error::{Error, ErrorKind, Outcome, Result, Retry};
pub use event::{Event, EventSink};
pub use gate::{Gate, MassDelete, Note, Verdict, gate};
pub use plan::{Basis, Cause, Moved, Plan, PlanId, Reason, Risk, Step};
pub use source::{
    Commit, Entry, EntryKind, History, Relation, Snapshot, Source, SourceInfo, SourceWatch, Tree,
};
pub use store::{Document, StateStore, Stored};
pub use target::{Scope, Target, TargetInfo, Tier};
pub use value::*;
