//! A pod that fails its parent.

use gitops_core::{Cx, GroupKind, Key, Result};
use serde_json::Value as Json;

use super::{HealthRules, ObjectHealth, assess};
use crate::client::kinds::Place;
use crate::live::application::Inner;
use crate::live::list::{List, escape};
use crate::live::walk::Walk;

/// Where each kind whose pods are looked at says which of them are of its present state.
const PARENTS: [(&str, &str, Present); 5] = [
    (
        "apps",
        "DaemonSet",
        Present::Label(
            "pod-template-generation",
            "/metadata/annotations/deprecated.daemonset.template.generation",
        ),
    ),
    ("apps", "Deployment", Present::Revision),
    ("apps", "ReplicaSet", Present::All),
    ("apps", "StatefulSet", Present::Label("controller-revision-hash", "/status/updateRevision")),
    ("batch", "Job", Present::Unstarted),
];

/// Which pods of a parent are of its present state.
#[derive(Clone, Copy)]
enum Present {
    /// Every one.
    All,
    /// Every one; but that it failed is no matter, for the parent makes another as often as it is told to.
    Unstarted,
    /// Those whose label has the value that is at a place of the parent.
    Label(&'static str, &'static str),
    /// Those of the replica set that has the parent's revision.
    Revision,
}

/// The annotation by which a deployment and its newest replica set know each other.
const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

/// Returns when a pod of the object's present state will not work, with the pod's name and its own reason; nothing for a
/// kind without pods.
///
/// # Errors
/// Where pods may not be looked at. Then the object's own status has to do.
pub(super) async fn broken(inner: &Inner, cx: &Cx, key: &Key, place: &Place) -> Result<Option<String>> {
    let Some(pods) = Pods::of(inner, cx, key, place).await? else { return Ok(None) };
    let mut walk = Walk::new(inner.wire(), pods.uri.clone(), pods.api_version.clone(), POD);
    loop {
        let pod = walk.next(cx).await?.json;
        if let Some(reason) = pods.fails(inner, cx, place, &pod).await? {
            return Ok(Some(reason));
        }
    }
}

/// The same at this moment, without a wait.
///
/// # Errors
/// As for [`broken`].
pub(super) async fn broken_now(inner: &Inner, cx: &Cx, key: &Key, place: &Place) -> Result<Option<String>> {
    let Some(pods) = Pods::of(inner, cx, key, place).await? else { return Ok(None) };
    let mut list = List::new(pods.uri.clone(), pods.api_version.clone(), POD);
    while let Some(page) = list.next_page(inner.wire(), cx, |_| true).await? {
        for (_, pod) in page {
            if let Some(reason) = pods.fails(inner, cx, place, &pod.json).await? {
                return Ok(Some(reason));
            }
        }
    }
    Ok(None)
}

const POD: &str = "Pod";

/// The pods that may be a parent's.
struct Pods<'a> {
    key: &'a Key,
    present: Present,
    /// Those that the parent selects.
    uri: String,
    api_version: String,
}

impl<'a> Pods<'a> {
    /// Nothing for a kind without pods, or a parent that is gone or selects none.
    async fn of(inner: &Inner, cx: &Cx, key: &'a Key, place: &Place) -> Result<Option<Self>> {
        let kind = (key.kind().group(), key.kind().kind());
        let Some((.., present)) = PARENTS.iter().find(|(group, name, _)| (*group, *name) == kind) else {
            return Ok(None);
        };
        let pod = Key::new(key.target(), GroupKind::new("", POD), key.namespace(), "any");
        let pods = inner.place(cx, &pod).await?;
        let Some(parent) = read(inner, cx, place).await? else { return Ok(None) };
        let Some(selector) = selector(&parent["spec"]["selector"]) else { return Ok(None) };
        let version = &pods.served.versions[0];
        let uri = format!("{}?labelSelector={}", pods.beside(version), escape(&selector));
        Ok(Some(Self { key, present: *present, uri, api_version: pods.served.api_version(version) }))
    }

