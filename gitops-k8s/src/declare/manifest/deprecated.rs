//! What manifests should no longer use, though some server may still take it.

use super::identity::Identity;
use crate::declare::edges;
use crate::yaml::{Data, Fault, Node, Place};

/// Versions of built-in kinds that servers have stopped to serve: group and version, kinds (empty for all), the first minor
/// version of Kubernetes 1 without it, and what took its place.
const VERSIONS: [(&str, &[&str], u8, &str); 22] = [
    (
        "admissionregistration.k8s.io/v1beta1",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        22,
        "admissionregistration.k8s.io/v1",
    ),
    ("apiextensions.k8s.io/v1beta1", &[], 22, "apiextensions.k8s.io/v1"),
    ("apiregistration.k8s.io/v1beta1", &[], 22, "apiregistration.k8s.io/v1"),
    ("apps/v1beta1", &[], 16, "apps/v1"),
    ("apps/v1beta2", &[], 16, "apps/v1"),
    ("autoscaling/v2beta1", &[], 25, "autoscaling/v2"),
    ("autoscaling/v2beta2", &[], 26, "autoscaling/v2"),
    ("batch/v1beta1", &[], 25, "batch/v1"),
    ("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"], 22, "certificates.k8s.io/v1"),
    ("coordination.k8s.io/v1beta1", &["Lease"], 22, "coordination.k8s.io/v1"),
    ("discovery.k8s.io/v1beta1", &[], 25, "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", &[], 25, "events.k8s.io/v1"),
    ("extensions/v1beta1", &["DaemonSet", "Deployment", "ReplicaSet"], 16, "apps/v1"),
    ("extensions/v1beta1", &["Ingress", "NetworkPolicy"], 22, "networking.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", &[], 26, "flowcontrol.apiserver.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", &[], 29, "flowcontrol.apiserver.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", &[], 32, "flowcontrol.apiserver.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"], 22, "networking.k8s.io/v1"),
    ("policy/v1beta1", &[], 25, "policy/v1"),
    ("rbac.authorization.k8s.io/v1beta1", &[], 22, "rbac.authorization.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", &[], 22, "scheduling.k8s.io/v1"),
    (
        "storage.k8s.io/v1beta1",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"],
        22,
        "storage.k8s.io/v1",
    ),
];

/// Annotations of whole objects that a field replaced.
const ANNOTATIONS: [(&str, &str, &str); 3] = [
    ("Ingress", "kubernetes.io/ingress.class", "`spec.ingressClassName`"),
    ("PersistentVolume", "volume.beta.kubernetes.io/storage-class", "`spec.storageClassName`"),
    ("PersistentVolumeClaim", "volume.beta.kubernetes.io/storage-class", "`spec.storageClassName`"),
];

/// Beginnings of annotations of pods that a field replaced.
const OF_PODS: [(&str, &str); 3] = [
    ("container.apparmor.security.beta.kubernetes.io/", "`securityContext.appArmorProfile`"),
    ("scheduler.alpha.kubernetes.io/critical-pod", "`priorityClassName`"),
    ("seccomp.security.alpha.kubernetes.io/", "`securityContext.seccompProfile`"),
];

/// Labels of nodes that have another name now.
const OF_NODES: [(&str, &str); 5] = [
    ("beta.kubernetes.io/arch", "`kubernetes.io/arch`"),
    ("beta.kubernetes.io/instance-type", "`node.kubernetes.io/instance-type`"),
    ("beta.kubernetes.io/os", "`kubernetes.io/os`"),
    ("failure-domain.beta.kubernetes.io/region", "`topology.kubernetes.io/region`"),
    ("failure-domain.beta.kubernetes.io/zone", "`topology.kubernetes.io/zone`"),
];

/// Everything of an object that is deprecated, each with what took its place.
pub(super) fn of(node: &Node, identity: &Identity) -> Vec<Fault> {
    let kind = identity.kind.kind();
    let replaced = ANNOTATIONS.iter().filter(|(of_kind, ..)| *of_kind == kind);
    let found = replaced.filter_map(|(_, name, instead)| {
        let member = node.at(&["metadata", "annotations"])?.member(name)?;
        Some(deprecated(member.place, &format!("the annotation `{name}`"), instead))
    });
    version(node, kind).into_iter().chain(found).chain(of_pod(node, identity)).collect()
}

fn version(node: &Node, kind: &str) -> Option<Fault> {
    let written = node.get("apiVersion")?;
    let is_it = |(version, kinds, ..): &&(&str, &[&str], u8, &str)| {
        written.as_text() == Some(version) && (kinds.is_empty() || kinds.contains(&kind))
    };
    let (version, _, minor, instead) = VERSIONS.iter().find(is_it)?;
    let message = format!("Kubernetes 1.{minor} and newer do not serve `{version}` of the kind {kind}");
    Some(Fault::new("GO0417", written.place, message).help(format!("write `{instead}`")))
}

fn of_pod(node: &Node, identity: &Identity) -> Vec<Fault> {
    let Some(place) = edges::pod_of(&identity.kind) else { return Vec::new() };
    let Some(pod) = place.split('.').try_fold(node, |node, name| node.get(name)) else { return Vec::new() };
    let holder =
        place.split('.').take(place.split('.').count() - 1).try_fold(node, |node, name| node.get(name));
    let marks = members(holder.and_then(|holder| holder.at(&["metadata", "annotations"])));
    let marks = marks.filter_map(|(name, at)| {
        let (_, instead) = OF_PODS.iter().find(|(beginning, _)| name.starts_with(beginning))?;
        Some(deprecated(at, &format!("the annotation `{name}`"), instead))
    });
    let labels = members(pod.get("nodeSelector")).filter_map(|(name, at)| {
        let (_, instead) = OF_NODES.iter().find(|(label, _)| *label == name)?;
        Some(deprecated(at, &format!("the node label `{name}`"), instead))
    });
    marks.chain(labels).collect()
}

fn members(node: Option<&Node>) -> impl Iterator<Item = (&str, Place)> {
    let members = match node.map(|node| &node.data) {
        Some(Data::Map(members)) => &members[..],
        _ => &[],
    };
    members.iter().map(|member| (member.name.as_str(), member.place))
}

fn deprecated(place: Place, what: &str, instead: &str) -> Fault {
    Fault::new("GO0417", place, format!("{what} is deprecated")).help(format!("use {instead}"))
}
