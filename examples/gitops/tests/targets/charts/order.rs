//! In which order the server was written to.

use serde_json::Value as Json;
use testbed::Request;

use super::Step;
use super::chart::Hook;

/// A write of the command, as the server recorded it.
pub struct Write {
    deletes: bool,
    /// Without the query.
    uri: String,
}

/// An object that needs another one, both as `Kind.group/namespace/name`.
pub type Need = (String, String);

pub fn writes(requests: &[Request]) -> Vec<Write> {
    let write = |request: &Request| Write {
        deletes: request.verb == "delete",
        uri: request.uri.split('?').next().unwrap_or_default().to_owned(),
    };
    let states = |write: &Write| !write.uri.contains("/leases/");
    requests.iter().filter(|request| request.writes()).map(write).filter(states).collect()
}

/// Each object that was made or changed, once.
pub fn objects(writes: &[Write]) -> Vec<String> {
    let mut found: Vec<String> =
        writes.iter().filter(|write| !write.deletes).map(|write| write.uri.clone()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// What each declared object needs.
pub fn needs(graph: &Json) -> Vec<Need> {
    let key =
        |key: &Json| key.as_str().unwrap_or_default().split_once(':').map_or("", |(_, rest)| rest).to_owned();
    let nodes = graph["nodes"].as_array().into_iter().flatten();
    nodes
        .flat_map(|node| {
            node["needs"].as_array().into_iter().flatten().map(move |need| (key(&node["key"]), key(need)))
        })
        .collect()
}

/// Whether a request was about an object `Kind.group/namespace/name`.
fn is_of(uri: &str, object: &str) -> bool {
    let parts: Vec<&str> = object.splitn(3, '/').collect();
    let [kind, namespace, name] = parts[..] else { return false };
    let in_namespace = uri.contains(&format!("/namespaces/{namespace}/"));
    is_named(uri, kind.split('.').next().unwrap_or_default(), name) && (namespace == "-" || in_namespace)
}

/// Whether a request was about an object of a kind with a name; kinds are told apart by the usual plural.
fn is_named(uri: &str, kind: &str, name: &str) -> bool {
    let Some((rest, last)) = uri.rsplit_once('/') else { return false };
    let kind = kind.to_lowercase();
    let plural = rest.rsplit('/').next().unwrap_or_default();
    let usual = match kind.as_bytes() {
        [.., b'y'] => format!("{}ies", &kind[..kind.len() - 1]),
        [.., b's'] => format!("{kind}es"),
        _ => format!("{kind}s"),
    };
    last == name && (plural == usual || plural == kind || plural == format!("{kind}s"))
}

fn first(writes: &[Write], deletes: bool, object: &str) -> Option<usize> {
    writes.iter().position(|write| write.deletes == deletes && is_of(&write.uri, object))
}

fn last(writes: &[Write], deletes: bool, object: &str) -> Option<usize> {
    writes.iter().rposition(|write| write.deletes == deletes && is_of(&write.uri, object))
}

pub fn made_after_needs(writes: &[Write], needs: &[Need]) -> Step {
    for (object, need) in needs {
        if let (Some(made), Some(needed)) = (first(writes, false, object), first(writes, false, need))
            && made < needed
        {
            return Err(format!("{object} was made before {need}, which it needs"));
        }
    }
    Ok(())
}

pub fn deleted_before_needs(writes: &[Write], needs: &[Need]) -> Step {
    for (object, need) in needs {
        if let (Some(gone), Some(needed)) = (last(writes, true, object), first(writes, true, need))
            && needed < gone
        {
            return Err(format!("{need} was deleted before {object}, which needs it"));
        }
    }
    Ok(())
}

/// Each hook was written in its phase: before all that is none, or after it.
pub fn hooks(writes: &[Write], hooks: &[Hook]) -> Step {
    let of = |write: &Write| hooks.iter().find(|hook| is_named(&write.uri, &hook.kind, &hook.name));
    let made = || writes.iter().enumerate().filter(|(_, write)| !write.deletes);
    // Definitions go before everything, hooks too: a hook may be of their kinds.
    let plain: Vec<usize> = made()
        .filter(|(_, write)| of(write).is_none() && !write.uri.contains("/customresourcedefinitions/"))
        .map(|(place, _)| place)
        .collect();
    let (Some(first), Some(last)) = (plain.first(), plain.last()) else { return Ok(()) };
    for hook in hooks {
        let write = made().find(|(_, write)| is_named(&write.uri, &hook.kind, &hook.name));
        let Some((place, _)) = write else { return Err(format!("the hook {} never ran", hook.name)) };
        let in_phase = if hook.phase < 0 { place < *first } else { place > *last };
        if !in_phase {
            return Err(format!(
                "the hook {} {} ran at write {place}; the others are {first} to {last}",
                hook.kind, hook.name
            ));
        }
    }
    Ok(())
}
