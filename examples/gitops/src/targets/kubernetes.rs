//! A Kubernetes cluster, reached as one identity and within the limits of the configuration.

use std::sync::Arc;

use gitops_core::{Cx, Result, SecretKey};
use gitops_k8s::{Connection, Kubernetes, KubernetesRender, Limits, Substitute};

use super::Opened;
use crate::config::{KubernetesConfig, TargetConfig};

/// Connects; sends nothing yet.
pub async fn open(
    cx: &Cx,
    application: &str,
    target: &TargetConfig,
    config: &KubernetesConfig,
    secrets: &SecretKey,
) -> Result<Opened> {
    let cluster = connection(config).connect(cx).await?;
    let namespace = config.namespace.clone().unwrap_or_else(|| cluster.default_namespace().to_owned());
    let render = KubernetesRender::new(&target.name).namespace(namespace).secret_key(secrets.clone());
    let render = match config.outputs.is_empty() {
        true => render,
        false => render.step(substitute(config)),
    };
    let target = Kubernetes::builder(cluster, application)
        .limits(limits(config))
        .conflicts(config.conflicts)
        .replace(config.replace)
        .ignore(config.ignore.iter().map(|ignore| ignore.rule.clone()))
        .health(config.health.iter().cloned())
        .secret_key(secrets.clone())
        .build()?;
    Ok(Opened { target: Arc::new(target), render: Arc::new(render), gate: None })
}

fn connection(config: &KubernetesConfig) -> Connection {
    let origin = match &config.kubeconfig {
        Some(path) => Connection::kubeconfig_file(path),
        None => Connection::from_environment(),
    };
    let agent = concat!("gitops/", env!("CARGO_PKG_VERSION"));
    let of_context = config.context.iter().fold(origin, Connection::context);
    let acting = config.impersonate.iter().fold(of_context, Connection::impersonate);
    acting.user_agent(agent)
}

fn substitute(config: &KubernetesConfig) -> Substitute {
    let outputs = config.outputs.iter();
    outputs.fold(Substitute::new(), |filling, (name, output)| filling.output(name, output.clone()))
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
