//! What the status of each built-in kind means.

use serde_json::Value as Json;

use super::Doing;
use super::conditions::Conditions;

type Rule = fn(&Json, &Conditions<'_>) -> Doing;

/// The kinds whose status says more than a condition `Ready`.
const RULES: [(&str, &str, Rule); 17] = [
    ("", "Namespace", namespace),
    ("", "PersistentVolume", persistent_volume),
    ("", "PersistentVolumeClaim", claim),
    ("", "Pod", pod),
    ("", "ReplicationController", replica_set),
    ("", "Service", service),
    ("apiextensions.k8s.io", "CustomResourceDefinition", definition),
    ("apiregistration.k8s.io", "APIService", api_service),
    ("apps", "DaemonSet", daemon_set),
    ("apps", "Deployment", deployment),
    ("apps", "ReplicaSet", replica_set),
    ("apps", "StatefulSet", stateful_set),
    ("autoscaling", "HorizontalPodAutoscaler", autoscaler),
    ("batch", "CronJob", always),
    ("batch", "Job", job),
    ("certificates.k8s.io", "CertificateSigningRequest", signing_request),
    ("policy", "PodDisruptionBudget", always),
];

/// The built-in kinds that work by being there: nothing about them has to be waited for.
const AT_ONCE: [(&str, &str); 27] = [
    ("", "ConfigMap"),
    ("", "Endpoints"),
    ("", "LimitRange"),
    ("", "PodTemplate"),
    ("", "ResourceQuota"),
    ("", "Secret"),
    ("", "ServiceAccount"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apps", "ControllerRevision"),
    ("batch", "CronJob"),
    ("coordination.k8s.io", "Lease"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("node.k8s.io", "RuntimeClass"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttributesClass"),
];

/// Whether an object of the kind works as soon as it is there.
pub(super) fn works_at_once(group: &str, kind: &str) -> bool {
    AT_ONCE.binary_search(&(group, kind)).is_ok()
}

/// Whether the API server itself has the group. Groups of others have a name of others, or end in `.x-k8s.io` and its like.
pub(super) fn is_built_in(group: &str) -> bool {
    let of_core = ["", "apps", "autoscaling", "batch", "extensions", "policy"].contains(&group);
    of_core || group.strip_suffix(".k8s.io").is_some_and(|name| SERVED.binary_search(&name).is_ok())
}

/// The groups below `k8s.io` that the API server itself has.
const SERVED: [&str; 16] = [
    "admissionregistration",
    "apiextensions",
    "apiregistration",
    "authentication",
    "authorization",
    "certificates",
    "coordination",
    "discovery",
    "events",
    "flowcontrol.apiserver",
    "internal.apiserver",
    "networking",
    "node",
    "rbac.authorization",
    "scheduling",
    "storage",
];

/// What the rule of the kind says; nothing for a kind without one. The version of the kind does not matter.
pub(super) fn rule(object: &Json, conditions: &Conditions<'_>) -> Option<Doing> {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let kind = object["kind"].as_str().unwrap_or_default();
    let found =
        RULES.binary_search_by(|(of_group, of_kind, _)| (*of_group, *of_kind).cmp(&(group, kind))).ok()?;
    Some((RULES[found].2)(object, conditions))
}

fn coming(reason: impl Into<String>) -> Doing {
    Doing::Coming(reason.into())
}

fn number(object: &Json, pointer: &str, default: i64) -> i64 {
    object.pointer(pointer).and_then(Json::as_i64).unwrap_or(default)
}

fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// The first count of a status that is short of what is wanted.
fn short_of(object: &Json, wanted: i64, counts: &[(&str, &str)]) -> Option<Doing> {
    counts.iter().find_map(|(field, what)| {
        let has = number(object, &format!("/status/{field}"), 0);
        (has < wanted).then(|| coming(format!("{has} of {wanted} {what}")))
    })
}

fn always(_: &Json, _: &Conditions<'_>) -> Doing {
    Doing::Well
}

fn deployment(object: &Json, conditions: &Conditions<'_>) -> Doing {
    let (wanted, has) = (number(object, "/spec/replicas", 1), number(object, "/status/replicas", 0));
    if conditions.reason("Progressing") == Some("ProgressDeadlineExceeded") {
        return Doing::Badly(conditions.why("Progressing"));
    }
    if object["spec"]["paused"] == true {
        return coming("it is paused");
    }
    let replicas = [("replicas", "replicas are there"), ("updatedReplicas", "replicas are up to date")];
    if let Some(short) = short_of(object, wanted, &replicas) {
        return short;
    }
    if has > wanted {
        return coming(format!("{} old replicas have to go", has - wanted));
    }
    let available =
        [("availableReplicas", "replicas are available"), ("readyReplicas", "replicas are ready")];
    if let Some(short) = short_of(object, wanted, &available) {
        return short;
    }
    match conditions.status("Available") {
        Some("True") | None => Doing::Well,
        Some(_) => coming(conditions.why("Available")),
    }
}

fn replica_set(object: &Json, conditions: &Conditions<'_>) -> Doing {
    let (wanted, has) = (number(object, "/spec/replicas", 1), number(object, "/status/replicas", 0));
    if conditions.is("ReplicaFailure", "True") {
        return coming(conditions.why("ReplicaFailure"));
    }
    let counts = [
        ("fullyLabeledReplicas", "replicas are labelled"),
        ("availableReplicas", "replicas are available"),
        ("readyReplicas", "replicas are ready"),
    ];
    match short_of(object, wanted, &counts) {
        Some(short) => short,
        None if has > wanted => coming(format!("{} replicas have to go", has - wanted)),
        None => Doing::Well,
    }
}

fn stateful_set(object: &Json, _: &Conditions<'_>) -> Doing {
    let (wanted, has) = (number(object, "/spec/replicas", 1), number(object, "/status/replicas", 0));
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Doing::Well;
    }
    let counts = [("replicas", "replicas are there"), ("readyReplicas", "replicas are ready")];
    if let Some(short) = short_of(object, wanted, &counts) {
        return short;
    }
    if has > wanted {
        return coming(format!("{} replicas have to go", has - wanted));
    }
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition", 0);
    if partition > 0 {
        let updated = [("updatedReplicas", "replicas are up to date")];
        return short_of(object, (wanted - partition).max(0), &updated).unwrap_or(Doing::Well);
    }
    if let Some(short) = short_of(object, wanted, &[("currentReplicas", "replicas are current")]) {
        return short;
    }
    match text(object, "/status/currentRevision") == text(object, "/status/updateRevision") {
        true => Doing::Well,
        false => coming("its revision is being rolled out"),
    }
}

fn daemon_set(object: &Json, _: &Conditions<'_>) -> Doing {
    if object["status"]["desiredNumberScheduled"].is_null()
        || object["status"]["observedGeneration"].is_null()
    {
        return coming("no controller has looked at it yet");
    }
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Doing::Well;
    }
    let wanted = number(object, "/status/desiredNumberScheduled", 0);
    let counts = [
        ("currentNumberScheduled", "pods are scheduled"),
        ("updatedNumberScheduled", "pods are up to date"),
        ("numberAvailable", "pods are available"),
        ("numberReady", "pods are ready"),
    ];
    short_of(object, wanted, &counts).unwrap_or(Doing::Well)
}

fn pod(object: &Json, conditions: &Conditions<'_>) -> Doing {
    if let Some((name, reason)) = broken_container(object) {
        return Doing::Badly(format!("the container {name} is in {reason}"));
    }
    match text(object, "/status/phase") {
        "Succeeded" => Doing::Well,
        "Failed" => Doing::Badly(format!("the pod failed: {}", text(object, "/status/message"))),
        "Running" if conditions.is("Ready", "True") => Doing::Well,
        "Running" => coming(conditions.why("Ready")),
        _ if conditions.reason("PodScheduled") == Some("Unschedulable") => {
            coming(conditions.why("PodScheduled"))
        }
        _ => coming("the pod has not started"),
    }
}

/// A container that starts again and again, or whose image can't be had.
fn broken_container(object: &Json) -> Option<(&str, &str)> {
    let lists = ["initContainerStatuses", "containerStatuses"];
    let all = lists.iter().flat_map(|list| object["status"][*list].as_array().into_iter().flatten());
    let broken = |container: &'_ Json| {
        let reason = container.pointer("/state/waiting/reason")?.as_str()?;
        let signs =
            ["CrashLoopBackOff", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"];
        signs.into_iter().find(|sign| *sign == reason)
    };
    all.into_iter().find_map(|container| Some((container["name"].as_str()?, broken(container)?)))
}

fn job(object: &Json, conditions: &Conditions<'_>) -> Doing {
    if conditions.is("Failed", "True") {
        return Doing::Badly(conditions.why("Failed"));
    }
    if conditions.is("Complete", "True") || object["spec"]["suspend"] == true {
        return Doing::Well;
    }
    match object["status"]["startTime"].is_null() {
        true => coming("the job has not started"),
        false => coming(format!("{} of its pods succeeded", number(object, "/status/succeeded", 0))),
    }
}

fn claim(object: &Json, _: &Conditions<'_>) -> Doing {
    match text(object, "/status/phase") {
        "Bound" => Doing::Well,
        "Lost" => Doing::Badly("its volume is lost".to_owned()),
        _ => coming("no volume is bound to it"),
    }
}

fn persistent_volume(object: &Json, _: &Conditions<'_>) -> Doing {
    match text(object, "/status/phase") {
        "Failed" => Doing::Badly(format!("the volume failed: {}", text(object, "/status/message"))),
        "" | "Pending" => coming("the volume is not available yet"),
        _ => Doing::Well,
    }
}

fn service(object: &Json, _: &Conditions<'_>) -> Doing {
    if text(object, "/spec/type") != "LoadBalancer" {
        return Doing::Well;
    }
    let ingress = object.pointer("/status/loadBalancer/ingress").and_then(Json::as_array);
    match ingress.is_some_and(|ingress| !ingress.is_empty()) {
        true => Doing::Well,
        false => coming("its load balancer has no address yet"),
    }
}

fn namespace(object: &Json, _: &Conditions<'_>) -> Doing {
    match text(object, "/status/phase") {
        "Terminating" => coming("the namespace is on its way out"),
        _ => Doing::Well,
    }
}

fn definition(_: &Json, conditions: &Conditions<'_>) -> Doing {
    if conditions.is("NamesAccepted", "False") {
        return Doing::Badly(conditions.why("NamesAccepted"));
    }
    match (conditions.status("Established"), conditions.reason("Established")) {
        (Some("True"), _) => Doing::Well,
        (Some("False"), reason) if reason != Some("Installing") => {
            Doing::Badly(conditions.why("Established"))
        }
        _ => coming("its kind is not established yet"),
    }
}

fn api_service(object: &Json, conditions: &Conditions<'_>) -> Doing {
    match conditions.is("Available", "True") || object["spec"]["service"].is_null() {
        true => Doing::Well,
        false => coming(conditions.why("Available")),
    }
}

fn autoscaler(_: &Json, conditions: &Conditions<'_>) -> Doing {
    let broken = |name: &str| {
        let reason = conditions.reason(name).unwrap_or_default();
        let is_failure = reason.starts_with("FailedGet")
            || reason.starts_with("FailedUpdate")
            || reason == "InvalidSelector";
        conditions.is(name, "False") && is_failure
    };
    match ["AbleToScale", "ScalingActive"].into_iter().find(|name| broken(name)) {
        Some(name) => Doing::Badly(conditions.why(name)),
        None if conditions.status("AbleToScale").is_none() => coming("no controller has looked at it yet"),
        None => Doing::Well,
    }
}

fn signing_request(_: &Json, conditions: &Conditions<'_>) -> Doing {
    match ["Denied", "Failed"].into_iter().find(|name| conditions.is(name, "True")) {
        Some(name) => Doing::Badly(conditions.why(name)),
        None if conditions.is("Approved", "True") => Doing::Well,
        None => coming("nobody has approved it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        assert!(RULES.is_sorted_by_key(|(group, kind, _)| (*group, *kind)));
        assert!(AT_ONCE.is_sorted() && SERVED.is_sorted());
    }
}
