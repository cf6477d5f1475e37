//! Root modules, worked on by a program of the configuration below the state folder.

use std::sync::Arc;

use gitops_core::{AuditSink, Cx, FileStore, Result};
use gitops_terraform::{Destructive, StateServer, Terraform, TerraformBuilder, TerraformRender};

use super::Opened;
use crate::config::{BackendConfig, Config, TargetConfig, TerraformConfig};

/// Makes the work folder; starts no process yet.
pub fn open(
    cx: &Cx,
    application: &Config,
    target: &TargetConfig,
    config: &TerraformConfig,
    audit: &Arc<dyn AuditSink>,
) -> Result<Opened> {
    let work = application.state.join("terraform").join(&target.name);
    let builder = Terraform::builder(&config.binary, &work);
    let builder = config.env.iter().fold(builder, TerraformBuilder::pass_env);
    let builder = config.mirror.iter().fold(builder, TerraformBuilder::mirror);
    let builder = config.drift_every.iter().fold(builder, |builder, time| builder.drift_every(*time));
    let builder = match &config.backend {
        BackendConfig::Declared => builder,
        BackendConfig::Managed => {
            let store = Arc::new(FileStore::open(work.join("states"))?);
            let server = StateServer::audited(store, &application.name, audit.clone());
            builder.state_server(Arc::new(server))
        }
        BackendConfig::Block(kind, settings) => builder.backend(kind, settings.clone()),
    };
    Ok(Opened {
        target: Arc::new(builder.open(cx)?),
        render: Arc::new(render(target, config)),
        gate: Some(Arc::new(Destructive::default())),
    })
}

fn render(target: &TargetConfig, config: &TerraformConfig) -> TerraformRender {
    let render = TerraformRender::new(&target.name).removal(config.removal);
    let render = config.workspace.iter().fold(render, TerraformRender::workspace);
    let render =
        config.vars.iter().fold(render, |render, (name, value)| render.variable(name, value.clone()));
    let render = config.var_files.iter().fold(render, TerraformRender::var_file);
    match config.roots.is_empty() {
        true => render,
        false => render.roots(config.roots.iter().cloned()),
    }
}
