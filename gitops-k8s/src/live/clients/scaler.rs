use gitops_core::{Cx, Diagnostic, ErrorKind, GroupKind, Key, Object, Result};
use serde_json::Value as Json;

use crate::client::cluster::Failure;
use crate::client::kinds::{Served, collection};
use crate::live::application::Inner;
use crate::live::fields::Managed;
use crate::live::list::List;
use crate::live::object::Seen;

/// Whether something in the cluster sets the number of replicas of an object.
pub(super) enum Scaler {
    /// This does.
    Is(Key),
    /// Nothing does.
    None,
    /// We may not look.
    Unknown,
}

/// Kinds whose objects scale another that they name under `spec.scaleTargetRef`, and whether each cluster serves them.
const KINDS: [(&str, &str, bool); 2] =
    [("autoscaling", "HorizontalPodAutoscaler", true), ("keda.sh", "ScaledObject", false)];

/// The field managers by which autoscalers of [`KINDS`] scale, and nobody else does.
const MANAGERS: [&str; 2] = ["kube-controller-manager", "keda-operator"];

/// Whether a record is of what an autoscaler set.
pub(super) fn is_scaler(entry: &Managed) -> bool {
    entry.subresource == "scale" && MANAGERS.contains(&&*entry.manager)
}

/// What scales an object. Asked only where its replicas would change.
pub(super) async fn of(inner: &Inner, cx: &Cx, key: &Key) -> Result<Scaler> {
    let mut found = Scaler::None;
    for (group, name, is_built_in) in KINDS {
        let kind = GroupKind::new(group, name);
        let served = match is_built_in {
            true => Some(inner.cluster.kinds().served(cx, inner.wire(), &kind).await?),
            false => inner.cluster.kinds().remembered(&kind),
        };
        let Some(served) = served else { continue };
        let any = Key::new(key.target(), kind, key.namespace(), "any");
        let answer = match inner.tenancy.check(&any) {
            Ok(()) => look(inner, cx, any.kind(), &served, key).await,
            Err(_) => Ok(Scaler::Unknown),
        };
        match answer {
            Ok(Scaler::None) => {}
            Ok(Scaler::Unknown) => found = Scaler::Unknown,
            Ok(scaler) => return Ok(scaler),
            Err(failure) if failure.kind() == ErrorKind::Forbidden => found = Scaler::Unknown,
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(found)
}

async fn look(
    inner: &Inner,
    cx: &Cx,
    kind: &GroupKind,
    served: &Served,
    key: &Key,
) -> Result<Scaler, Failure> {
    let version = &served.versions[0];
    let mut list =
        List::new(collection(served, version, key.namespace()), served.api_version(version), kind.kind());
    while let Some(page) = list.next_page(inner.wire(), cx, |_| true).await? {
        let names = |seen: &Seen| names(&seen.json["spec"]["scaleTargetRef"], key);
        if let Some((name, _)) = page.iter().find(|(_, seen)| names(seen) && !seen.is_deleting()) {
            return Ok(Scaler::Is(Key::new(key.target(), kind.clone(), key.namespace(), &**name)));
        }
    }
    Ok(Scaler::None)
}

/// Whether a reference is to an object; what it leaves out is a Deployment's.
fn names(reference: &Json, key: &Key) -> bool {
    let group = reference["apiVersion"]
        .as_str()
        .map_or("apps", |version| version.split_once('/').map_or("", |(group, _)| group));
    let kind = reference["kind"].as_str().unwrap_or("Deployment");
    (group, kind) == (key.kind().group(), key.kind().kind()) && reference["name"] == *key.name()
}

/// Tells that a declaration and an autoscaler want the same field, once for each object.
pub(super) fn warn(inner: &Inner, object: &Object, scaler: &str) {
    let key = &object.key;
    if object.body.get("spec").and_then(|spec| spec.get("replicas")).is_none() {
        return;
    }
    let message =
        format!("{key} declares `spec.replicas`, which {scaler} sets: the declared number is not written");
    let warning = Diagnostic::warning("GO0422", object.provenance.to_string(), message)
        .help("leave `spec.replicas` out of Git, or name it in a rule of `ignore`");
    inner.warnings.say(key, warning);
}
