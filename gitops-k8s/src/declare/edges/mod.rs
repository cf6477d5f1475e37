//! What an object needs by what it refers to.
//!
//! A reference makes the object wait for what it names, if that is declared in the same application; nobody has to write
//! it down. An edge only ever leads from a kind to one that stands before it in this order, so edges that were found
//! can't make a cycle:
//!
//! 1. namespaces, definitions of kinds, classes;
//! 2. service accounts, roles, config maps, volumes, admission policies;
//! 3. bindings, secrets, claims, services;
//! 4. workloads;
//! 5. webhook configurations, API services, and objects of kinds that are defined elsewhere.
//!
//! Objects of kinds that are defined elsewhere need their definition, their namespace, and what takes care of them. A workload does not wait for
//! its volume claims: a claim may be bound only once a pod uses it.

mod backend;
mod operator;
mod path;
mod pod;
mod rbac;
mod table;

use gitops_core::{GroupKind, Key, Lead, Need, Object, Value};
use smol_str::{SmolStr, format_smolstr};

use crate::declare::manifest::Scopes;
pub(crate) use pod::place as pod_of;

/// Adds the needs, offers and leads that follow from an object's body. What an object needs by way of others (the workloads
/// behind a service, an operator by its rights) is found by names, so that each of them may be declared in a file of its own.
pub(crate) fn find(object: &mut Object) {
    let found = Finder { key: &object.key, body: &object.body };
    let (needs, offers, leads) = (found.needs(), found.offers(), found.leads());
    object.needs.extend(needs);
    object.needs.sort();
    object.needs.dedup();
    object.offers.extend(offers);
    object.leads.extend(leads.into_iter().map(|(name, to)| Lead::new(name, to)));
}

/// The need of an object for the version that it is declared in, which a definition in the same tree has served: where the
/// cluster does not serve it yet, it will as soon as the definition is applied.
pub(crate) fn version_of(object: &Object) -> Option<Need> {
    let version = object.body.get("apiVersion")?.as_text()?;
    let (group, version) = version.split_once('/')?;
    Some(Need::Offer(version_offer(&object.key, group, object.key.kind().kind(), version)))
}

/// An object whose references are looked for.
struct Finder<'a> {
    key: &'a Key,
    body: &'a Value,
}

impl Finder<'_> {
    fn needs(&self) -> Vec<Need> {
        let mut needs = self.place();
        needs.extend(table::references(self));
        needs.extend(pod::references(self));
        needs.extend(rbac::needs(self));
        needs.extend(backend::needs(self));
        needs.extend(operator::need(self));
        needs
    }

    fn offers(&self) -> Vec<SmolStr> {
        let of_workload = backend::labels(self).into_iter().chain(operator::identity(self));
        let offers = rbac::offers(self).into_iter().chain(of_workload);
        offers.chain(self.defined_kind()).chain(self.served_versions()).collect()
    }

    fn leads(&self) -> Vec<(SmolStr, Vec<SmolStr>)> {
        backend::behind(self).into_iter().chain(operator::leads(self)).collect()
    }

    /// Its namespace, and the definition of its kind.
    fn place(&self) -> Vec<Need> {
        let namespace =
            (!self.key.namespace().is_empty()).then(|| self.named("", "Namespace", "", self.key.namespace()));
        let kind = self.key.kind();
        let offer = || kind_offer(self.key, kind.group(), kind.kind());
        let definition = Scopes::default().of(kind).is_none().then(|| Need::Offer(offer()));
        namespace.into_iter().chain(definition).collect()
    }

    /// The kind that a definition defines.
    fn defined_kind(&self) -> Option<SmolStr> {
        let is_definition = self.is("apiextensions.k8s.io", "CustomResourceDefinition");
        let spec = is_definition.then(|| self.body.get("spec")).flatten()?;
        Some(kind_offer(self.key, spec.get("group")?.as_text()?, spec.get("names")?.get("kind")?.as_text()?))
    }

    /// The versions that a definition has served.
    fn served_versions(&self) -> Vec<SmolStr> {
        let is_definition = self.is("apiextensions.k8s.io", "CustomResourceDefinition");
        let Some(spec) = is_definition.then(|| self.body.get("spec")).flatten() else { return Vec::new() };
        let text = |names: &[&str]| names.iter().try_fold(spec, |value, name| value.get(name))?.as_text();
        let (Some(group), Some(kind)) = (text(&["group"]), text(&["names", "kind"])) else {
            return Vec::new();
        };
        let Some(Value::List(versions)) = spec.get("versions") else { return Vec::new() };
        let served = versions.iter().filter(|version| version.get("served") == Some(&Value::Bool(true)));
        let names = served.filter_map(|version| version.get("name")?.as_text());
        names.map(|version| version_offer(self.key, group, kind, version)).collect()
    }

    fn is(&self, group: &str, kind: &str) -> bool {
        self.key.kind().group() == group && self.key.kind().kind() == kind
    }

    /// An object of the same target, if it is declared.
    fn named(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Need {
        Need::IfDeclared(Key::new(self.key.target(), GroupKind::new(group, kind), namespace, name))
    }
}

/// What a definition offers, to objects of its own target: each cluster has definitions of its own.
fn kind_offer(of: &Key, group: &str, kind: &str) -> SmolStr {
    format_smolstr!("kind {}:{kind}.{group}", of.target())
}

fn version_offer(of: &Key, group: &str, kind: &str, version: &str) -> SmolStr {
    format_smolstr!("kind {}:{kind}.{group} in {version}", of.target())
}
