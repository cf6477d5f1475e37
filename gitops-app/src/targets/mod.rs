//! Puts the targets together from the configuration.

pub(crate) mod kubernetes;
mod terraform;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gitops_core::backend::directory::FileRender;
use gitops_core::{Directory, Mount, OutputRef, Result, StateStore};
use gitops_terraform::Terraform;

use crate::clusters::Clusters;
use crate::config::{Config, TargetConfig, TargetKind};
use crate::mounting::{Access, Mounting};

/// A target that is open.
pub struct Opened {
    /// The target with all that comes with it.
    pub mount: Mount,
    /// The same target, where its drift shows only if it is asked for.
    pub roots: Option<Terraform>,
}

/// Opens a target of an application. The states of roots that name no place are kept in `states`, if it is there; the roots of
/// `left` are those of applications that left the files.
///
/// # Errors
/// Whatever keeps it from being opened.
pub async fn open(
    config: &Config,
    target: &TargetConfig,
    mounting: Mounting,
    (states, left): (Option<Arc<dyn StateStore>>, &BTreeMap<String, String>),
    clusters: &Clusters,
) -> Result<Opened> {
    let alone = |mount| Opened { mount, roots: None };
    match &target.kind {
        TargetKind::Directory { root, outputs } => directory(&mounting, root, outputs).map(alone),
        TargetKind::Kubernetes(cluster) => {
            kubernetes::open(config, cluster, &mounting, clusters).await.map(alone)
        }
        TargetKind::Terraform(roots) => terraform::open(config, roots, mounting, (states, left)),
        TargetKind::Registered(registered) => (registered.open)(mounting).await.map(alone),
    }
}

/// A folder. A look must not make it: one that is not there has no files.
fn directory(mounting: &Mounting, root: &Path, outputs: &[(String, OutputRef)]) -> Result<Mount> {
    let name = &mounting.target;
    let target = match mounting.access {
        Access::Look => Directory::peek(root, name)?,
        Access::Write => Directory::open(root, name)?,
    };
    let render = FileRender::new(name).below(&mounting.path);
    let render = outputs.iter().fold(render, |render, (name, output)| render.output(name, output.clone()));
    Ok(Mount::new(Arc::new(target), Arc::new(render)))
}
