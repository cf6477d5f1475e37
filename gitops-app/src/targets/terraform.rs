//! Root modules, worked on by a program of the configuration below the state folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::{Event, FileStore, Mount, Result, StateStore};
use gitops_terraform::{Destructive, StateServer, Terraform, TerraformBuilder, TerraformRender};

use super::Opened;
use crate::config::{BackendConfig, Config, TerraformConfig};
use crate::mounting::{Access, Mounting};
use crate::place;

/// Makes the work folder; starts no process yet.
pub fn open(
    application: &Config,
    config: &TerraformConfig,
    mounting: Mounting,
    (kept, left): (Option<Arc<dyn StateStore>>, &BTreeMap<String, String>),
) -> Result<Opened> {
    let Mounting { cx, target, folder: work, secrets, audit, events, access, .. } = mounting;
    let builder = Terraform::builder(&config.binary, &work);
    let builder = place::private(application).into_iter().fold(builder, TerraformBuilder::private);
    let builder = builder.warnings(move |warning| events.event(&Event::Warned { warning }));
    let builder = left.iter().fold(builder, |builder, (root, owner)| builder.held_elsewhere(root, owner));
    let builder = config.env.iter().fold(builder, TerraformBuilder::pass_env);
    let builder = config.mirror.iter().fold(builder, TerraformBuilder::mirror);
    let builder = config.drift_every.iter().fold(builder, |builder, time| builder.drift_every(*time));
    let builder = config.plan_timeout.iter().fold(builder, |builder, time| builder.plan_timeout(*time));
    let builder = config.apply_timeout.iter().fold(builder, |builder, time| builder.apply_timeout(*time));
    // In the cluster lies all that roots must not lose: the work folder may be another one each time.
    let builder = match (&kept, access) {
        (Some(kept), Access::Write) => builder.records(kept.clone()).keyed(secrets.clone()),
        (Some(kept), Access::Look) => builder.looking_at(kept.clone()).keyed(secrets.clone()),
        (None, _) => builder,
    };
    let states = work.join("states");
    let server = || -> Result<Arc<StateServer>> {
        let store: Arc<dyn StateStore> = match &kept {
            Some(kept) => kept.clone(),
            None => Arc::new(FileStore::open(&states)?),
        };
        Ok(Arc::new(StateServer::audited(store, &application.name, audit.clone(), secrets.clone())))
    };
    let builder = match &config.backend {
        BackendConfig::Managed => builder.state_server(server()?),
        // What roots left there is still found.
        _ if kept.is_some() || states.is_dir() => builder.former_state_server(server()?),
        _ => builder,
    };
    let builder = match &config.backend {
        BackendConfig::Block(kind, settings) => builder.backend(kind, settings.clone()),
        _ => builder,
    };
    let roots = builder.open(&cx)?;
    let mount = Mount::new(Arc::new(roots.clone()), Arc::new(render(&target, config)));
    Ok(Opened { mount: mount.gate(Arc::new(Destructive::default())), roots: Some(roots) })
}

fn render(target: &str, config: &TerraformConfig) -> TerraformRender {
    let render = TerraformRender::new(target).removal(config.removal);
    let render = config.workspace.iter().fold(render, TerraformRender::workspace);
    let render =
        config.vars.iter().fold(render, |render, (name, value)| render.variable(name, value.clone()));
    let render = config.var_files.iter().fold(render, TerraformRender::var_file);
    match config.roots.is_empty() {
        true => render,
        false => render.roots(config.roots.iter().cloned()),
    }
}
