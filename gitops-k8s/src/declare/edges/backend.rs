//! Services that the API server itself calls, and what runs behind them.

use gitops_core::{Need, Value};
use smol_str::{SmolStr, format_smolstr};

use super::{Finder, path, pod};

/// Kinds that point the API server at a service, and where.
const CALLERS: &[(&str, &str, &str)] = &[
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "webhooks[].clientConfig.service"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "webhooks[].clientConfig.service"),
    ("apiregistration.k8s.io", "APIService", "spec.service"),
];

/// What points the API server at services needs them, and what runs behind them: until that answers, the server would refuse
/// what it asks about.
pub(super) fn needs(finder: &Finder<'_>) -> Vec<Need> {
    let Some((.., place)) = CALLERS.iter().find(|(group, kind, _)| finder.is(group, kind)) else {
        return Vec::new();
    };
    let service = |service: &Value| {
        let (namespace, name) = (service.get("namespace")?.as_text()?, service.get("name")?.as_text()?);
        let behind = Need::Offer(behind_of(finder, namespace, name));
        Some([finder.named("", "Service", namespace, name), behind])
    };
    path::values(finder.body, place).into_iter().filter_map(service).flatten().collect()
}

/// What is behind a service: all in its namespace that have all of the labels that it selects.
pub(super) fn behind(finder: &Finder<'_>) -> Option<(SmolStr, Vec<SmolStr>)> {
    let selector = finder.is("", "Service").then(|| finder.body.get("spec")?.get("selector")).flatten()?;
    let selected = pairs(finder, selector);
    (!selected.is_empty()).then(|| (behind_of(finder, finder.key.namespace(), finder.key.name()), selected))
}

/// The labels of the pods that an object runs.
pub(super) fn labels(finder: &Finder<'_>) -> Vec<SmolStr> {
    pod::labels(finder).map(|labels| pairs(finder, labels)).unwrap_or_default()
}

fn behind_of(finder: &Finder<'_>, namespace: &str, service: &str) -> SmolStr {
    format_smolstr!("behind {}:{namespace}/{service}", finder.key.target())
}

/// The names of labels, or of what selects them. What is no text stands for itself: a selector of it selects just that.
fn pairs(finder: &Finder<'_>, labels: &Value) -> Vec<SmolStr> {
    let Value::Map(labels) = labels else { return Vec::new() };
    let (target, namespace) = (finder.key.target(), finder.key.namespace());
    let pair = |(name, value): (_, &Value)| {
        let value =
            value.as_text().map_or_else(|| format!(" of {}", value.digest()), |text| format!("={text}"));
        format_smolstr!("pods in {target}:{namespace} with {name}{value}")
    };
    labels.iter().map(pair).collect()
}
