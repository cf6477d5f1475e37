//! Rules of the configuration that fit nothing that is declared.

use gitops_core::{Desired, Diagnostic};

use crate::config::{Config, IgnoreConfig, TargetConfig, TargetKind};

/// A look at what is declared for each target that has rules.
pub fn reviews(config: &Config) -> Vec<impl Fn(&Desired) -> Vec<Diagnostic> + Send + Sync + 'static> {
    config.targets.iter().filter_map(review).collect()
}

fn review(target: &TargetConfig) -> Option<impl Fn(&Desired) -> Vec<Diagnostic> + Send + Sync + 'static> {
    let TargetKind::Kubernetes(cluster) = &target.kind else { return None };
    let (name, rules) = (target.name.clone(), cluster.ignore.clone());
    let unused = move |desired: &Desired| {
        rules.iter().filter(|rule| !is_used(rule, &name, desired)).map(|rule| rule.unused.clone()).collect()
    };
    (!cluster.ignore.is_empty()).then_some(unused)
}

fn is_used(rule: &IgnoreConfig, target: &str, desired: &Desired) -> bool {
    desired.objects().iter().any(|(key, object)| key.target() == target && rule.rule.concerns(object))
}
