//! Puts the targets together from the configuration.

mod kubernetes;
mod terraform;

use std::path::Path;
use std::sync::Arc;

use gitops_core::directory::FileRender;
use gitops_core::{
    AuditSink, Cx, Directory, EventSink, Gate, Memory, OutputRef, Render, Result, SecretKey, Target,
};

use crate::config::{Config, TargetConfig, TargetKind};
use crate::session::Access;

/// A target, and how the part of the source that declares it is read.
pub struct Opened {
    /// The target.
    pub target: Arc<dyn Target>,
    /// How files become its objects.
    pub render: Arc<dyn Render>,
    /// What plans must pass because of it.
    pub gate: Option<Arc<dyn Gate>>,
}

/// Opens a target of an application.
///
/// # Errors
/// Whatever keeps it from being opened.
pub async fn open(
    cx: &Cx,
    config: &Config,
    target: &TargetConfig,
    access: Access,
    secrets: &SecretKey,
    audit: &Arc<dyn AuditSink>,
    events: Arc<dyn EventSink>,
) -> Result<Opened> {
    match &target.kind {
        TargetKind::Directory { root, outputs } => directory(target, root, outputs, access),
        TargetKind::Kubernetes(cluster) => {
            kubernetes::open(cx, config, target, cluster, secrets, events).await
        }
        TargetKind::Terraform(roots) => terraform::open(cx, config, target, roots, audit),
    }
}

/// A folder. A look must not make it: one that is not there has no files.
fn directory(
    config: &TargetConfig,
    root: &Path,
    outputs: &[(String, OutputRef)],
    access: Access,
) -> Result<Opened> {
    let target: Arc<dyn Target> = match access == Access::Look && !root.exists() {
        true => Arc::new(Memory::new()),
        false => Arc::new(Directory::open(root, &config.name)?),
    };
    let render = FileRender::new(&config.name).below(&config.path);
    let render = outputs.iter().fold(render, |render, (name, output)| render.output(name, output.clone()));
    Ok(Opened { target, render: Arc::new(render), gate: None })
}
