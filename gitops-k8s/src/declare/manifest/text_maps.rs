//! Mappings that must hold only text.

use crate::policy;
use crate::yaml::{Data, Fault, Member, Node};

/// # Errors
/// A label or an annotation that is no text: the server would refuse the object.
pub(super) fn check(node: &Node) -> Vec<Fault> {
    ["labels", "annotations"].iter().flat_map(|name| check_map(node, name)).collect()
}

fn check_map(node: &Node, name: &str) -> Vec<Fault> {
    let Some(map) = node.at(&["metadata", name]) else { return Vec::new() };
    let Data::Map(members) = &map.data else {
        let message = format!("`metadata.{name}` is {}, and must be a mapping", map.kind());
        return vec![Fault::new("GO0405", map.place, message)];
    };
    let is_text = |member: &&Member| match &member.value.data {
        Data::Text(_) => true,
        Data::Placeholder(_) => !policy::is_policy(&member.name),
        _ => false,
    };
    let wrong = members.iter().filter(|member| !is_text(member));
    wrong
        .map(|member| {
            let message = format!(
                "`{}` in `metadata.{name}` is {}, and must be text",
                member.name,
                member.value.kind()
            );
            Fault::new("GO0405", member.value.place, message).help("put it in quotes")
        })
        .collect()
}
