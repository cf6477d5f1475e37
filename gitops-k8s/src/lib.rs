//! Kubernetes as a target of gitops.
//!
//! [`Connection`] reaches a cluster as one identity, [`Kubernetes`] is the target of one application in it,
//! and [`KubernetesRender`] makes its objects from manifests.
//! [`ClusterStore`] and [`ClusterLease`] keep an engine's state in a cluster. The guide is `docs/kubernetes.md`.

mod admit;
mod adopt;
mod apply;
mod blast;
mod clients;
mod cluster;
mod document;
mod edges;
mod events;
mod fields;
mod filled;
mod follow;
mod health;
mod ignore;
mod kinds;
mod lease;
mod limits;
mod list;
mod manifest;
mod object;
mod observe;
mod outputs;
mod owner_label;
mod parallel;
pub mod policy;
mod preview;
mod render;
mod schema;
mod store;
mod target;
mod told;
mod transform;
mod treatment;
mod versions;
mod walk;
mod warnings;
mod watch;
pub mod yaml;

/// The guide, whose example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/kubernetes.md")]
struct Guide;

pub use cluster::{Cluster, Connection};
pub use health::{HealthRule, ObjectHealth};
pub use ignore::Ignore;
pub use lease::ClusterLease;
pub use limits::Limits;
pub use manifest::{KubernetesRender, NonManifests, Scope, Scopes};
pub use render::{Helm, HelmRender, Kustomize, KustomizeRender};
pub use store::ClusterStore;
pub use target::{Conflicts, Kubernetes, KubernetesBuilder};
pub use transform::{Sheet, Substitute, Transform};
