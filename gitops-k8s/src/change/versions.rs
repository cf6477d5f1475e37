//! Versions of a kind: our record of ownership moves with the one that is declared, and none goes that is in use.

use gitops_core::{Cx, Error, ErrorKind, GroupKind, Object, Result, Value};
use serde_json::Value as Json;

use crate::client::cluster::Failure;
use crate::client::kinds::{Known, Place, Served, collection, versions_served};
use crate::declare::edges;
use crate::live::application::Inner;
use crate::live::fields::{FieldSet, extract};
use crate::live::list::List;
use crate::live::object::{Eye, Seen};

/// How many objects are named.
const NAMED: usize = 5;

/// The record of owners with our entry in the version of `seen`.
pub(crate) fn moved(seen: &Seen, eye: &Eye) -> Vec<Json> {
    let entries = seen.record();
    let is_ours = |entry: &Json| {
        entry["manager"] == *eye.manager && entry["operation"] == "Apply" && entry["subresource"].is_null()
    };
    let move_entry = |mut entry: Json| {
        if is_ours(&entry) {
            let fields = FieldSet::parse(&entry["fieldsV1"]).within(&seen.json);
            entry["apiVersion"] = seen.api_version().into();
            entry["fieldsV1"] = fields.to_json();
        }
        entry
    };
    entries.into_iter().map(move_entry).collect()
}

/// Refuses a definition that no longer serves a version in which somebody applies an object of the kind.
///
/// # Errors
/// `Denied`, naming version and objects; the failure where that can't be found out.
pub(crate) async fn check(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    before: &Json,
    after: &Json,
) -> Result<()> {
    let kind = object.key.kind();
    if (kind.group(), kind.kind()) != ("apiextensions.k8s.io", "CustomResourceDefinition") {
        return Ok(());
    }
    let now = versions_served(after);
    let gone: Vec<&str> =
        versions_served(before).into_iter().filter(|version| !now.contains(version)).collect();
    let spec = &before["spec"];
    let (Some(group), Some(name)) = (spec["group"].as_str(), spec["names"]["kind"].as_str()) else {
        return Ok(());
    };
    if gone.is_empty() {
        return Ok(());
    }
    let defined = GroupKind::new(group, name);
    let Known::Served(kind) = inner.cluster.kinds().known(cx, inner.wire(), &defined).await? else {
        return Ok(());
    };
    for version in gone {
        let users = users(inner, cx, name, &kind, &format!("{group}/{version}")).await?;
        if !users.is_empty() {
            return Err(in_use(version, &users));
        }
    }
    Ok(())
}

/// Whether the server does not serve the version of an object yet, and a definition that is declared beside it does.
pub(crate) fn comes(place: &Place, object: &Object) -> bool {
    let declared = object.body.get("apiVersion").and_then(Value::as_text).unwrap_or_default();
    place.object_as(declared).is_err()
        && edges::version_of(object).is_some_and(|need| object.needs.contains(&need))
}

/// The objects that somebody applies in a version, as far as they are named.
async fn users(
    inner: &Inner,
    cx: &Cx,
    kind: &str,
    served: &Served,
    api_version: &str,
) -> Result<Vec<String>, Failure> {
    let version = &served.versions[0];
    let mut list =
        List::new(collection(served, version, ""), served.api_version(version), kind).of_metadata();
    let applied = |seen: &Seen| {
        let mut entries = seen.managed.iter();
        entries.any(|entry| entry.applies && entry.api_version == api_version)
    };
    let mut found = Vec::new();
    while let Some(page) = list.next_page(inner.wire(), cx, |_| true).await? {
        for (name, seen) in page.into_iter().filter(|(_, seen)| applied(seen)) {
            let namespace = seen.json["metadata"]["namespace"].as_str();
            found.push(namespace.map(|namespace| format!("{namespace}/{name}")).unwrap_or(name));
        }
        if found.len() > NAMED {
            break;
        }
    }
    Ok(found)
}

fn in_use(version: &str, users: &[String]) -> Error {
    let named = users[..users.len().min(NAMED)].join(", ");
    let more = if users.len() > NAMED { " and more" } else { "" };
    let what = format!("it no longer serves {version}, in which these objects are applied: {named}{more}");
    Error::new(ErrorKind::Denied, what)
        .help("first declare them in another version, in a commit of its own; drop the version after that")
}

/// The part of a set that is there in a value.
impl FieldSet {
    fn within(&self, value: &Json) -> Self {
        let mut found = Self { itself: self.itself, ..Self::default() };
        for (element, below) in &self.below {
            if let Some(value) = element.of(value).filter(|value| extract(value, below).is_some()) {
                found.below.insert(element.clone(), below.within(value));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use gitops_core::SecretKey;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_record_of_our_applies_alone_moves_to_another_version() {
        let entry = |manager: &str, operation: &str, subresource: Json| {
            let mut entry = json!({
                "manager": manager, "operation": operation, "apiVersion": "a.example/v1beta1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:size": {}, "f:gone": {}}}
            });
            if !subresource.is_null() {
                entry["subresource"] = subresource;
            }
            entry
        };
        let others = [
            entry("gitops:shop", "Update", Json::Null),
            entry("gitops:shop", "Apply", json!("status")),
            entry("kubectl", "Apply", Json::Null),
        ];
        let mut managed = others.to_vec();
        managed.insert(0, entry("gitops:shop", "Apply", Json::Null));
        let seen = Seen::new(json!({
            "apiVersion": "a.example/v1", "kind": "Thing", "metadata": {"name": "t", "managedFields": managed},
            "spec": {"size": 1}
        }));
        let eye = Eye {
            manager: "gitops:shop".to_owned(),
            secrets: SecretKey::new([7; 32]),
            ignore: crate::live::ignore::Rules::default(),
        };
        let found = moved(&seen, &eye);
        let (ours, rest) = found.split_first().unwrap();
        assert_eq!(
            (&ours["apiVersion"], &ours["fieldsV1"]),
            (&json!("a.example/v1"), &json!({"f:spec": {"f:size": {}}}))
        );
        assert_eq!(rest, others);
    }
}
