use gitops_core::{GroupKind, Key, Need, Object, Part, Provenance, Value};

use super::identity::Identity;
use super::{KubernetesRender, clean, deprecated, is_built_in, scope_facts, secret, size, text_maps};
use crate::declare::edges;
use crate::policy::{self, Dependency, Policy, PolicyFault, Write};
use crate::yaml::{Data, Fault, Node};

/// A document that is known to be an object, and where the object lives.
pub(super) struct Placed {
    node: Node,
    identity: Identity,
    namespace: String,
    /// Whether a definition in the tree has its version served.
    is_served: bool,
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
        let told = self.told(&identity, part);
        let scope = self.scopes.of(&identity.kind).or_else(|| told.scope());
        let namespace = identity.resolve(scope, self.namespace.as_deref()).map_err(|fault| vec![fault])?;
        let version = node.get("apiVersion").and_then(Node::as_text).unwrap_or_default();
        let is_served = told.serves(version.rsplit('/').next().unwrap_or_default());
        Ok(Placed { node, identity, namespace, is_served })
    }

    /// The object that a document of a file declares; nothing if it asks to be left out. What somebody should know of it
    /// is added to the warnings.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn object(
        &self,
        placed: Placed,
        file: &Provenance,
        warnings: &mut Vec<Fault>,
    ) -> Result<Option<Object>, Vec<Fault>> {
        let Placed { mut node, identity, namespace, is_served } = placed;
        if let Some(idle) = identity.idle_namespace(&namespace) {
            warnings.push(idle);
            node.get_mut("metadata").and_then(|metadata| metadata.take("namespace"));
        }
        clean::clean(&mut node, !is_built_in(&identity.kind));
        let faults = text_maps::check(&node);
        if !faults.is_empty() {
            return Err(faults);
        }
        size::check(&node).map_err(|fault| vec![fault])?;
        let policy = policy(&node)?;
        warnings.extend(policy.warnings.iter().cloned().map(|warning| placed_at(&node, warning)));
        if policy.skip {
            return Ok(None);
        }
        warnings.extend(runs_once(&node, &identity, &policy));
        warnings.extend(deprecated::of(&node, &identity));
        let mut provenance = file.clone();
        provenance.line = node.place.line;
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
        object.yields = matches!(policy.write, Write::Create | Write::Leave);
        object.stage = stage(&object.key, &policy);
        object.clean_up = policy.clean_up;
        object.runs_once = policy.hook.is_some() || has_time_to_live(&object);
        // What others define may do something by being made: a backup, a run of a pipeline.
        let serves = is_built_in(object.key.kind()) && !runs_to_an_end(object.key.kind());
        object.serves_until = serves.then(|| policy.last_stage()).flatten();
        edges::find(&mut object);
        if is_served {
            object.needs.extend(edges::version_of(&object));
        }
        Ok(Some(object))
    }

    /// What was told of an object's kind, where it is not known anyway.
    fn told(&self, identity: &Identity, part: &Part<'_>) -> scope_facts::Told {
        match &identity.namespace {
            _ if self.scopes.of(&identity.kind).is_some() => scope_facts::Told::default(),
            None => scope_facts::known(part, &self.target, &identity.kind),
            Some(_) => scope_facts::perhaps_known(part, &self.target, &identity.kind),
        }
    }

    fn need(&self, Dependency { kind, namespace, name }: &Dependency) -> Need {
        Need::Object(Key::new(self.target.clone(), kind.clone(), namespace, name))
    }
}

/// Whether it is a job that goes some time after its end.
fn has_time_to_live(object: &Object) -> bool {
    let kind = object.key.kind();
    let is_job = (kind.group(), kind.kind()) == ("batch", "Job");
    is_job && object.body.get("spec").is_some_and(|spec| spec.get("ttlSecondsAfterFinished").is_some())
}

/// Namespaces and definitions have a stage only if they ask for one: what needs them waits for them anyway.
fn stage(key: &Key, policy: &Policy) -> Option<i64> {
    let is_ground = matches!(key.kind().kind(), "Namespace" | "CustomResourceDefinition");
    (!is_ground || policy.stage() != 0).then(|| policy.stage())
}

fn runs_to_an_end(kind: &GroupKind) -> bool {
    matches!((kind.group(), kind.kind()), ("batch", "Job") | ("", "Pod"))
}

/// What runs to an end does so in the first phase of its hook only: for a later one it is there, and finished.
fn runs_once(node: &Node, identity: &Identity, policy: &Policy) -> Option<Fault> {
    (runs_to_an_end(&identity.kind) && policy.hook != policy.hook_until).then(|| {
        let message = format!(
            "a {} that is a hook of several phases runs in the first of them only",
            identity.kind.kind()
        );
        Fault::new("GO0410", node.place, message)
            .help("declare it once for each phase, under names of their own")
    })
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
