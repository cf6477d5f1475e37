//! What tools of delivery owned in other versions of the kind, or of which only an annotation tells.

use std::collections::BTreeSet;

use gitops_core::{Change, Cx};
use serde_json::{Value as Json, json};

use super::{LAST_APPLIED, as_it_is, forget_memory, write_record};
use crate::change::apply::Dry;
use crate::change::document::{Document, Pin};
use crate::client::cluster::Failure;
use crate::client::kinds::Place;
use crate::live::application::Inner;
use crate::live::clients::is_predecessor;
use crate::live::fields::FieldSet;
use crate::live::object::Seen;

/// What `kubectl apply` wrote last, if nobody keeps a record of who owns the object.
pub(super) fn last_applied(seen: &Seen) -> Option<Json> {
    let text = seen.json["metadata"]["annotations"][LAST_APPLIED].as_str()?;
    let body: Json = serde_json::from_str(text).ok()?;
    (seen.managed.is_empty() && body["apiVersion"].is_string()).then_some(body)
}

/// Brings the fields that predecessors owned in other versions to the declared one: the record says that they are ours in
/// theirs, and an apply in the declared version lets the server translate. What is not declared goes with it.
pub(super) async fn take_over(
    inner: &Inner,
    cx: &Cx,
    change: &Change,
    place: &Place,
    mut seen: Seen,
) -> Result<Seen, Failure> {
    if let Some(body) = last_applied(&seen) {
        let managed = remembered(inner, cx, change, place, &seen, body).await?;
        seen = write_record(inner, cx, place, &seen, managed).await?;
    }
    while let Some(managed) = of_another_version(inner, &seen) {
        seen = write_record(inner, cx, place, &seen, managed).await?;
        seen = apply_as_it_is(inner, cx, change, place, &seen).await?;
    }
    Ok(seen)
}

/// The record that an apply of a remembered body would leave, as the server says by a dry run.
async fn remembered(
    inner: &Inner,
    cx: &Cx,
    change: &Change,
    place: &Place,
    seen: &Seen,
    body: Json,
) -> Result<Vec<Json>, Failure> {
    let document = Document::of(change.key(), body, None)?.with_secret(seen.is_secret());
    let uri = place.object_as(document.api_version())?;
    let answer = Seen::new(inner.ask(cx, &document, &uri, true).await?);
    let entries = answer.json["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let manager = inner.eye.manager.as_str();
    Ok(entries.into_iter().filter(|entry| entry["manager"] == *manager).collect())
}

/// The record with what predecessors own in one other version as ours; nothing if there is no such version.
fn of_another_version(inner: &Inner, seen: &Seen) -> Option<Vec<Json>> {
    let declared = seen.api_version();
    let is_ours = |entry: &Json| entry["manager"] == *inner.eye.manager && entry["operation"] == "Apply";
    let is_old = |entry: &Json| {
        let manager = entry["manager"].as_str().unwrap_or_default();
        entry["subresource"].is_null()
            && entry["apiVersion"] != *declared
            && (is_predecessor(seen, manager) || is_ours(entry))
    };
    let entries = seen.json["metadata"]["managedFields"].as_array()?;
    let versions: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| is_old(entry))
        .filter_map(|entry| entry["apiVersion"].as_str())
        .collect();
    let version = *versions.first()?;
    let is_meant = |entry: &Json| is_old(entry) && entry["apiVersion"] == *version;
    let mut fields = FieldSet::default();
    let taken = entries.iter().filter(|entry| is_meant(entry));
    taken.for_each(|entry| fields.merge(&FieldSet::parse(&entry["fieldsV1"])));
    forget_memory(&mut fields);
    let kept = entries.iter().filter(|entry| !is_meant(entry) && !is_ours(entry)).cloned();
    let ours = json!({
        "manager": inner.eye.manager, "operation": "Apply", "apiVersion": version,
        "fieldsType": "FieldsV1", "fieldsV1": fields.to_json(),
    });
    Some(kept.chain([ours]).collect())
}

/// Applies what is declared with the values that it has, without an owner label: the next plan goes on from there if this is as
/// far as it comes.
async fn apply_as_it_is(
    inner: &Inner,
    cx: &Cx,
    change: &Change,
    place: &Place,
    seen: &Seen,
) -> Result<Seen, Failure> {
    let document = Document::of(change.key(), as_it_is(inner, change, seen)?, None)?;
    let document = document.with_secret(seen.is_secret());
    let uri = place.object_as(document.api_version())?;
    let uid = seen.uid();
    let pin = Pin::At(uid.as_str(), seen.resource_version());
    Ok(Seen::new(inner.submit(cx, &document, &uri, pin, Dry::No).await?))
}
