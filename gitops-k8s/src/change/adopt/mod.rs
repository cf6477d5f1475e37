//! Taking over an object that was made by other means.

mod exchanged;
mod going;
mod history;

pub(crate) use exchanged::Exchanged;
pub(crate) use going::going;
use going::patched;

use std::collections::BTreeSet;

use async_trait::async_trait;
use gitops_core::capability::Import;
use gitops_core::{
    Applied, Change, Cx, Error, ErrorKind, Expect, FieldChange, Object, OwnerLabel, Precondition, Result,
};
use serde_json::{Value as Json, json};

use crate::change::apply::Dry;
use crate::change::document::{Document, Pin};
use crate::change::treatment::Treatment;
use crate::client::cluster::{Call, Failure};
use crate::client::kinds::Place;
use crate::live::application::{Inner, Kubernetes};
use crate::live::clients::is_predecessor;
use crate::live::fields::{Element, FieldSet, extract};
use crate::live::object::Seen;
use crate::live::owner_label;

/// What `kubectl apply` remembers of itself, of no use to who applies on the server's side.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How often others may write beside an adoption before it is given up.
const TRIES: usize = 10;

#[async_trait]
impl Import for Kubernetes {
    /// Puts our owner label on an object, and makes ours what `kubectl` and other tools of delivery owned of it: a field that is no
    /// longer declared could not be removed otherwise. No value changes.
    async fn adopt(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let Precondition::Exactly(expect) = change.expects() else {
            return Err(Error::new(ErrorKind::Internal, "an adoption expects an object").at(change.key()));
        };
        adopt(self.inner(), cx, change, expect).await.map_err(|error| error.at(change.key()))
    }
}

async fn adopt(inner: &Inner, cx: &Cx, change: &Change, expect: &Expect) -> Result<Applied> {
    let (key, owner_label) = (change.key(), change.owner_label());
    let place = inner.place(cx, key).await?;
    let seen = read(inner, cx, &place, change).await?.ok_or_else(|| Error::conflict(key))?;
    if Inner::is_done(&seen, owner_label) && seen.uid() == expect.uid {
        return Ok(inner.applied(key, &seen));
    }
    let is_expected = seen.uid() == expect.uid && seen.version(&inner.eye) == expect.version;
    if seen.owner_label.is_some() || seen.is_deleting() || !is_expected {
        return Err(Error::conflict(key));
    }
    let merges = change.object().is_some_and(|object| Treatment::of(object).merges);
    // One that was ours and lost its owner label has nothing to be taken over: what others set since stays theirs.
    let keeps = merges || !is_new_to_us(inner, &seen);
    let concerned = concerned(inner, change, &seen)?;
    let mut now = seen.clone();
    for _ in 0..TRIES {
        let failure = match Box::pin(step_by_step(inner, cx, change, &place, now, keeps)).await {
            Err(failure) if failure.is_of_versions() => failure,
            answer => return answer.map_err(Error::from),
        };
        // Controllers write beside us, of a deployment at once after each write of ours.
        now = read(inner, cx, &place, change).await?.ok_or_else(|| Error::conflict(key))?;
        let is_same = extract(&now.json, &concerned) == extract(&seen.json, &concerned);
        if now.uid() != expect.uid || now.owner_label.is_some() || now.is_deleting() || !is_same {
            return Err(failure.into());
        }
    }
    Err(Error::conflict(key).with("tries", TRIES))
}

/// Takes over what predecessors left, and then puts our owner label on the object.
async fn step_by_step(
    inner: &Inner,
    cx: &Cx,
    change: &Change,
    place: &Place,
    seen: Seen,
    keeps: bool,
) -> Result<Applied, Failure> {
    let seen = if keeps { seen } else { history::take_over(inner, cx, change, place, seen).await? };
    let left = predecessors(&inner.eye.manager, change.object().map(AsRef::as_ref), &seen);
    let seen = match keeps || left.is_empty() {
        true => seen,
        false => take_over(inner, cx, place, seen).await?,
    };
    set_owner_label(inner, cx, change, place, &seen, change.owner_label()).await
}

