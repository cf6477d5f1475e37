//! The identity that asks clusters about a request that nobody vouches for.

use crate::config::{Config, KubernetesConfig, TargetKind};

/// The clusters of an application.
fn clusters(config: &Config) -> impl Iterator<Item = &KubernetesConfig> {
    config.targets.iter().filter_map(|target| match &target.kind {
        TargetKind::Kubernetes(cluster) => Some(cluster),
        _ => None,
    })
}

/// Whether a plan of the application asks a cluster.
pub(super) fn asks_clusters(config: &Config) -> bool {
    clusters(config).next().is_some()
}

/// Whether every cluster has such an identity.
pub(super) fn has_all(config: &Config) -> bool {
    clusters(config).all(|cluster| cluster.planner.is_some())
}

/// The same application, acting as that identity wherever it has one.
pub(super) fn acting(mut config: Config) -> Config {
    for target in &mut config.targets {
        if let TargetKind::Kubernetes(cluster) = &mut target.kind
            && let Some(planner) = cluster.planner.take()
        {
            cluster.kubeconfig = planner.kubeconfig.or(cluster.kubeconfig.take());
            cluster.context = planner.context.or(cluster.context.take());
            cluster.impersonate = planner.impersonate;
        }
    }
    config
}
