//! The field managers of clients with which people work on objects by hand.

use crate::live::fields::Managed;

/// Clients whose field manager is one of these names.
///
/// A browser is what a console has that passes requests through; `node-fetch` is how some desktop programs call themselves.
const NAMES: &[&str] = &[
    "kubectl",
    "oc",
    "k9s",
    "k9s.exe",
    "lens",
    "Lens",
    "OpenLens",
    "freelens",
    "node-fetch",
    "aptakube",
    "kubenav",
    "kui",
    "monokle",
    "octant",
    "headlamp",
    "headlamp-server",
    "dashboard",
    "dashboard-api",
    "kubernetes-dashboard",
    "console",
    "bridge",
    "Mozilla",
    "curl",
];

/// Clients that add the verb to their name: `kubectl-edit`, `kubectl-scale`, `kubectl-set`.
const PREFIXES: &[&str] = &["kubectl-", "oc-"];

/// Whether a field manager is a client of a person, so that what it set is an edit by hand.
pub(super) fn is_client_of_a_person(manager: &str) -> bool {
    NAMES.contains(&manager) || PREFIXES.iter().any(|prefix| manager.starts_with(prefix))
}

/// Whether what a record has was set by somebody whose edits are undone: by a client of a person in whatever way, and in an
/// adoption by whoever updated the object. Who is not known may be a controller, which would set it again.
pub(super) fn is_undone(entry: &Managed, is_adoption: bool) -> bool {
    is_client_of_a_person(&entry.manager) || (is_adoption && is_edit(entry))
}

/// Whether a record is of updates of the object itself, and not of an apply or of a controller's subresource.
pub(super) fn is_edit(entry: &Managed) -> bool {
    !entry.applies && entry.subresource.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_whole_name() {
        for manager in ["kubectl", "kubectl-edit", "kubectl-set", "k9s", "dashboard-api", "Mozilla"] {
            assert!(is_client_of_a_person(manager), "{manager}");
        }
        for manager in ["kube-controller-manager", "kubectler", "some-operator", "keda-operator", ""] {
            assert!(!is_client_of_a_person(manager), "{manager}");
        }
    }
}
