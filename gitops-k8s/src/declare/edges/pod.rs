//! References of what runs pods.

use gitops_core::{GroupKind, Need, Value};

use super::{Finder, path, rbac};

/// Kinds that run pods, and where the pod is described.
const WORKLOADS: &[(&str, &str, &str)] = &[
    ("", "Pod", "spec"),
    ("", "PodTemplate", "template.spec"),
    ("", "ReplicationController", "spec.template.spec"),
    ("apps", "DaemonSet", "spec.template.spec"),
    ("apps", "Deployment", "spec.template.spec"),
    ("apps", "ReplicaSet", "spec.template.spec"),
    ("apps", "StatefulSet", "spec.template.spec"),
    ("batch", "CronJob", "spec.jobTemplate.spec.template.spec"),
    ("batch", "Job", "spec.template.spec"),
];

/// Where a pod names what is in its namespace.
const BESIDE: &[(&str, &str, &str)] = &[
    ("serviceAccountName", "", "ServiceAccount"),
    ("imagePullSecrets[].name", "", "Secret"),
    ("volumes[].configMap.name", "", "ConfigMap"),
    ("volumes[].secret.secretName", "", "Secret"),
    ("volumes[].csi.nodePublishSecretRef.name", "", "Secret"),
    ("volumes[].projected.sources[].configMap.name", "", "ConfigMap"),
    ("volumes[].projected.sources[].secret.name", "", "Secret"),
    ("containers[].env[].valueFrom.configMapKeyRef.name", "", "ConfigMap"),
    ("containers[].env[].valueFrom.secretKeyRef.name", "", "Secret"),
    ("containers[].envFrom[].configMapRef.name", "", "ConfigMap"),
    ("containers[].envFrom[].secretRef.name", "", "Secret"),
    ("initContainers[].env[].valueFrom.configMapKeyRef.name", "", "ConfigMap"),
    ("initContainers[].env[].valueFrom.secretKeyRef.name", "", "Secret"),
    ("initContainers[].envFrom[].configMapRef.name", "", "ConfigMap"),
    ("initContainers[].envFrom[].secretRef.name", "", "Secret"),
    ("resourceClaims[].resourceClaimName", "resource.k8s.io", "ResourceClaim"),
    ("resourceClaims[].resourceClaimTemplateName", "resource.k8s.io", "ResourceClaimTemplate"),
];

/// Where a pod names what is in the cluster as a whole.
const OF_CLUSTER: &[(&str, &str, &str)] = &[
    ("priorityClassName", "scheduling.k8s.io", "PriorityClass"),
    ("runtimeClassName", "node.k8s.io", "RuntimeClass"),
];

pub(super) fn references(finder: &Finder<'_>) -> Vec<Need> {
    let Some(pod) = spec(finder) else { return Vec::new() };
    let namespace = finder.key.namespace();
    let mut needs = Vec::new();
    for (table, namespace) in [(BESIDE, namespace), (OF_CLUSTER, "")] {
        for (place, group, kind) in table {
            let names = path::texts(pod, place).into_iter();
            needs.extend(names.map(|name| finder.named(group, kind, namespace, name)));
        }
    }
    let account = account_of(pod);
    needs.push(Need::Offer(rbac::rights_of(finder, namespace, account)));
    needs
}

/// The service account in whose name an object's pods run; nothing if it runs none.
pub(super) fn account<'a>(finder: &Finder<'a>) -> Option<&'a str> {
    spec(finder).map(account_of)
}

fn account_of(pod: &Value) -> &str {
    path::texts(pod, "serviceAccountName").first().copied().unwrap_or("default")
}

/// Where the objects of a kind describe the pods that they run, as names with dots between; nothing if they run none.
pub(crate) fn place(kind: &GroupKind) -> Option<&'static str> {
    let is_it =
        |(of_group, of_kind, _): &&(&str, &str, &str)| (*of_group, *of_kind) == (kind.group(), kind.kind());
    WORKLOADS.iter().find(is_it).map(|(.., place)| *place)
}

/// The description of the pods that an object runs.
fn spec<'a>(finder: &Finder<'a>) -> Option<&'a Value> {
    path::values(finder.body, place(finder.key.kind())?).first().copied()
}

/// The labels of the pods that an object runs.
pub(super) fn labels<'a>(finder: &Finder<'a>) -> Option<&'a Value> {
    let place = place(finder.key.kind())?.strip_suffix("spec")?.to_owned() + "metadata.labels";
    path::values(finder.body, &place).first().copied()
}
