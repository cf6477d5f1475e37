//! Where the objects of kinds live that others defined, and in which versions: told by definitions in the tree, or (the place
//! alone) by the cluster.

use std::collections::BTreeMap;

use gitops_core::{Cx, Error, ErrorKind, GroupKind, Part, Result};
use smol_str::{SmolStr, format_smolstr};

use super::Scope;
use super::identity::group;
use crate::client::cluster::Cluster;
use crate::client::kinds::Known;
use crate::yaml::{Data, Node};

/// The name of the fact of a kind, of the target that the kind is of.
fn name(target: &str, kind: &GroupKind) -> SmolStr {
    format_smolstr!("{}{kind}", beginning(target))
}

fn beginning(target: &str) -> String {
    format!("scope in {target} of ")
}

/// The name of the same fact where an object names a namespace: nothing depends on it but whether that has a meaning, so it may
/// stay open.
fn perhaps(target: &str, kind: &GroupKind) -> SmolStr {
    format_smolstr!("perhaps {}", name(target, kind))
}

/// Tells where the objects live of the kind that a definition defines.
pub(super) fn tell(node: &Node, part: &Part<'_>, target: &str) {
    let text = |names: &[&str]| node.at(names).and_then(Node::as_text);
    let is_of_definitions = text(&["apiVersion"]).map(group) == Some("apiextensions.k8s.io");
    if !is_of_definitions || text(&["kind"]) != Some("CustomResourceDefinition") {
        return;
    }
    let defined = (text(&["spec", "group"]), text(&["spec", "names", "kind"]), text(&["spec", "scope"]));
    if let (Some(group), Some(kind), Some(scope)) = defined {
        let kind = GroupKind::new(group, kind);
        let words: Vec<&str> = std::iter::once(scope).chain(served(node)).collect();
        let words = words.join(" ");
        part.tell(name(target, &kind), words.as_str());
        part.tell(perhaps(target, &kind), words.as_str());
    }
}

/// The versions that a definition has served.
fn served(definition: &Node) -> impl Iterator<Item = &str> {
    let versions = match definition.at(&["spec", "versions"]).map(|versions| &versions.data) {
        Some(Data::List(versions)) => versions.as_slice(),
        _ => &[],
    };
    let is_served =
        |version: &&Node| matches!(version.get("served").map(|it| &it.data), Some(Data::Bool(true)));
    versions.iter().filter(is_served).filter_map(|version| version.get("name").and_then(Node::as_text))
}

/// What was told of a kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(SmolStr);

impl Told {
    /// Where its objects live.
    pub fn scope(&self) -> Option<Scope> {
        match self.0.split(' ').next() {
            Some("Namespaced") => Some(Scope::Namespaced),
            Some("Cluster") => Some(Scope::Cluster),
            _ => None,
        }
    }

    /// Whether a definition in the tree has this version served; the cluster never says so.
    pub fn serves(&self, version: &str) -> bool {
        self.0.split(' ').skip(1).any(|served| served == version)
    }
}

/// What some part or the cluster told of a kind.
pub(super) fn known(part: &Part<'_>, target: &str, kind: &GroupKind) -> Told {
    part.fact(&name(target, kind)).map(|text| Told(text.as_str().into())).unwrap_or_default()
}

/// The same for an object that names a namespace: if nobody can say, it lives there.
pub(super) fn perhaps_known(part: &Part<'_>, target: &str, kind: &GroupKind) -> Told {
    part.fact(&perhaps(target, kind)).map(|text| Told(text.as_str().into())).unwrap_or_default()
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
        let may_stay_open = fact.starts_with("perhaps ");
        let name = fact.strip_prefix("perhaps ").unwrap_or(fact);
        let Some(kind) = name.strip_prefix(&beginning(target)).map(parse) else { continue };
        match cluster.kinds().known(cx, cluster.wire(), &kind).await? {
            Known::Served(served) => {
                let scope = if served.namespaced { "Namespaced" } else { "Cluster" };
                answers.insert(fact.clone(), scope.into());
            }
            Known::Nowhere => {}
            Known::Unsure(_) if may_stay_open => {}
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
