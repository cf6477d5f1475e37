//! What is no part of a declaration: the server sets it, or it is nothing.

use crate::yaml::{Data, Node};

/// Members of `metadata` that only the server sets.
const SERVER_METADATA: [&str; 6] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// Takes away `status`, what only the server sets, what `kubectl apply` leaves behind, and members that are null, unless the kind
/// may keep them.
pub(super) fn clean(node: &mut Node, may_keep_null: bool) {
    node.take("status");
    if let Some(metadata) = node.get_mut("metadata") {
        SERVER_METADATA.iter().for_each(|name| drop(metadata.take(name)));
        drop_nulls(metadata);
        if let Some(annotations) = metadata.get_mut("annotations") {
            annotations.take("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    if !may_keep_null {
        drop_nulls(node);
    }
    leave_aggregated_rules(node);
}

/// Rules of a role that is put together of others are the control plane's: no rules are declared where `rules` is empty, as the
/// documentation of Kubernetes writes it.
fn leave_aggregated_rules(node: &mut Node) {
    let is = |name: &str, fits: fn(&str) -> bool| node.get(name).and_then(Node::as_text).is_some_and(fits);
    let is_role = is("kind", |kind| kind == "ClusterRole")
        && is("apiVersion", |version| version.starts_with("rbac.authorization.k8s.io/"));
    let is_empty = |rules: &Node| matches!(&rules.data, Data::List(items) if items.is_empty());
    if is_role && node.get("aggregationRule").is_some() && node.get("rules").is_some_and(is_empty) {
        node.take("rules");
    }
}

fn drop_nulls(node: &mut Node) {
    match &mut node.data {
        Data::List(items) => items.iter_mut().for_each(drop_nulls),
        Data::Map(members) => {
            members.retain(|member| member.value.data != Data::Null);
            members.iter_mut().for_each(|member| drop_nulls(&mut member.value));
        }
        _ => {}
    }
}
