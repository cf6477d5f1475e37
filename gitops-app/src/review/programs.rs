//! Which programs a plan of an application runs.

use gitops_core::{Error, ErrorKind, Result};

use crate::config::{Config, KubernetesConfig, RenderKind, TargetKind};

/// Refuses an application of which a plan runs programs on what a request brings.
///
/// # Errors
/// `Denied`, with the programs.
pub(super) fn refuse(config: &Config) -> Result<()> {
    let programs = of(config);
    if programs.is_empty() {
        return Ok(());
    }
    let message = format!("the request is untrusted, and a plan runs {}", programs.join(", "));
    Err(Error::new(ErrorKind::Denied, message)
        .of_gate()
        .help("read the request, and review it without `--untrusted` once somebody vouches for it"))
}

fn of(config: &Config) -> Vec<String> {
    let named = |what: String, name: &str| format!("{what} for the target `{name}`");
    let of_target = config.targets.iter().flat_map(|target| {
        let programs = match &target.kind {
            TargetKind::Directory { .. } => Vec::new(),
            TargetKind::Kubernetes(cluster) => of_cluster(cluster),
            TargetKind::Terraform(roots) => vec![format!("`{}`", roots.binary.display())],
            TargetKind::Registered(registered) => {
                vec![format!("the backend `{}`, whatever that is,", registered.kind)]
            }
        };
        programs.into_iter().map(|what| named(what, &target.name)).collect::<Vec<_>>()
    });
    of_target.collect()
}

fn of_cluster(cluster: &KubernetesConfig) -> Vec<String> {
    let renders = cluster.render.iter().filter_map(|render| match render.kind {
        RenderKind::Manifests => None,
        RenderKind::Kustomize { .. } => Some("kustomize".to_owned()),
        RenderKind::Helm { .. } => Some("helm".to_owned()),
    });
    let mut programs: Vec<String> = renders.collect();
    programs.dedup();
    programs
}
