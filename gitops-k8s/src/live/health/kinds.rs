//! What the status of each built-in kind means.

use serde_json::Value as Json;

use super::ObjectHealth;
use super::conditions::Conditions;
use crate::policy;

type Rule = fn(&Json, &Conditions<'_>) -> ObjectHealth;

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
    ("batch", "CronJob", cron_job),
    ("batch", "Job", job),
    ("certificates.k8s.io", "CertificateSigningRequest", signing_request),
    ("policy", "PodDisruptionBudget", always),
];

/// The built-in kinds that work by being there: nothing about them has to be waited for.
const AT_ONCE: [(&str, &str); 26] = [
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
const SERVED: [&str; 18] = [
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
    "resource",
    "scheduling",
    "storage",
    "storagemigration",
];

/// What the rule of the kind says; nothing for a kind without one. The version of the kind does not matter.
pub(super) fn rule(object: &Json, conditions: &Conditions<'_>) -> Option<ObjectHealth> {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let kind = object["kind"].as_str().unwrap_or_default();
    let found =
        RULES.binary_search_by(|(of_group, of_kind, _)| (*of_group, *of_kind).cmp(&(group, kind))).ok()?;
    Some((RULES[found].2)(object, conditions))
}

fn coming(reason: impl Into<String>) -> ObjectHealth {
    ObjectHealth::Progressing(reason.into())
}

fn number(object: &Json, pointer: &str, default: i64) -> i64 {
    object.pointer(pointer).and_then(Json::as_i64).unwrap_or(default)
}

fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// The first count of a status that is short of what is wanted.
fn short_of(object: &Json, wanted: i64, counts: &[(&str, &str)]) -> Option<ObjectHealth> {
    counts.iter().find_map(|(field, what)| {
        let has = number(object, &format!("/status/{field}"), 0);
        (has < wanted).then(|| coming(format!("{has} of {wanted} {what}")))
    })
}

fn always(_: &Json, _: &Conditions<'_>) -> ObjectHealth {
    ObjectHealth::Healthy
}

fn deployment(object: &Json, conditions: &Conditions<'_>) -> ObjectHealth {
    let (wanted, has) = (number(object, "/spec/replicas", 1), number(object, "/status/replicas", 0));
    if conditions.reason("Progressing") == Some("ProgressDeadlineExceeded") {
        return ObjectHealth::Degraded(conditions.why("Progressing"));
    }
    if object["spec"]["paused"] == true {
        return ObjectHealth::Suspended("it is paused by its spec.paused".to_owned());
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
        Some("True") | None => ObjectHealth::Healthy,
        Some(_) => coming(conditions.why("Available")),
    }
}

fn replica_set(object: &Json, conditions: &Conditions<'_>) -> ObjectHealth {
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
        None => ObjectHealth::Healthy,
    }
}

fn stateful_set(object: &Json, _: &Conditions<'_>) -> ObjectHealth {
    let (wanted, has) = (number(object, "/spec/replicas", 1), number(object, "/status/replicas", 0));
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return ObjectHealth::Healthy;
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
        return short_of(object, (wanted - partition).max(0), &updated).unwrap_or(ObjectHealth::Healthy);
    }
    if let Some(short) = short_of(object, wanted, &[("currentReplicas", "replicas are current")]) {
        return short;
    }
    match text(object, "/status/currentRevision") == text(object, "/status/updateRevision") {
        true => ObjectHealth::Healthy,
        false => coming("its revision is being rolled out"),
    }
}

fn daemon_set(object: &Json, _: &Conditions<'_>) -> ObjectHealth {
    if object["status"]["desiredNumberScheduled"].is_null()
        || object["status"]["observedGeneration"].is_null()
    {
        return coming("no controller has looked at it yet");
    }
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return ObjectHealth::Healthy;
    }
    let wanted = number(object, "/status/desiredNumberScheduled", 0);
    let counts = [
        ("currentNumberScheduled", "pods are scheduled"),
        ("updatedNumberScheduled", "pods are up to date"),
        ("numberAvailable", "pods are available"),
        ("numberReady", "pods are ready"),
    ];
    short_of(object, wanted, &counts).unwrap_or(ObjectHealth::Healthy)
}

