//! A Kubernetes cluster, reached as one identity and within the limits of the configuration.

use std::path::absolute;
use std::sync::Arc;

use gitops_core::{Cx, Event, EventSink, Render, Result, Routes, SecretKey};
use gitops_k8s::{Connection, Helm, Kubernetes, KubernetesRender, Kustomize, Limits, Substitute};

use super::Opened;
use crate::config::{Config, KubernetesConfig, RenderConfig, RenderKind, TargetConfig};

/// Connects; sends nothing yet.
pub async fn open(
    cx: &Cx,
    application: &Config,
    target: &TargetConfig,
    config: &KubernetesConfig,
    secrets: &SecretKey,
    events: Arc<dyn EventSink>,
) -> Result<Opened> {
    let cluster = connection(config).connect(cx).await?;
    let namespace = config.namespace.clone().unwrap_or_else(|| cluster.default_namespace().to_owned());
    let manifests = KubernetesRender::new(&target.name).namespace(namespace).secret_key(secrets.clone());
    let manifests = manifests.cluster(cluster.clone());
    let render = render(&target.path, config, manifests)?;
    let target = Kubernetes::builder(cluster, &application.name)
        .limits(limits(config))
        .conflicts(config.conflicts)
        .replace(config.replace)
        .stuck_after(config.ready_timeout.unwrap_or(application.sync.ready_timeout))
        .ignore(config.ignore.iter().map(|ignore| ignore.rule.clone()))
        .health(config.health.iter().cloned())
        .secret_key(secrets.clone())
        .remarks(move |remark| events.event(&Event::Remarked { remark }))
        .build()?;
    Ok(Opened { target: Arc::new(target), render, gate: None })
}

/// Where folders are named, only they are rendered: a base of a kustomization is a part of it, and not one of its own.
fn render(folder: &str, config: &KubernetesConfig, manifests: KubernetesRender) -> Result<Arc<dyn Render>> {
    let manifests = match (&config.substitute, config.outputs.is_empty()) {
        (None, true) => manifests,
        _ => manifests.step(substitute(config)),
    };
    if config.render.is_empty() {
        return Ok(Arc::new(manifests));
    }
    let below = |path: &str| [folder, path].join("/").trim_matches('/').to_owned();
    let mut routes = Routes::new();
    for RenderConfig { path, kind } in &config.render {
        let (path, manifests) = (below(path), manifests.clone());
        let render: Arc<dyn Render> = match kind {
            RenderKind::Manifests => Arc::new(manifests),
            RenderKind::Kustomize { program } => {
                let kustomize = match program {
                    Some(program) => Kustomize::at(&absolute(program)?)?,
                    None => Kustomize::find()?,
                };
                Arc::new(manifests.kustomized(&path, kustomize))
            }
            RenderKind::Helm { program, release, values, kubernetes } => {
                let helm = match program {
                    Some(program) => Helm::at(&absolute(program)?, release)?,
                    None => Helm::find(release)?,
                };
                let helm = values.iter().fold(helm, |helm, path| helm.values(below(path)));
                Arc::new(manifests.helmed(&path, kubernetes.iter().fold(helm, Helm::kubernetes)))
            }
        };
        routes = routes.route(&path, render);
    }
    Ok(Arc::new(routes))
}

fn connection(config: &KubernetesConfig) -> Connection {
    let origin = match &config.kubeconfig {
        Some(path) => Connection::kubeconfig_file(path),
        None => Connection::from_environment(),
    };
    let agent = concat!("gitops/", env!("CARGO_PKG_VERSION"));
    let of_context = config.context.iter().fold(origin, Connection::context);
    let acting = config.impersonate.iter().fold(of_context, Connection::impersonate);
    let acting = if config.allow_exec { acting.allow_exec() } else { acting };
    let acting = if config.allow_insecure { acting.allow_insecure() } else { acting };
    acting.user_agent(agent)
}

fn substitute(config: &KubernetesConfig) -> Substitute {
    let texts = config.substitute.iter().flatten();
    let filling = texts.fold(Substitute::new(), |filling, (name, text)| filling.value(name, text));
    config.outputs.iter().fold(filling, |filling, (name, output)| filling.output(name, output.clone()))
}

fn limits(config: &KubernetesConfig) -> Limits {
    let limits = match config.namespaces.is_empty() {
        true => Limits::none(),
        false => Limits::namespaces(&config.namespaces),
    };
    let limits = match config.kinds.is_empty() {
        true => limits,
        false => limits.kinds(config.kinds.iter().cloned()),
    };
    limits.cluster_kinds(config.cluster_kinds.iter().cloned())
}