    /// That a pod will not work, and why, if it is of what the parent wants by now.
    async fn fails(&self, inner: &Inner, cx: &Cx, place: &Place, pod: &Json) -> Result<Option<String>> {
        let Some(reason) = reason(pod, self.present) else { return Ok(None) };
        let Some(parent) = read(inner, cx, place).await? else { return Ok(None) };
        let is_meant = is_present(inner, cx, self.key, &parent, pod, self.present).await?;
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        Ok(is_meant.then(|| format!("its pod {name}: {reason}")))
    }
}

async fn read(inner: &Inner, cx: &Cx, place: &Place) -> Result<Option<Json>> {
    let seen = inner.read(cx, place.object(&place.served.versions[0])).await?;
    Ok(seen.map(|seen| seen.json))
}

/// Why a pod will not work, if it will not and matters.
fn reason(pod: &Json, present: Present) -> Option<String> {
    let is_retried = matches!(present, Present::Unstarted) && pod["status"]["phase"] == "Failed";
    match assess(pod, &HealthRules::default()) {
        ObjectHealth::Degraded(reason) if !is_retried => Some(reason),
        _ => None,
    }
}

async fn is_present(
    inner: &Inner,
    cx: &Cx,
    key: &Key,
    parent: &Json,
    pod: &Json,
    present: Present,
) -> Result<bool> {
    let owner = controller(pod);
    match present {
        Present::All | Present::Unstarted => Ok(owner == parent["metadata"]["uid"]),
        Present::Label(label, at) => {
            let wanted = parent.pointer(at).filter(|wanted| !wanted.is_null());
            let is_ours = owner == parent["metadata"]["uid"];
            Ok(is_ours && wanted.is_some_and(|wanted| pod["metadata"]["labels"][label] == *wanted))
        }
        Present::Revision => {
            let Some(name) = owner_name(pod, "ReplicaSet") else { return Ok(false) };
            let set = Key::new(key.target(), GroupKind::new("apps", "ReplicaSet"), key.namespace(), name);
            let Some(set) = read(inner, cx, &inner.place(cx, &set).await?).await? else { return Ok(false) };
            let revision = |object: &Json| object.pointer(REVISION).cloned();
            let is_newest = revision(&set).is_some() && revision(&set) == revision(parent);
            let has_seen = parent["status"]["observedGeneration"] == parent["metadata"]["generation"];
            Ok(is_newest && has_seen && controller(&set) == parent["metadata"]["uid"])
        }
    }
}

/// The uid of the object that controls another.
fn controller(object: &Json) -> Json {
    owners(object)
        .find(|owner| owner["controller"] == true)
        .map_or(Json::Bool(false), |owner| owner["uid"].clone())
}

fn owner_name<'a>(object: &'a Json, kind: &str) -> Option<&'a str> {
    owners(object).find(|owner| owner["kind"] == kind)?["name"].as_str()
}

fn owners(object: &Json) -> impl Iterator<Item = &Json> {
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten()
}

/// A label selector as a query has it; nothing if it selects nothing.
fn selector(selector: &Json) -> Option<String> {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let labels = labels.map(|(name, value)| format!("{name}={}", text(value)));
    let expressions =
        selector["matchExpressions"].as_array().into_iter().flatten().filter_map(|expression| {
            let (name, values) = (text(&expression["key"]), expression["values"].as_array());
            let values: Vec<String> = values.into_iter().flatten().map(text).collect();
            match expression["operator"].as_str()? {
                "In" => Some(format!("{name} in ({})", values.join(","))),
                "NotIn" => Some(format!("{name} notin ({})", values.join(","))),
                "Exists" => Some(name),
                "DoesNotExist" => Some(format!("!{name}")),
                _ => None,
            }
        });
    let all: Vec<String> = labels.chain(expressions).collect();
    (!all.is_empty()).then(|| all.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_is_written_as_a_query_has_it() {
        let found = selector(&json!({
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["a", "b"]},
                {"key": "old", "operator": "DoesNotExist"}
            ]
        }));
        assert_eq!(found.as_deref(), Some("app=web,tier in (a,b),!old"));
        assert_eq!(selector(&json!({})), None, "it would select every pod");
    }
}
