//! Kubernetes as a target of gitops.
//!
//! [`Connection`] reaches a cluster as one identity, [`Kubernetes`] is the target of one application in it,
//! and [`KubernetesRender`] makes its objects from manifests. Use it to keep objects of a cluster equal to manifests, charts and
//! kustomizations. [`ClusterStore`] and [`ClusterLease`] keep an engine's state in a cluster. The guide is `docs/kubernetes.md`.
//!
//! ```text
//! manifests, charts, kustomizations ──KubernetesRender──▶ objects ──▶ plan ──server-side apply──▶ API server
//!                                                                       ▲                              │
//!                                                                       └──dry run, list, watch, health┘
//! ```
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use gitops_core::{Cx, EngineBuilder, Result, SecretKey};
//! use gitops_k8s::{Connection, Kubernetes, KubernetesRender, Tenancy};
//!
//! async fn shop(cx: &Cx, engine: EngineBuilder, key: SecretKey) -> Result<EngineBuilder> {
//!     let cluster = Connection::kubeconfig_file("prod.kubeconfig").context("prod").connect(cx).await?;
//!     let target = Kubernetes::builder(cluster, "shop").tenancy(Tenancy::namespaces(["shop"])).secret_key(key.clone());
//!     let render = KubernetesRender::new("prod").namespace("shop").secret_key(key);
//!     Ok(engine.render(Arc::new(render)).target("prod", Arc::new(target.build()?)))
//! }
//! ```

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
