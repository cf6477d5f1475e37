use std::collections::BTreeSet;

use gitops_core::{Error, ErrorKind, GroupKind, Key, Result};
use smol_str::SmolStr;

/// What one application may touch; whatever is outside is refused before any call.
///
/// Checked where an object's address is made, so that no request (a read, a dry run, a watch) can get around it.
/// It narrows what the server allows and never widens it.
///
/// ```
/// use gitops_core::GroupKind;
/// use gitops_k8s::Tenancy;
/// let tenancy = Tenancy::namespaces(["shop"]).cluster_kinds([GroupKind::new("", "Namespace")]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tenancy {
    namespaces: Option<BTreeSet<SmolStr>>,
    kinds: Option<BTreeSet<GroupKind>>,
    cluster_kinds: Option<BTreeSet<GroupKind>>,
}

impl Tenancy {
    /// No limits of our own: what the server allows.
    pub fn none() -> Self {
        Self::default()
    }

    /// Only objects in these namespaces, and nothing that lives in no namespace.
    pub fn namespaces<I: IntoIterator<Item: Into<SmolStr>>>(names: I) -> Self {
        Self { namespaces: Some(names.into_iter().map(Into::into).collect()), ..Self::default() }
    }

    /// Of what lives in namespaces, only these kinds.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = GroupKind>) -> Self {
        self.kinds = Some(kinds.into_iter().collect());
        self
    }

    /// Of what lives in no namespace, only these kinds.
    #[must_use]
    pub fn cluster_kinds(mut self, kinds: impl IntoIterator<Item = GroupKind>) -> Self {
        self.cluster_kinds = Some(kinds.into_iter().collect());
        self
    }

    /// Whether only some namespaces are allowed.
    pub(crate) fn is_narrow(&self) -> bool {
        self.namespaces.is_some()
    }

    pub(crate) fn check(&self, key: &Key) -> Result<()> {
        let (kind, namespace) = (key.kind(), key.namespace());
        let is_allowed = match namespace.is_empty() {
            true => self.allows_without_namespace(kind),
            false => {
                self.namespaces.as_ref().is_none_or(|names| names.contains(namespace))
                    && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind))
            }
        };
        match is_allowed {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Denied, "the application may not touch this object")
                .at(key)
                .help("widen the limits of its target, or move the object into what it may touch")),
        }
    }

    fn allows_without_namespace(&self, kind: &GroupKind) -> bool {
        let is_limited = self.namespaces.is_some() || self.kinds.is_some();
        self.cluster_kinds.as_ref().map_or(!is_limited, |kinds| kinds.contains(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, namespace: &str) -> Key {
        Key::new("k", GroupKind::new("", kind), namespace, "x")
    }

    #[test]
    fn only_what_is_given_is_allowed() {
        let tenancy = Tenancy::namespaces(["shop"])
            .kinds([GroupKind::new("", "ConfigMap")])
            .cluster_kinds([GroupKind::new("", "Namespace")]);
        let allowed = |kind, namespace| tenancy.check(&key(kind, namespace)).is_ok();
        assert!(allowed("ConfigMap", "shop") && allowed("Namespace", ""));
        assert!(!allowed("Secret", "shop"), "a kind that was not given");
        assert!(!allowed("ConfigMap", "kube-system"), "a namespace that was not given");
        assert!(!allowed("Node", ""), "a kind without a namespace that was not given");
        assert!(Tenancy::none().check(&key("Node", "")).is_ok());
        let alone = Tenancy::none().cluster_kinds([GroupKind::new("", "Namespace")]);
        let allowed = |kind, namespace| alone.check(&key(kind, namespace)).is_ok();
        assert!(allowed("Namespace", "") && !allowed("Node", "") && allowed("Secret", "shop"));
    }
}