fn pod(object: &Json, conditions: &Conditions<'_>) -> ObjectHealth {
    if let Some(reason) = broken_container(object) {
        return ObjectHealth::Degraded(reason);
    }
    match text(object, "/status/phase") {
        "Succeeded" => ObjectHealth::Healthy,
        "Failed" => ObjectHealth::Degraded(format!("the pod failed: {}", text(object, "/status/message"))),
        "Running" if ends_some_day(object) => coming("the pod has not finished"),
        "Running" if conditions.is("Ready", "True") => ObjectHealth::Healthy,
        "Running" => coming(conditions.why("Ready")),
        _ if conditions.reason("PodScheduled") == Some("Unschedulable") => {
            coming(conditions.why("PodScheduled"))
        }
        _ => coming("the pod has not started"),
    }
}

/// Whether a pod has done its work when it ends, and not before: a hook, and one that is not restarted for good.
fn ends_some_day(pod: &Json) -> bool {
    let annotations = &pod["metadata"]["annotations"];
    let is_service = annotations["argocd.argoproj.io/ignore-restart-policy"] == "true";
    let is_task = matches!(text(pod, "/spec/restartPolicy"), "Never" | "OnFailure");
    policy::is_hook(&pod["metadata"]) || is_task && !is_service
}

/// A container that starts again and again, can't be made or started, or whose image can't be had.
fn broken_container(object: &Json) -> Option<String> {
    let lists = ["initContainerStatuses", "containerStatuses"];
    let all = lists.iter().flat_map(|list| object["status"][*list].as_array().into_iter().flatten());
    let is_broken = |reason: &str| {
        let by_its_end = reason.ends_with("Error") || reason.ends_with("BackOff");
        by_its_end || reason.starts_with("Err") || reason == "InvalidImageName"
    };
    all.into_iter().find_map(|container| {
        let waiting = &container["state"]["waiting"];
        let reason = waiting["reason"].as_str().filter(|reason| is_broken(reason))?;
        let message = waiting["message"].as_str().filter(|message| !message.is_empty());
        let message = message.map(|message| format!(": {message}")).unwrap_or_default();
        Some(format!("the container {} is in {reason}{message}", container["name"].as_str()?))
    })
}

fn job(object: &Json, conditions: &Conditions<'_>) -> ObjectHealth {
    if conditions.is("Failed", "True") {
        return ObjectHealth::Degraded(conditions.why("Failed"));
    }
    if conditions.is("Complete", "True") {
        return ObjectHealth::Healthy;
    }
    if object["spec"]["suspend"] == true {
        return ObjectHealth::Suspended("it is suspended by its spec.suspend".to_owned());
    }
    match object["status"]["startTime"].is_null() {
        true => coming("the job has not started"),
        false => coming(format!("{} of its pods succeeded", number(object, "/status/succeeded", 0))),
    }
}

/// How a job or a pod ended; nothing if it has not ended.
pub(super) fn ended(object: &Json, conditions: &Conditions<'_>) -> Option<ObjectHealth> {
    let health = match (text(object, "/apiVersion"), text(object, "/kind")) {
        ("batch/v1", "Job") => job(object, conditions),
        ("v1", "Pod") if matches!(text(object, "/status/phase"), "Succeeded" | "Failed") => {
            pod(object, conditions)
        }
        _ => return None,
    };
    matches!(health, ObjectHealth::Healthy | ObjectHealth::Degraded(_)).then_some(health)
}

