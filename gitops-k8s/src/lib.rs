//! Kubernetes as a target of gitops.
//!
//! [`Connection`] reaches a cluster as one identity, [`Kubernetes`] is the target of one application in it,
//! and [`KubernetesRender`] makes its objects from manifests.
//! [`ClusterStore`] and [`ClusterLease`] keep an engine's state in a cluster. The guide is `docs/kubernetes.md`.

mod change;
mod client;
mod declare;
mod live;
mod planner;
pub mod policy;
mod state;
mod target;
pub mod yaml;

/// The guide, whose example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/kubernetes.md")]
struct Guide;

pub use client::cluster::{Cluster, Connection, WeakCluster};
pub use client::tenancy::Tenancy;
pub use declare::manifest::{KubernetesRender, NonManifests, Scope, Scopes};
pub use declare::render::{Helm, HelmRender, Kustomize, KustomizeRender, RenderCache};
pub use declare::transform::{Sheet, Substitute, Transform};
pub use live::application::{Conflicts, Kubernetes};
pub use live::health::{HealthRule, ObjectHealth};
pub use live::ignore::Ignore;
pub use planner::PlannerIdentity;
pub use state::lease::{ClusterLease, LeaseHolder, LeaseNote};
pub use state::store::ClusterStore;
pub use target::KubernetesBuilder;
