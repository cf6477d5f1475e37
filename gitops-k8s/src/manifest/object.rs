use gitops_core::{Key, Need, Object, Part, Provenance, Value};

use super::identity::Identity;
use super::{KubernetesRender, Scope, clean, deprecated, scope_facts, secret, size, text_maps};
use crate::edges;
use crate::policy::{self, Dependency, Policy, PolicyFault};
use crate::yaml::{Data, Fault, Node};

/// A document that is known to be an object, and where the object lives.
pub(super) struct Placed {
    node: Node,
    identity: Identity,
    namespace: String,
}

impl KubernetesRender {
    /// Finds out which object a document declares.
    ///
    /// # Errors
    /// It is none, or what says so is missing or wrong.
    pub(super) fn place(&self, node: Node, part: &Part<'_>) -> Result<Placed, Vec<Fault>> {
        if !matches!(node.data, Data::Map(_)) {
            let message = format!("{} is no Kubernetes object", node.kind());
            return Err(vec![Fault::new("GO0405", node.place, message)]);
        }
        let identity = Identity::of(&node)?;
        scope_facts::tell(&node, &identity, part, &self.target);
        let scope = self.scope(&identity, part);
        let namespace = identity.resolve(scope, self.namespace.as_deref()).map_err(|fault| vec![fault])?;
        Ok(Placed { node, identity, namespace })
    }

    /// The object that a document of a file declares; nothing if it asks to be left out. What somebody should know of it
    /// is added to the remarks.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn object(
        &self,
        placed: Placed,
        file: &Provenance,
        remarks: &mut Vec<Fault>,
    ) -> Result<Option<Object>, Vec<Fault>> {
        let Placed { mut node, identity, namespace } = placed;
        clean::clean(&mut node);
        let faults = text_maps::check(&node);
        if !faults.is_empty() {
            return Err(faults);
        }
        size::check(&node).map_err(|fault| vec![fault])?;
        let policy = policy(&node)?;
        remarks.extend(policy.remarks.iter().cloned().map(|remark| placed_at(&node, remark)));
        if policy.skip {
            return Ok(None);
        }
        remarks.extend(deprecated::of(&node, &identity));
        let provenance = Provenance { line: node.place.line, ..file.clone() };
        let is_secret = identity.kind.group().is_empty() && identity.kind.kind() == "Secret";
        if is_secret {
            secret::hide(&mut node, self.secret_key.as_ref())?;
        }
        if let (false, Some(metadata)) = (namespace.is_empty(), node.get_mut("metadata")) {
            let data = Data::Text(namespace.as_str().into());
            metadata.set("namespace", Node { place: metadata.place, data });
        }
        let key = Key::new(self.target.clone(), identity.kind, namespace, identity.name);
        let needs = policy.depends_on.iter().map(|dependency| self.need(dependency)).collect();
        let mut object = Object::new(key, Value::from(node), provenance);
        object.needs = needs;
        object.keep = policy.keep;
        object.stage = stage(&object.key, &policy);
        edges::find(&mut object);
        Ok(Some(object))
    }

    /// Where an object lives, as far as that must be known.
    fn scope(&self, identity: &Identity, part: &Part<'_>) -> Option<Scope> {
        let known = self.scopes.of(&identity.kind);
        let is_needed = known.is_none() && identity.namespace.is_none();
        known.or_else(|| is_needed.then(|| scope_facts::known(part, &self.target, &identity.kind)).flatten())
    }

    fn need(&self, Dependency { kind, namespace, name }: &Dependency) -> Need {
        Need::Object(Key::new(self.target.clone(), kind.clone(), namespace, name))
    }
}

/// Namespaces and definitions have a stage only if they ask for one: what needs them waits for them anyway.
fn stage(key: &Key, policy: &Policy) -> Option<i64> {
    let is_ground = matches!(key.kind().kind(), "Namespace" | "CustomResourceDefinition");
    (!is_ground || policy.stage() != 0).then(|| policy.stage())
}

fn policy(node: &Node) -> Result<Policy, Vec<Fault>> {
    let placed = |faults: Vec<PolicyFault>| faults.into_iter().map(|fault| placed_at(node, fault)).collect();
    Policy::read(policy::of_node(node)).map_err(placed)
}

fn placed_at(node: &Node, fault: PolicyFault) -> Fault {
    let member = node.at(&["metadata", fault.section.name()]).and_then(|marks| marks.member(&fault.key));
    let place = member.map_or(node.place, |member| member.place);
    Fault::new(fault.code, place, fault.message).help(fault.help)
}
