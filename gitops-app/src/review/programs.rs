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
    let mut programs: Vec<String> = Vec::new();
    for program in renders {
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    programs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::Arc;

    use gitops_core::backend::directory::FileRender;
    use gitops_core::{Memory, Mount};

    use super::*;
    use crate::config::{Applications, Backends};
    use crate::mounting::Mounting;

    /// What a plan of an application with such targets runs.
    fn refused(targets: &str) -> Option<String> {
        let text =
            format!("name: a\nsource: {{ git: {{ url: x, ref: {{ branch: main }} }} }}\ntargets:\n{targets}");
        let backends =
            Backends::new().with("service", |mounting: Mounting, _: BTreeMap<String, String>| async move {
                Ok(Mount::new(Arc::new(Memory::default()), Arc::new(FileRender::new(&mounting.target))))
            });
        let read = Applications::parse(Path::new("gitops.yaml"), &text, &backends).unwrap();
        let error = refuse(&read.all[0]).err()?;
        assert_eq!(error.kind(), ErrorKind::Denied);
        Some(error.message().to_owned())
    }

    #[test]
    fn whatever_runs_something_of_a_request_is_named_and_refused() {
        let files = "  files: { path: f, directory: { root: ./live } }\n";
        let cluster = |render: &str| format!("  k8s: {{ path: k, kubernetes: {{ render: [{render}] }} }}\n");
        let manifests = cluster("{ manifests: { path: plain } }");
        assert_eq!(refused(&format!("{files}{manifests}")), None);
        let both = cluster(
            "{ kustomize: { path: one } }, { helm: { path: c, release: r } }, { kustomize: { path: two } }, { manifests: { path: p } }",
        );
        let roots = "  tf: { path: t, terraform: { binary: ./bin/tofu } }\n";
        let own = "  own: { path: o, service: { address: x } }\n";
        for (targets, programs) in [
            (both, "kustomize for the target `k8s`, helm for the target `k8s`"),
            (roots.to_owned(), "`./bin/tofu` for the target `tf`"),
            (own.to_owned(), "the backend `service`, whatever that is, for the target `own`"),
        ] {
            // One of several targets is enough, wherever it stands.
            for text in [targets.clone(), format!("{files}{targets}"), format!("{targets}{manifests}{files}")]
            {
                let text = if text.matches("  k8s:").count() > 1 { targets.clone() } else { text };
                let expected = format!("the request is untrusted, and a plan runs {programs}");
                assert_eq!(refused(&text), Some(expected), "{text}");
            }
        }
    }
}