/// The fields by which it is told whether somebody changed what an adoption takes over, or would make declared.
fn concerned(inner: &Inner, change: &Change, seen: &Seen) -> Result<FieldSet> {
    let mut fields = declared(inner, change, seen)?;
    let ours = seen.ours(&inner.eye).into_iter();
    let theirs = seen.managed.iter().filter(|entry| is_predecessor(seen, &entry.manager));
    ours.chain(theirs).for_each(|entry| fields.merge(&entry.fields));
    forget_memory(&mut fields);
    Ok(fields)
}

/// Takes out of a set what no adoption keeps: what `kubectl apply` remembers of itself, and the status.
fn forget_memory(fields: &mut FieldSet) {
    fields.remove(&["metadata", "annotations", LAST_APPLIED]);
    fields.remove(&["status"]);
}

/// What a Secret was given as text is kept as data, and so is whose it is: the record names the text still.
fn fold_text(seen: &Seen, fields: &mut FieldSet) {
    let [text, data] = ["stringData", "data"].map(|name| Element::Field(name.into()));
    if !seen.is_secret() {
        return;
    }
    if let Some(keys) = fields.below.remove(&text).filter(|keys| !keys.below.is_empty()) {
        fields.put(&[data], keys);
    }
}

/// Whether an object is none of ours yet: it carries no owner label, and we set nothing of it in the version that it is seen in.
fn is_new_to_us(inner: &Inner, seen: &Seen) -> bool {
    let ours = seen.ours(&inner.eye).filter(|ours| ours.api_version == seen.api_version());
    let mut fields = ours.map(|ours| ours.fields.clone()).unwrap_or_default();
    owner_label::strip(&mut fields);
    seen.owner_label.is_none() && fields.below.is_empty()
}

/// The object in the version that is declared, in which it will be applied.
async fn read(inner: &Inner, cx: &Cx, place: &Place, change: &Change) -> Result<Option<Seen>> {
    let declared = change.body().and_then(|body| body.get("apiVersion")?.as_text()).unwrap_or_default();
    Ok(inner.read(cx, place.object_as(declared)?).await?)
}

/// The managers whose fields an adoption takes over; none where the object's policy is to leave what others added.
fn predecessors(own: &str, object: Option<&Object>, seen: &Seen) -> BTreeSet<String> {
    if object.is_some_and(|object| Treatment::of(object).merges) {
        return BTreeSet::new();
    }
    let managers = seen.managed.iter().map(|entry| entry.manager.to_string());
    managers.filter(|manager| is_predecessor(seen, manager) && manager != own).collect()
}

/// What an adoption changes in the record of owners, for the plan; nothing for an object that has an owner label.
pub(crate) fn transfer(inner: &Inner, object: &Object, before: &Seen) -> Option<FieldChange> {
    let mut from: Vec<String> = predecessors(&inner.eye.manager, Some(object), before).into_iter().collect();
    if from.is_empty() && !Treatment::of(object).merges && history::last_applied(before).is_some() {
        from.push(LAST_APPLIED.to_owned());
    }
    (is_new_to_us(inner, before) && !from.is_empty()).then(|| {
        FieldChange::new(
            "/metadata/managedFields",
            Some(from.join(", ").as_str().into()),
            Some(inner.eye.manager.as_str().into()),
        )
    })
}

