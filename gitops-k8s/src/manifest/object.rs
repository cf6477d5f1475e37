use gitops_core::{Key, Object, Part, Value};

use super::identity::Identity;
use super::{KubernetesRender, clean, secret, size, text_maps};
use crate::yaml::{Data, Fault, Node};

impl KubernetesRender {
    /// The object that a document declares.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn object(&self, mut node: Node, part: &Part<'_>) -> Result<Object, Vec<Fault>> {
        if !matches!(node.data, Data::Map(_)) {
            let message = format!("{} is no Kubernetes object", node.kind());
            return Err(vec![Fault::new("GO0405", node.place, message)]);
        }
        let identity = Identity::of(&node)?;
        let scope = self.scopes.of(&identity.kind);
        let namespace = identity.resolve(scope, self.namespace.as_deref()).map_err(|fault| vec![fault])?;
        clean::clean(&mut node);
        let faults = text_maps::check(&node);
        if !faults.is_empty() {
            return Err(faults);
        }
        size::check(&node).map_err(|fault| vec![fault])?;
        let provenance = part.provenance(node.place.line);
        let is_secret = identity.kind.group().is_empty() && identity.kind.kind() == "Secret";
        if is_secret {
            secret::hide(&mut node, self.secret_key.as_ref())?;
        }
        if let (false, Some(metadata)) = (namespace.is_empty(), node.get_mut("metadata")) {
            let data = Data::Text(namespace.as_str().into());
            metadata.set("namespace", Node { place: metadata.place, data });
        }
        let key = Key::new(self.target.clone(), identity.kind, namespace, identity.name);
        Ok(Object::new(key, Value::from(node), provenance))
    }
}
