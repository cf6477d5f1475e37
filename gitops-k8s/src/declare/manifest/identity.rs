//! What makes a document an object: group, kind, namespace, name.

use gitops_core::GroupKind;

use super::Scope;
use crate::yaml::{Data, Fault, Node, Place};

/// Who an object is.
#[derive(Debug)]
pub(super) struct Identity {
    pub kind: GroupKind,
    pub name: String,
    /// The namespace that it names.
    pub namespace: Option<String>,
    /// Where the namespace is named, or else the object.
    place: Place,
}

impl Identity {
    /// # Errors
    /// Everything that is missing or can't be.
    pub fn of(node: &Node) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |found: Result<String, Fault>| found.map_err(|fault| faults.push(fault)).ok();
        let version = keep(text(node, &["apiVersion"]));
        let kind = keep(text(node, &["kind"]));
        let name = keep(name(node));
        let namespace = match node.at(&["metadata", "namespace"]) {
            // What is null is left out, here too: a chart writes it so where its value is not given.
            Some(namespace) if namespace.data == Data::Null => None,
            Some(_) => keep(text(node, &["metadata", "namespace"])),
            None => None,
        };
        let (Some(version), Some(kind), Some(name), true) = (version, kind, name, faults.is_empty()) else {
            return Err(faults);
        };
        let place = node.at(&["metadata", "namespace"]).unwrap_or(node).place;
        let kind = GroupKind::new(group(&version), kind);
        let identity = Self { kind, name, namespace, place };
        identity.check(node, &version).map(|()| identity)
    }

    fn check(&self, node: &Node, version: &str) -> Result<(), Vec<Fault>> {
        let place = |names: &[&str]| node.at(names).unwrap_or(node).place;
        let mut faults = Vec::new();
        let mut check = |names: &[&str], what: Option<String>| {
            faults.extend(what.map(|message| Fault::new("GO0406", place(names), message)));
        };
        check(&["apiVersion"], version_fault(version));
        check(&["kind"], kind_fault(&self.kind));
        check(&["metadata", "name"], name_fault(&self.kind, &self.name));
        check(
            &["metadata", "namespace"],
            self.namespace.as_deref().and_then(|name| label_fault("a namespace", name)),
        );
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// The namespace in which it lives, empty for none.
    ///
    /// # Errors
    /// It lives in one, and none is named.
    pub fn resolve(&self, scope: Option<Scope>, default: Option<&str>) -> Result<String, Fault> {
        let kind = &self.kind;
        let fault = |message: String| Fault::new("GO0406", self.place, message);
        match (scope, &self.namespace) {
            (Some(Scope::Cluster), _) => Ok(String::new()),
            (Some(Scope::Namespaced), None) => default.map(str::to_owned).ok_or_else(|| {
                fault(format!("a {kind} lives in a namespace, and none is named"))
                    .help("add `metadata.namespace`, or give the renderer a namespace")
            }),
            (_, namespace) => Ok(namespace.clone().unwrap_or_default()),
        }
    }

    /// What is to be said of a namespace that is named and has no meaning.
    pub fn idle_namespace(&self, namespace: &str) -> Option<Fault> {
        let named = self.namespace.as_ref().filter(|_| namespace.is_empty())?;
        let message = format!("a {} lives in no namespace: `{named}` is left out", self.kind);
        Some(Fault::new("GO0406", self.place, message).help("remove `metadata.namespace`"))
    }
}

/// The group of an `apiVersion`.
pub(crate) fn group(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

fn text(node: &Node, names: &[&str]) -> Result<String, Fault> {
    let path = names.join(".");
    let missing =
        |place| Fault::new("GO0405", place, format!("`{path}` is missing")).help("every object has one");
    match node.at(names) {
        None => Err(missing(node.place)),
        Some(value) => match value.as_text() {
            Some("") => Err(missing(value.place)),
            Some(text) => Ok(text.to_owned()),
            None => {
                let message = format!("`{path}` is {}, and must be text", value.kind());
                Err(Fault::new("GO0405", value.place, message).help("put it in quotes"))
            }
        },
    }
}

fn name(node: &Node) -> Result<String, Fault> {
    match (node.at(&["metadata", "name"]), node.at(&["metadata", "generateName"])) {
        (None, Some(generated)) => {
            let message = "`generateName` would make another object on every reconciliation";
            Err(Fault::new("GO0407", generated.place, message).help("give the object a `metadata.name`"))
        }
        _ => text(node, &["metadata", "name"]),
    }
}

fn version_fault(version: &str) -> Option<String> {
    let (group, number) = version.split_once('/').unwrap_or(("", version));
    let is_group = group.is_empty() && !version.starts_with('/') || is_subdomain(group);
    (!is_group || !is_label(number))
        .then(|| format!("`{version}` is no API version: write `v1` or `group/v1`"))
}

fn kind_fault(group_kind: &GroupKind) -> Option<String> {
    let kind = group_kind.kind();
    if group_kind.group().is_empty() && kind != "Secret" && kind.eq_ignore_ascii_case("Secret") {
        // No server has such a kind, and what is in it is secret all the same.
        return Some("`kind` must be written `Secret`".to_owned());
    }
    let is_kind = kind.len() <= 63 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (!is_kind).then(|| format!("`{kind}` is no kind: kinds have letters and digits only"))
}

/// Names of these groups may hold more than those of others.
const FREE_NAMES: [&str; 4] =
    ["rbac.authorization.k8s.io", "certificates.k8s.io", "networking.k8s.io", "storage.k8s.io"];

fn name_fault(kind: &GroupKind, name: &str) -> Option<String> {
    if kind.group().is_empty() && kind.kind() == "Namespace" {
        return label_fault("a namespace", name);
    }
    let is_free = FREE_NAMES.contains(&kind.group());
    let is_segment = !matches!(name, "." | "..") && !name.contains(['/', '%']);
    let is_name = is_subdomain(name) || is_free && is_segment && name.len() <= 253;
    (!is_name)
        .then(|| format!("`{name}` can't be a name: lower-case letters, digits, `-` and `.`, at most 253"))
}

fn label_fault(what: &str, name: &str) -> Option<String> {
    (!is_label(name)).then(|| {
        format!("`{name}` can't be the name of {what}: lower-case letters, digits and `-`, at most 63")
    })
}

fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_subdomain(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && is_label(part.get(..63).unwrap_or(part));
    text.len() <= 253 && text.split('.').all(is_part)
}
