//! Rules of the configuration that fit nothing that is declared.

use gitops_core::{Desired, Diagnostic};

use crate::config::IgnoreConfig;

/// A look at what is declared for a target, by its name, that tells of every rule without effect.
pub fn review(
    target: &str,
    rules: &[IgnoreConfig],
) -> impl Fn(&Desired) -> Vec<Diagnostic> + Send + Sync + 'static {
    let (target, rules) = (target.to_owned(), rules.to_vec());
    move |desired| {
        let unused = rules.iter().filter(|rule| !is_used(rule, &target, desired));
        unused.map(|rule| rule.unused.clone()).collect()
    }
}

fn is_used(rule: &IgnoreConfig, target: &str, desired: &Desired) -> bool {
    desired.objects().iter().any(|(key, object)| key.target() == target && rule.rule.concerns(object))
}
