//! What goes with an adoption, for the plan.

use gitops_core::{Cx, FieldChange, Object, Result, Value};
use serde_json::{Value as Json, json};

use super::{LAST_APPLIED, fold_text, forget_memory, is_new_to_us};
use crate::change::treatment::Treatment;
use crate::client::cluster::{Call, Failure};
use crate::client::kinds::Place;
use crate::live::application::Inner;
use crate::live::clients::is_predecessor;
use crate::live::fields::{Element, FieldSet, Managed, at, remove, shown};
use crate::live::object::Seen;
use crate::live::owner_label;

/// The fields that go because they become ours and are not declared: of predecessors, and of nobody else.
///
/// Who updates an object has the defaults of all that was set with it: what the server sets again is nothing that goes.
pub(crate) async fn going(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    place: &Place,
    [before, after]: [&Seen; 2],
) -> Result<Vec<FieldChange>> {
    if !is_new_to_us(inner, before) || Treatment::of(object).merges {
        return Ok(Vec::new());
    }
    let is_theirs = |entry: &&Managed| {
        is_predecessor(before, &entry.manager)
            && entry.subresource.is_empty()
            && entry.api_version == before.api_version()
    };
    let mut theirs = FieldSet::default();
    before.managed.iter().filter(is_theirs).for_each(|entry| theirs.merge(&entry.fields));
    forget_memory(&mut theirs);
    fold_text(before, &mut theirs);
    owner_label::strip(&mut theirs);
    let others = before.managed.iter().filter(|entry| !is_theirs(entry)).map(|entry| &entry.fields);
    let declared = after.owned(&inner.eye);
    let stay: Vec<&FieldSet> = others.chain([&declared]).collect();
    let mut found = Vec::new();
    go(&theirs, &stay, &before.json, &mut Vec::new(), &mut found);
    let left = match found.is_empty() {
        true => None,
        false => without(inner, cx, place, after, &found).await?,
    };
    let change = |path: &Vec<Element>| {
        let was = at(&before.json, path)?;
        let is = left.as_ref().and_then(|left| at(left, path));
        let value = |value: &Json| Value::from_json(value.clone());
        (is != Some(was)).then(|| FieldChange::new(shown(path), Some(value(was)), is.map(value)))
    };
    Ok(found.iter().filter_map(change).collect())
}

/// What the server would make of the object without these fields; nothing if it would not take it.
async fn without(
    inner: &Inner,
    cx: &Cx,
    place: &Place,
    after: &Seen,
    paths: &[Vec<Element>],
) -> Result<Option<Json>> {
    let mut json = after.declarable();
    paths.iter().for_each(|path| remove(&mut json, path));
    match patched(inner, cx, place, after, &json).await {
        Ok(json) => Ok(Some(json)),
        Err(failure) if failure.answered => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// What the server would make of an object with this content, by a dry run.
pub(super) async fn patched(
    inner: &Inner,
    cx: &Cx,
    place: &Place,
    seen: &Seen,
    json: &Json,
) -> Result<Json, Failure> {
    let is_content = |name: &str| !["apiVersion", "kind", "metadata"].contains(&name);
    let members = json.as_object().into_iter().flatten().filter(|(name, _)| is_content(name));
    let mut steps: Vec<Json> = members
        .map(|(name, value)| json!({"op": "add", "path": format!("/{}", Element::Field(name.as_str().into())), "value": value}))
        .collect();
    for name in ["annotations", "labels"] {
        if let Some(value) = json["metadata"].get(name) {
            steps.push(json!({"op": "add", "path": format!("/metadata/{name}"), "value": value}));
        }
    }
    let uri = format!("{}?dryRun=All&fieldValidation=Ignore", place.object_as(seen.api_version())?);
    let call = Call::patch(uri, json!(steps).to_string().into_bytes()).without_effect();
    inner.wire().json(cx, call.with_secret(seen.is_secret())).await
}

fn go(
    theirs: &FieldSet,
    stay: &[&FieldSet],
    live: &Json,
    path: &mut Vec<Element>,
    found: &mut Vec<Vec<Element>>,
) {
    for (element, below) in &theirs.below {
        let Some(live) = element.of(live) else { continue };
        let stay: Vec<&FieldSet> = stay.iter().filter_map(|set| set.below.get(element)).collect();
        path.push(element.clone());
        // Of an object's own labels and annotations some stay always: those of the owner label.
        let is_whole = below.below.is_empty() || (stay.is_empty() && path.len() > 2);
        if !is_whole {
            go(below, &stay, live, path, found);
        } else if stay.is_empty() && !is_only_memory(&*path, live) {
            found.push(path.clone());
        }
        path.pop();
    }
}

/// Whether these are annotations of which nothing is left beside what `kubectl apply` remembers of itself.
fn is_only_memory(path: &[Element], live: &Json) -> bool {
    let is_memory = |members: &serde_json::Map<String, Json>| members.keys().all(|name| name == LAST_APPLIED);
    shown(path) == "/metadata/annotations" && live.as_object().is_some_and(is_memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_predecessors_own_goes_unless_somebody_else_owns_it_too_or_it_is_declared() {
        let live = json!({
            "metadata": {"labels": {"a": "1", "b": "1"}, "annotations": {"c": "1"}},
            "spec": {"list": [{"name": "x", "v": 1}, {"name": "y", "v": 2}], "whole": {"k": 1, "l": 2}, "kept": 1},
        });
        let going = |theirs: Json, stay: &[Json]| {
            let stay: Vec<FieldSet> = stay.iter().map(FieldSet::parse).collect();
            let mut found = Vec::new();
            go(
                &FieldSet::parse(&theirs),
                &stay.iter().collect::<Vec<_>>(),
                &live,
                &mut Vec::new(),
                &mut found,
            );
            found.iter().map(shown).collect::<Vec<_>>()
        };
        let kept = || json!({"f:spec": {"f:kept": {}}});
        assert_eq!(going(kept(), &[]), ["/spec/kept"]);
        assert!(going(kept(), &[kept()]).is_empty());
        assert_eq!(going(kept(), &[json!({"f:spec": {"f:whole": {}}})]), ["/spec/kept"]);
        assert!(going(json!({"f:spec": {"f:absent": {}}}), &[]).is_empty(), "it is not there");
        let labels = || json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}, "f:b": {}}}});
        assert_eq!(
            going(labels(), &[]),
            ["/metadata/labels/a", "/metadata/labels/b"],
            "ours are set beside them"
        );
        let one = json!({"f:metadata": {"f:labels": {"f:a": {}}}});
        assert_eq!(going(labels(), &[one]), ["/metadata/labels/b"]);
        let whole = || json!({"f:spec": {"f:whole": {".": {}, "f:k": {}, "f:l": {}}}});
        let list = |fields: Json| json!({"f:spec": {"f:list": {r#"k:{"name":"x"}"#: fields}}});
        assert_eq!(going(whole(), &[]), ["/spec/whole/k", "/spec/whole/l"]);
        let item = json!({".": {}, "f:name": {}, "f:v": {}});
        assert_eq!(going(list(item.clone()), &[]), ["/spec/list/name=x"], "nobody else owns any of it");
        assert_eq!(going(list(item), &[list(json!({"f:name": {}}))]), ["/spec/list/name=x/v"]);
    }
}
