//! Kubernetes as a target of gitops.
//!
//! [`Connection`] reaches a cluster as one identity, [`Kubernetes`] is the target of one application in it.
//! The target's guide is `docs/kubernetes.md`.

mod apply;
mod cluster;
mod document;
mod events;
mod fields;
mod follow;
mod kinds;
mod limits;
mod list;
mod mark;
mod object;
mod observe;
mod preview;
mod target;
mod told;

pub use cluster::{Cluster, Connection};
pub use limits::Limits;
pub use target::{Conflicts, Kubernetes, KubernetesBuilder};