/// Writes the record of owners anew, with the predecessors' fields as ours. Nothing else of the object changes.
async fn take_over(inner: &Inner, cx: &Cx, place: &Place, seen: Seen) -> Result<Seen, Failure> {
    let api_version = seen.json["apiVersion"].as_str().unwrap_or_default().to_owned();
    let mut fields = seen.owned(&inner.eye);
    let ours = |entry: &Json| {
        let manager = entry["manager"].as_str().unwrap_or_default();
        let is_whole = entry["subresource"].is_null() && entry["apiVersion"] == *api_version;
        (is_predecessor(&seen, manager) || manager == inner.eye.manager) && is_whole
    };
    let entries = seen.record();
    let (taken, mut kept): (Vec<Json>, Vec<Json>) = entries.into_iter().partition(ours);
    taken.iter().for_each(|entry| fields.merge(&FieldSet::parse(&entry["fieldsV1"])));
    forget_memory(&mut fields);
    fold_text(&seen, &mut fields);
    kept.push(json!({
        "manager": inner.eye.manager, "operation": "Apply", "apiVersion": api_version,
        "fieldsType": "FieldsV1", "fieldsV1": fields.to_json(),
    }));
    write_record(inner, cx, place, &seen, kept).await
}

/// Writes the record of owners, if the object is still in this state.
async fn write_record(
    inner: &Inner,
    cx: &Cx,
    place: &Place,
    seen: &Seen,
    managed: Vec<Json>,
) -> Result<Seen, Failure> {
    let steps = patch(seen, managed).to_string();
    let call = Call::patch(place.object_as(seen.api_version())?, steps.into_bytes());
    let call = call.with_secret(seen.is_secret());
    Ok(Seen::new(inner.wire().json(cx, call).await?))
}

/// Makes ours under our name of now what is ours under a former one. Nothing else of the object changes.
pub(crate) async fn hand_over(inner: &Inner, cx: &Cx, place: &Place, seen: Seen) -> Result<Seen> {
    let former = seen.ours(&inner.eye).filter(|entry| entry.manager != inner.eye.manager);
    let Some(former) = former else { return Ok(seen) };
    let (manager, api_version) = (former.manager.to_string(), former.api_version.to_string());
    let mut entries = seen.record();
    for entry in &mut entries {
        if entry["manager"] == *manager && entry["operation"] == "Apply" && entry["subresource"].is_null() {
            entry["manager"] = json!(inner.eye.manager);
        }
    }
    let steps = json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": seen.resource_version()},
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
    ]);
    let call = Call::patch(place.object_as(&api_version)?, steps.to_string().into_bytes());
    let call = call.with_secret(seen.is_secret());
    Ok(Seen::new(inner.wire().json(cx, call).await?))
}

/// The server refuses another version than its own as a conflict of versions.
fn patch(seen: &Seen, managed: Vec<Json>) -> Json {
    let mut steps = vec![
        json!({"op": "replace", "path": "/metadata/resourceVersion", "value": seen.resource_version()}),
        json!({"op": "add", "path": "/metadata/managedFields", "value": managed}),
    ];
    if !seen.json["metadata"]["annotations"][LAST_APPLIED].is_null() {
        let path = format!("/metadata/annotations/{}", LAST_APPLIED.replace('/', "~1"));
        steps.push(json!({"op": "remove", "path": path}));
    }
    json!(steps)
}

/// Applies what we own and what is declared, both as they are, and the owner label.
async fn set_owner_label(
    inner: &Inner,
    cx: &Cx,
    change: &Change,
    place: &Place,
    seen: &Seen,
    owner_label: &OwnerLabel,
) -> Result<Applied, Failure> {
    let owned = as_it_is(inner, change, seen)?;
    let document = Document::of(change.key(), owned, Some(owner_label))?.with_secret(seen.is_secret());
    let uri = place.object_as(document.api_version())?;
    let uid = seen.uid();
    let pin = Pin::At(uid.as_str(), seen.resource_version());
    let answer = inner.submit(cx, &document, &uri, pin, Dry::No).await?;
    Ok(inner.applied(change.key(), &Seen::new(answer)))
}

/// What we own and what is declared, with the values that it has.
fn as_it_is(inner: &Inner, change: &Change, seen: &Seen) -> Result<Json> {
    let ours = seen.ours(&inner.eye).filter(|ours| ours.api_version == seen.api_version());
    let mut fields = ours.map(|ours| ours.fields.clone()).unwrap_or_default();
    fields.merge(&declared(inner, change, seen)?);
    // What is left of an owner label that somebody took off is set with it.
    owner_label::strip(&mut fields);
    let owned = extract(&seen.json, &fields).unwrap_or_else(|| json!({}));
    Ok(seen.named(owned))
}

