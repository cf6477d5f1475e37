use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use gitops_core::{Cx, GroupKind, Key, Result, Taken};
use serde_json::Value as Json;

use super::count::{Counted, count};
use crate::client::kinds::Served;
use crate::live::application::Inner;
use crate::live::object::Seen;

/// How many kinds are listed at once.
const OPEN: usize = 8;

/// Kinds that the cluster makes by itself beside others, and that are no loss.
const MADE_BY_ITSELF: [(&str, &str); 5] = [
    ("", "Event"),
    ("events.k8s.io", "Event"),
    ("", "Endpoints"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("coordination.k8s.io", "Lease"),
];

/// Objects that the cluster makes in each namespace.
const IN_EACH: [(&str, &str); 5] = [
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "openshift-service-ca.crt"),
    ("ServiceAccount", "default"),
    ("ServiceAccount", "builder"),
    ("ServiceAccount", "deployer"),
];

/// Kinds whose deletion takes data.
const OF_DATA: (&str, &str) = ("", "PersistentVolumeClaim");

/// Everything in a namespace: others' first, then what is not known, then ours.
pub(super) async fn taken(inner: &Inner, cx: &Cx, key: &Key, owner: &str) -> Result<Vec<Taken>> {
    let namespace = key.name();
    let (kinds, dead) = inner.cluster.kinds().all(cx, inner.wire()).await?;
    let is_one = |(kind, served): &(GroupKind, Arc<Served>)| {
        let name = (kind.group(), kind.kind());
        served.namespaced && served.can_be_listed && !MADE_BY_ITSELF.contains(&name)
    };
    let kinds: Vec<_> = kinds.into_iter().filter(is_one).collect();
    let asked: Vec<_> =
        kinds.iter().map(|(kind, served)| of_kind(inner, cx, kind, served, namespace, owner)).collect();
    let counted: Vec<Counted> = stream::iter(asked).buffered(OPEN).try_collect().await?;
    let mut found = Vec::new();
    let mut unknown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((kind, _), counted) in kinds.iter().zip(counted) {
        match counted {
            Counted::Not(reason) => unknown.entry(cause(&reason)).or_default().push(kind.to_string()),
            counted @ Counted::All { .. } => {
                found.extend(
                    counted
                        .taken(&Key::new(key.target(), kind.clone(), namespace, ""))
                        .into_iter()
                        .map(|taken| noted(kind, taken)),
                );
            }
        }
    }
    for group in dead {
        let reason = "the API group does not answer".to_owned();
        unknown.entry(reason).or_default().push(format!("objects of {group}"));
    }
    found.extend(unknown.into_iter().map(|(reason, kinds)| Taken::unknown(some(&kinds), reason)));
    found.sort_by_key(|taken| (taken.whose == gitops_core::Whose::Ours, taken.note.is_none()));
    Ok(found)
}

async fn of_kind(
    inner: &Inner,
    cx: &Cx,
    kind: &GroupKind,
    served: &Served,
    namespace: &str,
    owner: &str,
) -> Result<Counted> {
    let any = Key::new("", kind.clone(), namespace, "any");
    if inner.tenancy.check(&any).is_err() {
        return Ok(Counted::Not("the application's limits do not allow to look".to_owned()));
    }
    let goes = |seen: &Seen| {
        let name = seen.json["metadata"]["name"].as_str().unwrap_or_default();
        !IN_EACH.contains(&(kind.kind(), name)) && !is_garbage(&seen.json)
    };
    count(inner, cx, kind.kind(), served, namespace, goes, owner).await
}

/// Whether an object goes with another one of its namespace, which is counted.
fn is_garbage(object: &Json) -> bool {
    object["metadata"]["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty())
}

fn noted(kind: &GroupKind, taken: Taken) -> Taken {
    match (kind.group(), kind.kind()) == OF_DATA {
        true => taken.noting("with the data of volumes that are not retained"),
        false => taken,
    }
}

/// The reason without what names one kind only, so that kinds that fail alike are told together.
fn cause(reason: &str) -> String {
    match reason.contains("forbidden") {
        true => "they may not be listed".to_owned(),
        false => reason.to_owned(),
    }
}

fn some(kinds: &[String]) -> String {
    const NAMED: usize = 5;
    let kinds: BTreeSet<&String> = kinds.iter().collect();
    let named: Vec<&str> = kinds.iter().take(NAMED).map(|kind| kind.as_str()).collect();
    match kinds.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more kinds", named.join(", ")),
        None => named.join(", "),
    }
}
