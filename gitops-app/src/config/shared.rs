//! What applications share: a shared part lies under an application's own.

use super::node::{Name, Node, Shape};

/// The keys of which only one can hold, by the key that holds them. A shared one gives way to another of an application's
/// own.
const ALTERNATIVES: [(&str, &[&str]); 3] = [
    ("ref", &["branch", "tag", "semver", "commit"]),
    ("auth", &["token", "ssh", "app"]),
    ("token", &["env", "file"]),
];

/// The keys that hold one of many kinds.
const ONE_KIND: [&str; 3] = ["target", "backend", "forge"];

/// The lists of which a shared one is added to an application's own.
const ADDED: [&str; 3] = ["gates", "approvals", "windows"];

/// The same of the lists under `risks`.
const RISKS: [&str; 2] = ["stateful", "access"];

/// An application's own part with what it leaves out taken from the shared one.
///
/// Mappings are merged key by key. Rules of `gates`, `approvals` and `windows` and kinds under `risks` are added, so that no application escapes a shared one. Anything else
/// that the application has of its own stands instead of what is shared.
pub fn under(own: &mut Node, shared: &Node) {
    let Shape::Map(members) = &mut own.shape else { return };
    let has = |members: &[(Name, Node)], key: &str| members.iter().any(|(name, _)| name.text == key);
    let names_targets = has(members, "target") || has(members, "targets");
    for (name, theirs) in shared.members() {
        let is_target = matches!(name.text.as_str(), "target" | "targets");
        match members.iter_mut().find(|(own, _)| own.text == name.text) {
            Some((_, ours)) if ADDED.contains(&name.text.as_str()) => add(ours, theirs),
            Some((_, ours)) if name.text == "targets" => each_target(ours, theirs),
            Some((_, ours)) => merge(&name.text, ours, theirs),
            None if is_target && names_targets => {}
            None => members.push((name.clone(), theirs.clone())),
        }
    }
}

/// Each target by its name; those that the application does not name are shared as they are.
fn each_target(own: &mut Node, shared: &Node) {
    let Shape::Map(members) = &mut own.shape else { return };
    for (name, theirs) in shared.members() {
        match members.iter_mut().find(|(own, _)| own.text == name.text) {
            Some((_, ours)) => merge("target", ours, theirs),
            None => members.push((name.clone(), theirs.clone())),
        }
    }
}

/// The shared rules come first.
fn add(own: &mut Node, shared: &Node) {
    if let (Shape::List(ours), Shape::List(theirs)) = (&mut own.shape, &shared.shape) {
        ours.splice(0..0, theirs.iter().cloned());
    }
}

fn merge(key: &str, own: &mut Node, shared: &Node) {
    let Shape::Map(members) = &mut own.shape else { return };
    let chosen: Vec<String> = members.iter().map(|(name, _)| name.text.clone()).collect();
    for (name, theirs) in shared.members() {
        match members.iter_mut().find(|(own, _)| own.text == name.text) {
            Some((_, ours)) if key == "risks" && RISKS.contains(&name.text.as_str()) => add(ours, theirs),
            Some((_, ours)) => merge(&name.text, ours, theirs),
            None if gives_way(key, &name.text, &chosen) => {}
            None => members.push((name.clone(), theirs.clone())),
        }
    }
}

/// Whether a shared key gives way to those that an application has beside it.
fn gives_way(holder: &str, key: &str, own: &[String]) -> bool {
    if ONE_KIND.contains(&holder) {
        return key != "path" && own.iter().any(|own| own != "path");
    }
    let alternatives = ALTERNATIVES.iter().find(|(name, _)| *name == holder).map(|(_, keys)| *keys);
    alternatives.is_some_and(|keys| keys.contains(&key) && own.iter().any(|own| keys.contains(&own.as_str())))
}