/// The fields that are declared and not left to others, but for what says which object it is.
fn declared(inner: &Inner, change: &Change, seen: &Seen) -> Result<FieldSet> {
    let body = change.body().map(gitops_core::Value::decode::<Json>).transpose();
    let mut body = body.map_err(|what| Error::new(ErrorKind::Invalid, what))?.unwrap_or(Json::Null);
    inner.eye.ignore.leave(change.key(), &mut body, seen, seen.owned(&inner.eye));
    let mut fields = FieldSet::of(&body);
    for path in
        [&["apiVersion"][..], &["kind"], &["status"], &["metadata", "name"], &["metadata", "namespace"]]
    {
        fields.remove(path);
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use gitops_core::{GroupKind, Key, Provenance, Value};

    use super::*;

    fn object(annotations: &Json) -> Object {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": annotations}});
        let key = Key::new("k", GroupKind::new("", "ConfigMap"), "shop", "a");
        Object::new(key, Value::from_json(body), Provenance::new("s", "r", "a.yaml", 1))
    }

    fn seen(managers: &[&str], annotations: &Json) -> Seen {
        let entry =
            |manager: &&str| json!({"manager": manager, "operation": "Update", "fieldsV1": {"f:data": {}}});
        Seen::new(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "a", "resourceVersion": "7", "annotations": annotations,
                "managedFields": managers.iter().map(entry).collect::<Vec<Json>>(),
            },
        }))
    }

    #[test]
    fn the_fields_of_tools_of_delivery_are_taken_over_unless_the_object_merges() {
        let from = |annotations: Json, managers: &[&str]| {
            predecessors("gitops:shop", Some(&object(&annotations)), &seen(managers, &json!({})))
                .into_iter()
                .collect::<Vec<_>>()
        };
        let all = ["kubectl-edit", "operator", "helm", "before-first-apply", "kubectl", "gitops:shop"];
        assert_eq!(from(json!({}), &all), ["before-first-apply", "helm", "kubectl", "kubectl-edit"]);
        assert!(from(json!({}), &["operator", "kubectlish"]).is_empty());
        assert_eq!(from(json!({}), &["gitops:other"]), ["gitops:other"], "whose owner label was taken off");
        assert!(from(json!({"kustomize.toolkit.fluxcd.io/ssa": "Merge"}), &all).is_empty());
        assert_eq!(predecessors("gitops:shop", None, &seen(&["helm"], &json!({}))).len(), 1);
    }

    #[test]
    fn what_kubectl_wrote_last_counts_only_where_nobody_keeps_a_record() {
        let written = |text: &str, managers: &[&str]| {
            history::last_applied(&seen(managers, &json!({LAST_APPLIED: text})))
        };
        let body = r#"{"apiVersion":"v1","data":{"x":"1"}}"#;
        assert_eq!(written(body, &[]).unwrap()["data"], json!({"x": "1"}));
        assert_eq!(written(body, &["helm"]), None, "the record says more");
        for nonsense in ["", "{", "{}", "[1]", r#"{"apiVersion":1}"#] {
            assert_eq!(written(nonsense, &[]), None, "{nonsense}");
        }
        assert_eq!(history::last_applied(&seen(&[], &json!({}))), None);
    }

    #[test]
    fn a_record_is_written_only_over_the_state_that_was_seen_and_without_the_memory_of_kubectl() {
        let managed = || vec![json!({"manager": "gitops:shop"})];
        let plain = json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "add", "path": "/metadata/managedFields", "value": managed()},
        ]);
        assert_eq!(patch(&seen(&[], &json!({"other": "1"})), managed()), plain);
        let mut with_memory = plain;
        let path = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
        with_memory.as_array_mut().unwrap().push(json!({"op": "remove", "path": path}));
        assert_eq!(patch(&seen(&[], &json!({LAST_APPLIED: "{}"})), managed()), with_memory);
    }
}
