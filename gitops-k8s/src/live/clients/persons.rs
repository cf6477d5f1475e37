//! The field managers of clients with which people work on objects by hand.

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
