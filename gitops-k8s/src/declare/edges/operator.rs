//! What takes care of the objects of custom kinds: they are not there before it, and it does not go before them, for it is
//! what takes their finalizers away.
//!
//! Who takes care of a kind says so by its rights: it may write the finalizers or the status of the kind's objects. Who
//! only makes such objects, or works with what others take care of, has no such rights. The way from a group leads over the roles
//! with such rights, their bindings and the accounts that those name to the workloads, wherever each of them is declared.

use std::collections::BTreeSet;

use gitops_core::{Key, Need, Value};
use smol_str::{SmolStr, format_smolstr};

use super::{Finder, path, pod, rbac};
use crate::declare::manifest::Scopes;

/// What an object of a custom kind needs: all that takes care of its group, if that is declared.
pub(super) fn need(finder: &Finder<'_>) -> Option<Need> {
    let kind = finder.key.kind();
    Scopes::default().of(kind).is_none().then(|| Need::Offer(care_of(finder, kind.group())))
}

/// Whose name an object's pods run in.
pub(super) fn identity(finder: &Finder<'_>) -> Option<SmolStr> {
    pod::account(finder).map(|account| run_by(finder, finder.key.namespace(), account))
}

/// A role leads from the groups that it lets somebody take care of to its bindings, and a binding from its role to what runs in
/// the name of its accounts.
pub(super) fn leads(finder: &Finder<'_>) -> Vec<(SmolStr, Vec<SmolStr>)> {
    if rbac::is_role(finder) {
        let rules = path::values(finder.body, "rules[]").into_iter();
        let groups: BTreeSet<&str> = rules.flat_map(groups).collect();
        let bound = bound_to(finder.key);
        return groups.into_iter().map(|group| (care_of(finder, group), vec![bound.clone()])).collect();
    }
    let Some(Need::IfDeclared(role)) = rbac::bound_role(finder) else { return Vec::new() };
    let accounts = rbac::accounts(finder).into_iter();
    accounts.map(|(namespace, name)| (bound_to(&role), vec![run_by(finder, namespace, name)])).collect()
}

fn care_of(finder: &Finder<'_>, group: &str) -> SmolStr {
    format_smolstr!("care in {} of {group}", finder.key.target())
}

fn bound_to(role: &Key) -> SmolStr {
    format_smolstr!("bound to {role}")
}

fn run_by(finder: &Finder<'_>, namespace: &str, account: &str) -> SmolStr {
    format_smolstr!("run by {}:{namespace}/{account}", finder.key.target())
}

/// The groups of whose objects a rule lets somebody write the finalizers or the status.
fn groups(rule: &Value) -> Vec<&str> {
    let has = |name: &str, is_one: &dyn Fn(&str) -> bool| path::texts(rule, name).into_iter().any(is_one);
    let writes = has("verbs[]", &|verb| ["update", "patch", "*"].contains(&verb));
    let cares = has("resources[]", &|resource| {
        resource == "*" || resource.ends_with("/finalizers") || resource.ends_with("/status")
    });
    match writes && cares {
        true => path::texts(rule, "apiGroups[]").into_iter().filter(|group| *group != "*").collect(),
        false => Vec::new(),
    }
}
