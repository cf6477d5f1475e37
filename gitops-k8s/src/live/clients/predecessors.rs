//! Clients whose fields an adoption takes over.

use crate::live::object::Seen;
use crate::live::owner_label;

/// Tools of delivery besides `kubectl` that leave their fields behind when an application moves on to this one.
const DELIVERERS: [&str; 5] =
    ["argocd-controller", "flux-client-side-apply", "helm", "helm-controller", "kustomize-controller"];

/// Whether an adoption takes a manager's fields over: people at a keyboard, what was there before anybody applied, tools that delivered
/// the object before, and applications whose label and annotation somebody took off, both.
pub(crate) fn is_predecessor(seen: &Seen, manager: &str) -> bool {
    is_tool(manager) || (owner_label::is_of_application(manager) && !owner_label::is_held(&seen.managed))
}

fn is_tool(manager: &str) -> bool {
    let is_of_kubectl =
        manager == "before-first-apply" || manager == "kubectl" || manager.starts_with("kubectl-");
    is_of_kubectl || DELIVERERS.contains(&manager)
}
