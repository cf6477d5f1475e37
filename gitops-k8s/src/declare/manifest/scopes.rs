use std::collections::BTreeMap;

use gitops_core::GroupKind;

/// Where the objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Each in a namespace.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

/// Which kinds live in a namespace: the built-in ones, and what was added.
///
/// ```
/// use gitops_core::GroupKind;
/// use gitops_k8s::{Scope, Scopes};
/// let scopes = Scopes::default().with(GroupKind::new("example.com", "Widget"), Scope::Namespaced);
/// assert_eq!(scopes.of(&GroupKind::new("example.com", "Widget")), Some(Scope::Namespaced));
/// assert_eq!(scopes.of(&GroupKind::new("", "Node")), Some(Scope::Cluster));
/// assert_eq!(scopes.of(&GroupKind::new("example.com", "Gadget")), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    added: BTreeMap<GroupKind, Scope>,
}

impl Scopes {
    /// Adds a kind, as the cluster's discovery or a definition says.
    #[must_use]
    pub fn with(mut self, kind: GroupKind, scope: Scope) -> Self {
        self.added.insert(kind, scope);
        self
    }

    /// Where the objects of a kind live, if it is known.
    pub fn of(&self, kind: &GroupKind) -> Option<Scope> {
        self.added.get(kind).copied().or_else(|| built_in(kind))
    }
}

/// Whether Kubernetes itself has a kind.
pub(crate) fn is_built_in(kind: &GroupKind) -> bool {
    built_in(kind).is_some()
}

fn built_in(kind: &GroupKind) -> Option<Scope> {
    let is_in = |table: &[(&str, &[&str])]| {
        table.iter().any(|(group, kinds)| *group == kind.group() && kinds.contains(&kind.kind()))
    };
    match (is_in(CLUSTER), is_in(NAMESPACED)) {
        (true, _) => Some(Scope::Cluster),
        (_, true) => Some(Scope::Namespaced),
        _ => None,
    }
}

/// Built-in kinds of the cluster as a whole, up to Kubernetes 1.37.
const CLUSTER: &[(&str, &[&str])] = &[
    ("", &["ComponentStatus", "Namespace", "Node", "PersistentVolume"]),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("authentication.k8s.io", &["SelfSubjectReview", "TokenReview"]),
    ("authorization.k8s.io", &["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"]),
    ("certificates.k8s.io", &["CertificateSigningRequest", "ClusterTrustBundle"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("internal.apiserver.k8s.io", &["StorageVersion"]),
    ("networking.k8s.io", &["IPAddress", "IngressClass", "ServiceCIDR"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("policy", &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding"]),
    ("resource.k8s.io", &["DeviceClass", "DeviceTaintRule", "ResourceSlice"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    (
        "storage.k8s.io",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
    ),
    ("storagemigration.k8s.io", &["StorageVersionMigration"]),
];

/// Built-in kinds that live in a namespace, up to Kubernetes 1.37.
const NAMESPACED: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "Binding",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("apps", &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("authorization.k8s.io", &["LocalSubjectAccessReview"]),
    ("autoscaling", &["HorizontalPodAutoscaler"]),
    ("batch", &["CronJob", "Job"]),
    ("certificates.k8s.io", &["PodCertificateRequest"]),
    ("coordination.k8s.io", &["Lease", "LeaseCandidate"]),
    ("discovery.k8s.io", &["EndpointSlice"]),
    ("events.k8s.io", &["Event"]),
    ("extensions", &["Ingress"]),
    ("networking.k8s.io", &["Ingress", "NetworkPolicy"]),
    ("policy", &["PodDisruptionBudget"]),
    ("rbac.authorization.k8s.io", &["Role", "RoleBinding"]),
    ("resource.k8s.io", &["ResourceClaim", "ResourceClaimTemplate"]),
    ("storage.k8s.io", &["CSIStorageCapacity"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_is_in_both_tables() {
        for (group, kinds) in CLUSTER {
            let other = NAMESPACED.iter().find(|(name, _)| name == group).map_or(&[][..], |(_, kinds)| kinds);
            assert!(kinds.iter().all(|kind| !other.contains(kind)), "{group}: {kinds:?} and {other:?}");
        }
    }
}
