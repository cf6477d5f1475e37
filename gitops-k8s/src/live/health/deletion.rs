//! Why an object that was deleted is still there.

use serde_json::Value as Json;

/// What holds an object whose deletion is not finished: its finalizers, and what a namespace says of what is left in it.
pub(super) fn held_by(object: &Json) -> String {
    let mut reason = "its deletion is not finished".to_owned();
    let finalizers = finalizers(object);
    if !finalizers.is_empty() {
        reason = format!("{reason}: held by {}", finalizers.join(", "));
    }
    for told in of_namespace(object) {
        reason = format!("{reason}; {told}");
    }
    reason
}

/// Those of the object, and those of a namespace's own list.
fn finalizers(object: &Json) -> Vec<&str> {
    let lists = [&object["metadata"]["finalizers"], &object["spec"]["finalizers"]];
    let all = lists.into_iter().flat_map(|list| list.as_array().into_iter().flatten());
    all.filter_map(Json::as_str).collect()
}

/// The messages of the conditions by which a namespace says what keeps it.
fn of_namespace(object: &Json) -> impl Iterator<Item = &str> {
    let is_namespace = object["kind"] == "Namespace" && object["apiVersion"] == "v1";
    let conditions = object["status"]["conditions"].as_array().filter(|_| is_namespace);
    let keeps = |condition: &&Json| condition["status"] == "True";
    conditions.into_iter().flatten().filter(keeps).filter_map(|condition| condition["message"].as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finalizers_and_what_is_left_in_a_namespace_are_named() {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"finalizers": ["example.org/hold"]},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"conditions": [
                {"type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 1 resource instances"},
                {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "all deleted"}
            ]}
        });
        let held = "its deletion is not finished: held by example.org/hold, kubernetes; pods. has 1 resource instances";
        assert_eq!(held_by(&namespace), held);
        assert_eq!(held_by(&json!({"kind": "Pod"})), "its deletion is not finished");
    }
}