/// A schedule works by being there; how its last run did is worth knowing.
fn cron_job(object: &Json, _: &Conditions<'_>) -> ObjectHealth {
    if object["spec"]["suspend"] == true {
        return ObjectHealth::Suspended("it is suspended by its spec.suspend".to_owned());
    }
    match object["status"]["active"].as_array().map_or(0, Vec::len) {
        0 => {}
        running => return coming(format!("{running} of its jobs run")),
    }
    let (last, well) = (text(object, "/status/lastScheduleTime"), text(object, "/status/lastSuccessfulTime"));
    match !last.is_empty() && well < last {
        true => ObjectHealth::Degraded(format!("its run of {last} did not succeed")),
        false => ObjectHealth::Healthy,
    }
}

fn claim(object: &Json, _: &Conditions<'_>) -> ObjectHealth {
    match text(object, "/status/phase") {
        "Bound" => ObjectHealth::Healthy,
        "Lost" => ObjectHealth::Degraded("its volume is lost".to_owned()),
        _ => coming("no volume is bound to it"),
    }
}

fn persistent_volume(object: &Json, _: &Conditions<'_>) -> ObjectHealth {
    match text(object, "/status/phase") {
        "Failed" => ObjectHealth::Degraded(format!("the volume failed: {}", text(object, "/status/message"))),
        "" | "Pending" => coming("the volume is not available yet"),
        _ => ObjectHealth::Healthy,
    }
}

fn service(object: &Json, _: &Conditions<'_>) -> ObjectHealth {
    if text(object, "/spec/type") != "LoadBalancer" {
        return ObjectHealth::Healthy;
    }
    let ingress = object.pointer("/status/loadBalancer/ingress").and_then(Json::as_array);
    match ingress.is_some_and(|ingress| !ingress.is_empty()) {
        true => ObjectHealth::Healthy,
        false => coming("its load balancer has no address yet"),
    }
}

fn namespace(object: &Json, _: &Conditions<'_>) -> ObjectHealth {
    match text(object, "/status/phase") {
        "Terminating" => coming("the namespace is being deleted"),
        _ => ObjectHealth::Healthy,
    }
}

fn definition(_: &Json, conditions: &Conditions<'_>) -> ObjectHealth {
    if conditions.is("NamesAccepted", "False") {
        return ObjectHealth::Degraded(conditions.why("NamesAccepted"));
    }
    match (conditions.status("Established"), conditions.reason("Established")) {
        (Some("True"), _) => ObjectHealth::Healthy,
        (Some("False"), reason) if reason != Some("Installing") => {
            ObjectHealth::Degraded(conditions.why("Established"))
        }
        _ => coming("its kind is not established yet"),
    }
}

fn api_service(object: &Json, conditions: &Conditions<'_>) -> ObjectHealth {
    match conditions.is("Available", "True") || object["spec"]["service"].is_null() {
        true => ObjectHealth::Healthy,
        false => coming(conditions.why("Available")),
    }
}

fn autoscaler(_: &Json, conditions: &Conditions<'_>) -> ObjectHealth {
    let broken = |name: &str| {
        let reason = conditions.reason(name).unwrap_or_default();
        let is_failure = reason.starts_with("FailedGet")
            || reason.starts_with("FailedUpdate")
            || reason == "InvalidSelector";
        conditions.is(name, "False") && is_failure
    };
    match ["AbleToScale", "ScalingActive"].into_iter().find(|name| broken(name)) {
        Some(name) => ObjectHealth::Degraded(conditions.why(name)),
        None if conditions.status("AbleToScale").is_none() => coming("no controller has looked at it yet"),
        None => ObjectHealth::Healthy,
    }
}

fn signing_request(_: &Json, conditions: &Conditions<'_>) -> ObjectHealth {
    match ["Denied", "Failed"].into_iter().find(|name| conditions.is(name, "True")) {
        Some(name) => ObjectHealth::Degraded(conditions.why(name)),
        None if conditions.is("Approved", "True") => ObjectHealth::Healthy,
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
