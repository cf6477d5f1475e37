//! Manifests that a program makes: `kustomize` and `helm`, each in a folder of its own.

mod copy;
mod failure;
mod helm;
mod jail;
mod kustomization;
mod kustomize;
mod program;

pub(crate) use kustomization::NAMES;

pub use helm::{Helm, HelmRender};
pub use kustomize::{Kustomize, KustomizeRender};
