use crate::client::cluster::Cause;
use crate::live::fields::{self, Element, FieldSet, Managed};
use crate::live::object::Seen;

/// A field that somebody else has, with another value than is declared.
pub(super) struct Claim<'a> {
    /// Whose record has it.
    pub entry: &'a Managed,
    pub path: Vec<Element>,
}

impl<'a> Claim<'a> {
    /// The record that the server means, and the field in it; nothing if it can't be found.
    pub fn of(cause: &Cause, seen: &'a Seen) -> Option<Self> {
        let is_meant = |entry: &&Managed| {
            entry.manager == cause.manager()
                && entry.subresource == cause.subresource()
                && entry.applies == cause.is_of_an_apply()
        };
        let find = |entry: &'a Managed| {
            let path = path_of(&entry.fields, &cause.field)?;
            Some(Self { entry, path })
        };
        seen.managed.iter().filter(is_meant).find_map(find)
    }

    /// The field as a plan shows it.
    pub fn shown(&self) -> String {
        fields::shown(&self.path)
    }

    /// Whether it is the field at a path of names.
    pub fn is_of(&self, names: &[&str]) -> bool {
        let names = names.iter().map(|name| Element::Field((*name).into()));
        names.eq(self.path.iter().cloned())
    }
}

/// The path in a set that the server writes so.
fn path_of(set: &FieldSet, written: &str) -> Option<Vec<Element>> {
    set.below.iter().find_map(|(element, below)| {
        let rest = written.strip_prefix(&*element.written())?;
        if rest.is_empty() {
            return Some(vec![element.clone()]);
        }
        let mut path = path_of(below, rest)?;
        path.insert(0, element.clone());
        Some(path)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_found_by_how_the_server_writes_it() {
        let set = FieldSet::parse(&json!({
            "f:spec": {
                "f:replicas": {},
                "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}},
                "f:finalizers": {"v:\"a\"": {}}
            },
            "f:metadata": {"f:annotations": {"f:example.org/a": {}, "f:example": {}}}
        }));
        for (written, shown) in [
            (".spec.replicas", "/spec/replicas"),
            (r#".spec.ports[port=80,protocol="TCP"].name"#, "/spec/ports/port=80,protocol=TCP/name"),
            (r#".spec.ports[port=80,protocol="TCP"]"#, "/spec/ports/port=80,protocol=TCP"),
            (r#".spec.finalizers[="a"]"#, "/spec/finalizers/a"),
            (".metadata.annotations.example.org/a", "/metadata/annotations/example.org~1a"),
        ] {
            let path = path_of(&set, written).unwrap();
            assert_eq!(fields::shown(&path), shown);
        }
        assert!(path_of(&set, ".spec.other").is_none() && path_of(&set, ".spec.replicasX").is_none());
    }
}
