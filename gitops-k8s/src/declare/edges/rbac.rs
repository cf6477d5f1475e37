//! Roles, those who have them, and what runs in their name.

use gitops_core::{Need, Value};
use smol_str::{SmolStr, format_smolstr};

use super::{Finder, path};

const GROUP: &str = "rbac.authorization.k8s.io";

/// The name under which the rights of a service account are offered.
pub(super) fn rights_of(finder: &Finder<'_>, namespace: &str, account: &str) -> SmolStr {
    format_smolstr!("rights of {}:{namespace}/{account}", finder.key.target())
}

/// A binding needs its role and its accounts; a token needs its account.
pub(super) fn needs(finder: &Finder<'_>) -> Vec<Need> {
    if !is_binding(finder) {
        return token(finder).into_iter().collect();
    }
    let accounts = accounts(finder);
    let accounts =
        accounts.iter().map(|(namespace, name)| finder.named("", "ServiceAccount", namespace, name));
    role(finder).into_iter().chain(accounts).collect()
}

/// A binding offers the rights of its accounts.
pub(super) fn offers(finder: &Finder<'_>) -> Vec<SmolStr> {
    match is_binding(finder) {
        true => accounts(finder).iter().map(|(namespace, name)| rights_of(finder, namespace, name)).collect(),
        false => Vec::new(),
    }
}

/// Whether an object is a role.
pub(super) fn is_role(finder: &Finder<'_>) -> bool {
    finder.is(GROUP, "Role") || finder.is(GROUP, "ClusterRole")
}

/// The role that a binding gives to its accounts.
pub(super) fn bound_role(finder: &Finder<'_>) -> Option<Need> {
    is_binding(finder).then(|| role(finder)).flatten()
}

fn is_binding(finder: &Finder<'_>) -> bool {
    finder.is(GROUP, "RoleBinding") || finder.is(GROUP, "ClusterRoleBinding")
}

fn role(finder: &Finder<'_>) -> Option<Need> {
    let role = finder.body.get("roleRef")?;
    let (kind, name) = (role.get("kind")?.as_text()?, role.get("name")?.as_text()?);
    match kind {
        "Role" => Some(finder.named(GROUP, kind, finder.key.namespace(), name)),
        "ClusterRole" => Some(finder.named(GROUP, kind, "", name)),
        _ => None,
    }
}

/// Namespace and name of the service accounts that a binding names.
pub(super) fn accounts<'a>(finder: &Finder<'a>) -> Vec<(&'a str, &'a str)> {
    let account = |subject: &'a Value| {
        let is_account = subject.get("kind")?.as_text()? == "ServiceAccount";
        let namespace = subject.get("namespace").and_then(Value::as_text).unwrap_or(finder.key.namespace());
        is_account.then_some((namespace, subject.get("name")?.as_text()?))
    };
    path::values(finder.body, "subjects[]").into_iter().filter_map(account).collect()
}

/// The account of a Secret that holds its token: the server takes such a Secret away if there is no account.
fn token(finder: &Finder<'_>) -> Option<Need> {
    let annotations =
        finder.is("", "Secret").then(|| finder.body.get("metadata")?.get("annotations")).flatten()?;
    let account = annotations.get("kubernetes.io/service-account.name")?.as_text()?;
    Some(finder.named("", "ServiceAccount", finder.key.namespace(), account))
}
