//! The application: its source, its target, and its memory in the cluster.

use std::sync::Arc;

use gitops_core::{Cx, Engine, Event, Result, SecretKey, State, StateDir, StateStore};
use gitops_git::{GitRef, GitSource};
use gitops_k8s::{Cluster, ClusterStore, Kubernetes, KubernetesRender, Limits};

use crate::cli::Options;
use crate::metrics::Metrics;

/// The name under which keys call the cluster.
const TARGET: &str = "k8s";

/// Puts the engine together for one tenure of the lease.
///
/// The journal is a new one in each tenure: what an earlier one left, on this machine or another, is taken up from the
/// store in the cluster, and each change whose outcome is not known is looked up there.
///
/// # Errors
/// Whatever keeps source, target or state from being opened.
pub async fn open(
    cx: &Cx,
    options: &Options,
    home: &Cluster,
    metrics: Arc<Metrics>,
    epoch: u64,
) -> Result<Engine> {
    let store: Arc<dyn StateStore> =
        Arc::new(ClusterStore::new(home.clone(), &options.home, &options.application));
    let folder = StateDir::open(&options.state.join(format!("tenure-{epoch}")), cx)?;
    let secrets = SecretKey::kept_in(cx, &*store).await?;
    let cluster = acting(cx, options, home).await?;
    let target = Kubernetes::builder(cluster.clone(), &options.application)
        .limits(Limits::namespaces([&options.namespace]))
        .secret_key(secrets.clone())
        .remarks(|remark| log(&Event::Remarked { remark }))
        .build()?;
    let render =
        KubernetesRender::new(TARGET).namespace(&options.namespace).secret_key(secrets).cluster(cluster);
    let source = GitSource::builder(&options.source)
        .reference(GitRef::branch(&options.branch)?)
        .path(&options.path)
        .mirrors(options.state.join("mirrors"))
        .build()?;
    Engine::builder(&options.application)
        .source(Arc::new(source))
        .render(Arc::new(render))
        .target(TARGET, Arc::new(target))
        .events(metrics)
        .events(Arc::new(log))
        .state(State { store, ..State::from(folder) })
        .recover_from_store(true)
        .open(cx)
        .await
}

/// The cluster as the user whom the application acts as.
async fn acting(cx: &Cx, options: &Options, home: &Cluster) -> Result<Cluster> {
    match &options.impersonate {
        None => Ok(home.clone()),
        Some(user) => crate::connection(options).impersonate(user).connect(cx).await,
    }
}

/// One line for each thing that was done or went wrong.
fn log(event: &Event) {
    match event {
        Event::Applied { key, action } => tracing::info!(%key, %action, "applied"),
        Event::Failed { key, error, help, unknown } => {
            tracing::warn!(%key, error, unknown, help, "failed");
        }
        Event::Blocked { key, by } => tracing::warn!(%key, %by, "blocked"),
        Event::Waiting { key, reason } => tracing::info!(%key, reason, "waiting"),
        Event::Remarked { remark } => tracing::warn!(%remark, "remarked"),
        Event::PassFailed { error } => tracing::error!(error, "the pass failed"),
        _ => {}
    }
}
