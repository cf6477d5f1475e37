//! What takes care of the objects of custom kinds: they are not there before it, and it does not go before them, for it is
//! what takes their finalizers away.
//!
//! Who takes care of a kind says so by its rights: it may write the finalizers or the status of the kind's objects. Who
//! only makes such objects, or works with what others take care of, has no such rights.

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::{Key, Need, Object, Value};
use smol_str::{SmolStr, format_smolstr};

use super::{Finder, path, pod, rbac};
use crate::declare::manifest::Scopes;

/// What an object of a custom kind needs: all that takes care of its group, if that is declared.
pub(super) fn need(finder: &Finder<'_>) -> Option<Need> {
    let kind = finder.key.kind();
    Scopes::default().of(kind).is_none().then(|| Need::Offer(care_of(kind.group())))
}

fn care_of(group: &str) -> SmolStr {
    format_smolstr!("care of {group}")
}

/// Lets workloads offer that they take care of groups, as far as their rights are in the same part.
pub(super) fn link(objects: &mut [Object]) {
    let rights = rights(objects);
    if rights.is_empty() {
        return;
    }
    for object in objects {
        let account =
            pod::account(&finder(object)).map(|account| rbac::rights_of(object.key.namespace(), account));
        let groups = account.and_then(|account| rights.get(&account)).into_iter().flatten();
        object.offers.extend(groups.map(|group| care_of(group)));
    }
}

/// The groups that each service account takes care of.
fn rights(objects: &[Object]) -> BTreeMap<SmolStr, BTreeSet<SmolStr>> {
    let roles: BTreeMap<&Key, BTreeSet<SmolStr>> = objects
        .iter()
        .filter(|object| rbac::is_role(&finder(object)))
        .map(|object| {
            (&object.key, path::values(&object.body, "rules[]").into_iter().flat_map(groups).collect())
        })
        .collect();
    let mut rights: BTreeMap<SmolStr, BTreeSet<SmolStr>> = BTreeMap::new();
    for object in objects {
        let Some(Need::IfDeclared(role)) = rbac::bound_role(&finder(object)) else { continue };
        let Some(groups) = roles.get(&role).filter(|groups| !groups.is_empty()) else { continue };
        for account in rbac::offers(&finder(object)) {
            rights.entry(account).or_default().extend(groups.iter().cloned());
        }
    }
    rights
}

fn finder(object: &Object) -> Finder<'_> {
    Finder { key: &object.key, body: &object.body }
}

/// The groups of whose objects a rule lets somebody write the finalizers or the status.
fn groups(rule: &Value) -> Vec<SmolStr> {
    let has = |name: &str, is_one: &dyn Fn(&str) -> bool| path::texts(rule, name).into_iter().any(is_one);
    let writes = has("verbs[]", &|verb| ["update", "patch", "*"].contains(&verb));
    let cares = has("resources[]", &|resource| {
        resource == "*" || resource.ends_with("/finalizers") || resource.ends_with("/status")
    });
    match writes && cares {
        true => path::texts(rule, "apiGroups[]")
            .into_iter()
            .filter(|group| *group != "*")
            .map(SmolStr::new)
            .collect(),
        false => Vec::new(),
    }
}
