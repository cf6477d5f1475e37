//! A Kubernetes cluster, reached as one identity and within the limits of the configuration.

use std::path::{Path, absolute};
use std::sync::Arc;

use gitops_core::{Cx, Event, Mount, Render, Result, Routes};
use gitops_k8s::{
    Connection, Helm, Kubernetes, KubernetesRender, Kustomize, RenderCache, Substitute, Tenancy,
};

use crate::clusters::Clusters;
use crate::config::{Config, KubernetesConfig, RenderConfig, RenderKind};
use crate::mounting::Mounting;
use crate::place;
use crate::rules;

/// Connects; sends nothing yet.
pub async fn open(
    application: &Config,
    config: &KubernetesConfig,
    mounting: &Mounting,
    clusters: &Clusters,
) -> Result<Mount> {
    let Mounting { cx, secrets, events, .. } = mounting.clone();
    let cluster = clusters.connect(&cx, config, connection(config)).await?;
    let namespace = config.namespace.clone().unwrap_or_else(|| cluster.default_namespace().to_owned());
    let manifests = KubernetesRender::new(&mounting.target).namespace(namespace).secret_key(secrets.clone());
    let manifests = manifests.cluster(cluster.clone());
    let (path, renders) = (mounting.path.clone(), config.clone());
    let cache = RenderCache::new(place::renders(application));
    let render = cx.off_thread(move |cx| render(cx, &path, &renders, manifests, &cache)).await??;
    let target = Kubernetes::builder(cluster, &application.name)
        .tenancy(tenancy(config))
        .conflicts(config.conflicts)
        .replace(config.replace)
        .stuck_after(config.ready_timeout.unwrap_or(application.sync.ready_timeout))
        .ignore(config.ignore.iter().map(|ignore| ignore.rule.clone()))
        .health(config.health.iter().cloned())
        .secret_key(secrets)
        .warnings(move |warning| events.event(&Event::Warned { warning }))
        .build()?;
    let mount = Mount::new(Arc::new(target), render);
    let mount = config.ready_timeout.iter().fold(mount, |mount, timeout| mount.ready_timeout(*timeout));
    Ok(match config.ignore.is_empty() {
        true => mount,
        false => mount.review(rules::review(&mounting.target, &config.ignore)),
    })
}

/// Where folders are named, only they are rendered: a base of a kustomization is a part of it, and not one of its own.
fn render(
    cx: &Cx,
    folder: &str,
    config: &KubernetesConfig,
    manifests: KubernetesRender,
    cache: &RenderCache,
) -> Result<Arc<dyn Render>> {
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
                    Some(program) => Kustomize::at(cx, &absolute(program)?)?,
                    None => Kustomize::find(cx)?,
                };
                Arc::new(manifests.kustomized(&path, kustomize.cached(cache.clone())))
            }
            RenderKind::Helm { program, release, values, kubernetes, api_versions } => {
                let helm = match program {
                    Some(program) => Helm::at(cx, &absolute(program)?, release)?,
                    None => Helm::find(cx, release)?,
                };
                let helm =
                    values.iter().fold(helm.cached(cache.clone()), |helm, path| helm.values(below(path)));
                let helm = kubernetes.iter().fold(helm, Helm::kubernetes);
                Arc::new(manifests.helmed(&path, api_versions.iter().fold(helm, Helm::api_versions)))
            }
        };
        routes = routes.route(&path, render);
    }
    Ok(Arc::new(routes))
}

fn connection(config: &KubernetesConfig) -> Connection {
    let connection =
        reach(config.kubeconfig.as_deref(), config.context.as_deref(), config.impersonate.as_deref());
    trusting(connection, config.allow_exec, config.allow_insecure)
}

/// A cluster, found and entered as the configuration says.
pub(crate) fn reach(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
    impersonate: Option<&str>,
) -> Connection {
    let origin = match kubeconfig {
        Some(path) => Connection::kubeconfig_file(path),
        None => Connection::from_environment(),
    };
    let of_context = context.into_iter().fold(origin, Connection::context);
    let acting = impersonate.into_iter().fold(of_context, Connection::impersonate);
    acting.user_agent(concat!("gitops/", env!("CARGO_PKG_VERSION")))
}

/// The same, with what is refused without being asked for.
pub(crate) fn trusting(connection: Connection, exec: bool, insecure: bool) -> Connection {
    let connection = if exec { connection.allow_exec() } else { connection };
    if insecure { connection.allow_insecure() } else { connection }
}

fn substitute(config: &KubernetesConfig) -> Substitute {
    let texts = config.substitute.iter().flatten();
    let filling = texts.fold(Substitute::new(), |filling, (name, text)| filling.value(name, text));
    config.outputs.iter().fold(filling, |filling, (name, output)| filling.output(name, output.clone()))
}

fn tenancy(config: &KubernetesConfig) -> Tenancy {
    let limits = match config.namespaces.is_empty() {
        true => Tenancy::none(),
        false => Tenancy::namespaces(&config.namespaces),
    };
    let limits = match config.kinds.is_empty() {
        true => limits,
        false => limits.kinds(config.kinds.iter().cloned()),
    };
    match config.cluster_kinds.is_empty() {
        true => limits,
        false => limits.cluster_kinds(config.cluster_kinds.iter().cloned()),
    }
}
