//! References that are a name at a path.

use gitops_core::Need;

use super::{Finder, path};

/// A kind, where it refers, and to what.
struct Reference {
    from: (&'static str, &'static str),
    path: &'static str,
    to: (&'static str, &'static str),
    /// Whether what it refers to is in the same namespace, rather than in none.
    beside: bool,
}

const fn of_cluster(
    from: (&'static str, &'static str),
    path: &'static str,
    to: (&'static str, &'static str),
) -> Reference {
    Reference { from, path, to, beside: false }
}

const CLAIM: (&str, &str) = ("", "PersistentVolumeClaim");
const STORAGE_CLASS: (&str, &str) = ("storage.k8s.io", "StorageClass");
const DEVICE_CLASS: (&str, &str) = ("resource.k8s.io", "DeviceClass");
const RESOURCE_CLAIM: (&str, &str) = ("resource.k8s.io", "ResourceClaim");
const RESOURCE_TEMPLATE: (&str, &str) = ("resource.k8s.io", "ResourceClaimTemplate");
const STATEFUL_SET: (&str, &str) = ("apps", "StatefulSet");
const ADMISSION: &str = "admissionregistration.k8s.io";
const GATEWAY: &str = "gateway.networking.k8s.io";
const SNAPSHOT: &str = "snapshot.storage.k8s.io";

const REFERENCES: &[Reference] = &[
    of_cluster(CLAIM, "spec.storageClassName", STORAGE_CLASS),
    of_cluster(CLAIM, "spec.volumeName", ("", "PersistentVolume")),
    of_cluster(CLAIM, "spec.volumeAttributesClassName", ("storage.k8s.io", "VolumeAttributesClass")),
    of_cluster(("", "PersistentVolume"), "spec.storageClassName", STORAGE_CLASS),
    of_cluster(STATEFUL_SET, "spec.volumeClaimTemplates[].spec.storageClassName", STORAGE_CLASS),
    Reference { from: STATEFUL_SET, path: "spec.serviceName", to: ("", "Service"), beside: true },
    of_cluster(
        ("networking.k8s.io", "Ingress"),
        "spec.ingressClassName",
        ("networking.k8s.io", "IngressClass"),
    ),
    of_cluster((GATEWAY, "Gateway"), "spec.gatewayClassName", (GATEWAY, "GatewayClass")),
    of_cluster(
        (SNAPSHOT, "VolumeSnapshot"),
        "spec.volumeSnapshotClassName",
        (SNAPSHOT, "VolumeSnapshotClass"),
    ),
    of_cluster(RESOURCE_CLAIM, "spec.devices.requests[].exactly.deviceClassName", DEVICE_CLASS),
    of_cluster(RESOURCE_TEMPLATE, "spec.spec.devices.requests[].exactly.deviceClassName", DEVICE_CLASS),
    of_cluster(
        (ADMISSION, "ValidatingAdmissionPolicyBinding"),
        "spec.policyName",
        (ADMISSION, "ValidatingAdmissionPolicy"),
    ),
    of_cluster(
        (ADMISSION, "MutatingAdmissionPolicyBinding"),
        "spec.policyName",
        (ADMISSION, "MutatingAdmissionPolicy"),
    ),
];

pub(super) fn references(finder: &Finder<'_>) -> Vec<Need> {
    let of_kind = |reference: &&Reference| finder.is(reference.from.0, reference.from.1);
    let needs = |reference: &'static Reference| {
        let namespace = if reference.beside { finder.key.namespace() } else { "" };
        let names = path::texts(finder.body, reference.path);
        names.into_iter().map(move |name| finder.named(reference.to.0, reference.to.1, namespace, name))
    };
    REFERENCES.iter().filter(of_kind).flat_map(needs).collect()
}
