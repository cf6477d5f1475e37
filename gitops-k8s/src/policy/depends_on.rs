use gitops_core::GroupKind;

use super::words;
use super::{Mark, PolicyFault};

/// An object that must be ready first, by `config.kubernetes.io/depends-on`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dependency {
    /// Its group and kind.
    pub kind: GroupKind,
    /// Its namespace, empty for none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Reads `group/namespaces/namespace/kind/name` and `group/kind/name`, with commas between them.
pub(super) fn read(mark: &Mark<'_>) -> Result<Vec<Dependency>, PolicyFault> {
    let malformed = |text: &str| {
        let message = format!("`{text}` names no object");
        let help =
            "write `group/namespaces/namespace/kind/name` or `group/kind/name`; the core group is empty";
        PolicyFault::unknown(mark, message, help.to_owned())
    };
    words::list(mark).map(|text| dependency(text).ok_or_else(|| malformed(text))).collect()
}

fn dependency(text: &str) -> Option<Dependency> {
    let parts: Vec<&str> = text.split('/').collect();
    let (group, namespace, kind, name) = match parts[..] {
        [group, "namespaces", namespace, kind, name] if !namespace.is_empty() => {
            (group, namespace, kind, name)
        }
        [group, kind, name] => (group, "", kind, name),
        _ => return None,
    };
    let is_whole = !kind.is_empty() && !name.is_empty();
    is_whole.then(|| Dependency {
        kind: GroupKind::new(group, kind),
        namespace: namespace.into(),
        name: name.into(),
    })
}
