//! Kubernetes as a target of gitops.
//!
//! This crate has its place and no content yet: the target (server-side apply, watch, health, inventory in the
//! cluster) is built on the traits of `gitops-core`, which were designed for it. What it will do is in the repository's
//! changelog under *Unreleased*.

mod edges;
mod manifest;
pub mod policy;
pub mod yaml;

pub use manifest::{KubernetesRender, Scope, Scopes, Strangers};
