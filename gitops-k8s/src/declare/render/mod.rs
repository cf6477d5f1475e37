//! Manifests that a program makes: `kustomize` and `helm`, each in a folder of its own.

mod cache;
mod copy;
mod failure;
mod helm;
mod jail;
mod kustomization;
mod kustomize;
mod masked;
mod network;
mod origin;
mod program;
mod references;
mod served;

pub(crate) use kustomization::NAMES;
pub(crate) use origin::{Maker, Origins};

pub use cache::RenderCache;
pub use helm::{Helm, HelmRender};
pub use kustomize::{Kustomize, KustomizeRender};
