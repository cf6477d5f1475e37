//! Services that the API server itself calls, and what runs behind them.

use gitops_core::{Key, Need, Object, Value};

use super::{Finder, path, pod};

/// Kinds that point the API server at a service, and where.
const CALLERS: &[(&str, &str, &str)] = &[
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "webhooks[].clientConfig.service"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "webhooks[].clientConfig.service"),
    ("apiregistration.k8s.io", "APIService", "spec.service"),
];

/// The services that an object points the API server at.
pub(super) fn services(finder: &Finder<'_>) -> Vec<Need> {
    let Some((.., place)) = CALLERS.iter().find(|(group, kind, _)| finder.is(group, kind)) else {
        return Vec::new();
    };
    let service = |service: &Value| {
        let (namespace, name) = (service.get("namespace")?.as_text()?, service.get("name")?.as_text()?);
        Some(finder.named("", "Service", namespace, name))
    };
    path::values(finder.body, place).into_iter().filter_map(service).collect()
}

/// Lets what points the API server at a service wait for the workloads behind the service as well, as far as both are
/// in the same part: until they answer, the server would refuse what it asks them about.
pub(super) fn link(objects: &mut [Object]) {
    let behind: Vec<(usize, Vec<Need>)> =
        callers(objects).map(|(index, keys)| (index, backends(objects, &keys))).collect();
    for (index, needs) in behind {
        objects[index].needs.extend(needs);
    }
}

fn callers(objects: &[Object]) -> impl Iterator<Item = (usize, Vec<Key>)> + '_ {
    objects.iter().enumerate().filter_map(|(index, object)| {
        let needs = services(&Finder { key: &object.key, body: &object.body });
        let keys = needs
            .into_iter()
            .filter_map(|need| if let Need::IfDeclared(key) = need { Some(key) } else { None });
        let keys: Vec<Key> = keys.collect();
        (!keys.is_empty()).then_some((index, keys))
    })
}

/// The workloads behind services.
fn backends(objects: &[Object], services: &[Key]) -> Vec<Need> {
    let selectors: Vec<(&Key, &Value)> = objects
        .iter()
        .filter(|object| services.contains(&object.key))
        .filter_map(|object| Some((&object.key, object.body.get("spec")?.get("selector")?)))
        .collect();
    let is_behind = |object: &&Object| {
        let labels = pod::labels(&Finder { key: &object.key, body: &object.body });
        labels.is_some_and(|labels| {
            let beside =
                selectors.iter().filter(|(service, _)| service.namespace() == object.key.namespace());
            beside.into_iter().any(|(_, selector)| selects(selector, labels))
        })
    };
    objects.iter().filter(is_behind).map(|object| Need::IfDeclared(object.key.clone())).collect()
}

fn selects(selector: &Value, labels: &Value) -> bool {
    match selector {
        Value::Map(wanted) => {
            !wanted.is_empty() && wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
        }
        _ => false,
    }
}
