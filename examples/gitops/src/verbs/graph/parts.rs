//! What objects are made of, in a picture that stays readable.

use std::collections::BTreeMap;

use gitops_core::{Component, Parts};

/// The same with one part for those of one kind and object where there are more than so many of them. What is in trouble stays
/// by itself.
pub fn folded(parts: &Parts, many: usize) -> Parts {
    let of = |parts: &Vec<Component>| {
        let mut kinds: BTreeMap<&str, Vec<&Component>> = BTreeMap::new();
        let mut found = Vec::new();
        for part in parts {
            match part.trouble.is_some() {
                true => found.push(part.clone()),
                false => kinds.entry(&part.kind).or_default().push(part),
            }
        }
        for (kind, parts) in kinds {
            match &parts[..] {
                [first, .., last] if parts.len() > many => {
                    let name = format!("{kind} ×{} ({} … {})", parts.len(), first.name, last.name);
                    found.push(Component::new(name, kind));
                }
                parts => found.extend(parts.iter().map(|part| (*part).clone())),
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    };
    parts.iter().map(|(key, parts)| (key.clone(), of(parts))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::{GroupKind, Key};

    #[test]
    fn resources_of_one_kind_are_one_and_one_in_trouble_is_seen() {
        let part = |name: &str, trouble: Option<&str>| {
            let mut part = Component::new(name, name.split('.').next().unwrap_or_default());
            part.trouble = trouble.map(str::to_owned);
            part
        };
        let mut parts: Vec<Component> = (0..5).map(|n| part(&format!("file.f{n}"), None)).collect();
        parts.extend([part("file.bad", Some("tainted")), part("net.a", None)]);
        let root = Key::new("infra", GroupKind::new("", "Root"), "", "net");
        let names = |many| -> Vec<String> {
            let parts = folded(&Parts::from([(root.clone(), parts.clone())]), many);
            parts[&root].iter().map(|part| part.name.clone()).collect()
        };
        assert_eq!(names(3), ["file ×5 (file.f0 … file.f4)", "file.bad", "net.a"]);
        assert_eq!(names(usize::MAX).len(), 7);
    }
}
