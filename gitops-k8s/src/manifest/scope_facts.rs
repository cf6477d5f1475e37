//! Where the objects of kinds live that others defined: told by definitions in the tree, or by the cluster.

use std::collections::BTreeMap;

use gitops_core::{Cx, Error, ErrorKind, GroupKind, Part, Result};
use smol_str::{SmolStr, format_smolstr};

use super::Scope;
use super::identity::Identity;
use crate::Cluster;
use crate::kinds::Known;
use crate::yaml::Node;

/// The name of the fact of a kind, of the target that the kind is of.
fn name(target: &str, kind: &GroupKind) -> SmolStr {
    format_smolstr!("{}{kind}", beginning(target))
}

fn beginning(target: &str) -> String {
    format!("scope in {target} of ")
}

/// Tells where the objects live of the kind that a definition defines.
pub(super) fn tell(node: &Node, identity: &Identity, part: &Part<'_>, target: &str) {
    if identity.kind != GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition") {
        return;
    }
    let text = |names: &[&str]| node.at(names).and_then(Node::as_text);
    let defined = (text(&["spec", "group"]), text(&["spec", "names", "kind"]), text(&["spec", "scope"]));
    if let (Some(group), Some(kind), Some(scope)) = defined {
        part.tell(name(target, &GroupKind::new(group, kind)), scope);
    }
}

/// Where the objects of a kind live, if some part or the cluster told.
pub(super) fn known(part: &Part<'_>, target: &str, kind: &GroupKind) -> Option<Scope> {
    match part.fact(&name(target, kind))?.as_str() {
        "Namespaced" => Some(Scope::Namespaced),
        "Cluster" => Some(Scope::Cluster),
        _ => None,
    }
}

/// Asks the cluster about the kinds of a target; a kind that it does not serve and that nothing defines is left out.
///
/// # Errors
/// The cluster does not answer, or can't say at the moment whether it has the kind: an object of it may be there, in a
/// namespace that would not be declared any more.
pub(super) async fn ask(
    cx: &Cx,
    cluster: &Cluster,
    target: &str,
    asked: &[SmolStr],
) -> Result<BTreeMap<SmolStr, SmolStr>> {
    let mut answers = BTreeMap::new();
    for fact in asked {
        let Some(kind) = fact.strip_prefix(&beginning(target)).map(parse) else { continue };
        match cluster.kinds().known(cx, cluster.wire(), &kind).await? {
            Known::Served(served) => {
                let scope = if served.namespaced { "Namespaced" } else { "Cluster" };
                answers.insert(fact.clone(), scope.into());
            }
            Known::Nowhere => {}
            Known::Unsure(reason) => return Err(unsure(&kind, &reason)),
        }
    }
    Ok(answers)
}

fn unsure(kind: &GroupKind, reason: &str) -> Error {
    let message = format!("it is not known whether objects of the kind {kind} live in a namespace: {reason}");
    Error::new(ErrorKind::Unavailable, message)
        .help("write `metadata.namespace` into its objects, or try again when the cluster answers")
}

fn parse(text: &str) -> GroupKind {
    match text.split_once('.') {
        Some((kind, group)) => GroupKind::new(group, kind),
        None => GroupKind::new("", text),
    }
}
