//! `List` kinds: one document that holds several objects.

use crate::yaml::{Data, Node};

/// The objects, with those of every list in the place of the list.
pub(crate) fn flatten(nodes: Vec<Node>) -> Vec<Node> {
    let mut found = Vec::with_capacity(nodes.len());
    nodes.into_iter().for_each(|node| take(node, &mut found));
    found
}

fn take(mut node: Node, found: &mut Vec<Node>) {
    match is_list(&node).then(|| node.take("items")).flatten() {
        Some(Node { data: Data::List(items), .. }) => items.into_iter().for_each(|item| take(item, found)),
        Some(Node { data: Data::Null, .. }) => {}
        Some(_) | None => found.push(node),
    }
}

/// Any kind that ends in `List` and has items: of `v1`, or a typed list such as `ConfigMapList`.
fn is_list(node: &Node) -> bool {
    let kind = node.get("kind").and_then(Node::as_text).unwrap_or_default();
    let has_items = node.get("items").is_some_and(|items| matches!(items.data, Data::List(_) | Data::Null));
    kind.ends_with("List") && has_items && node.get("spec").is_none()
}
