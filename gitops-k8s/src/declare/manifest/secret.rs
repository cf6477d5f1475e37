//! The values of a Secret.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_core::{Secret, SecretKey};

use crate::yaml::{Data, Fault, Member, Node};

/// Folds `stringData` into `data`, and hides every value. A placeholder stays where it is: it is folded once it is filled.
///
/// # Errors
/// A value that is no text or no base64, or is still encrypted; no message holds a value.
pub(super) fn hide(node: &mut Node, key: Option<&SecretKey>) -> Result<(), Vec<Fault>> {
    if let Some(sops) = node.member("sops") {
        let fault = Fault::new("GO0405", sops.place, "the Secret is still encrypted");
        return Err(vec![fault.help("decrypt it before it is rendered")]);
    }
    let (mut found, mut faults) = (BTreeMap::new(), unknown(node));
    for (name, encode) in [("data", as_it_is as Encode), ("stringData", encoded)] {
        let members = node.take(name).map_or(Ok(Vec::new()), members).map_err(|fault| vec![fault])?;
        let is_placeholder = |member: &Member| matches!(member.value.data, Data::Placeholder(_));
        let (placeholders, members): (Vec<Member>, Vec<Member>) =
            members.into_iter().partition(is_placeholder);
        put_back(node, name, placeholders);
        for member in members {
            match encode(&member) {
                Ok(text) => drop(found.insert(member.name.clone(), (member, text))),
                Err(fault) => faults.push(fault),
            }
        }
    }
    match (faults.is_empty(), found.is_empty(), key) {
        (false, ..) => Err(faults),
        (true, true, _) => Ok(()),
        (true, false, None) => Err(vec![no_key(node)]),
        (true, false, Some(key)) => {
            let mut data = node.take("data").map_or(Ok(Vec::new()), members).map_err(|fault| vec![fault])?;
            data.retain(|placeholder| !found.contains_key(&placeholder.name));
            data.extend(found.into_values().map(|(member, text)| hidden(member, text, key)));
            put_back(node, "data", data);
            Ok(())
        }
    }
}

/// What a Secret may have; what `clean` takes out is gone already.
const MEMBERS: [&str; 8] =
    ["apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData", "sops"];

/// A member with a name of its own may hold what is secret, and nothing would hide it.
fn unknown(node: &Node) -> Vec<Fault> {
    let Data::Map(members) = &node.data else { return Vec::new() };
    let strange = members.iter().filter(|member| !MEMBERS.contains(&&*member.name));
    let fault = |member: &Member| {
        let message = format!("a Secret has no field `{}`", member.name);
        let meant = MEMBERS.iter().find(|name| name.eq_ignore_ascii_case(&member.name));
        let help = meant.map_or("put its values under `data` or `stringData`".to_owned(), |name| {
            format!("did you mean `{name}`?")
        });
        Fault::new("GO0405", member.value.place, message).help(help)
    };
    strange.map(fault).collect()
}

/// Sets a member that is a mapping, unless there is nothing in it.
fn put_back(node: &mut Node, name: &str, mut members: Vec<Member>) {
    members.sort_by(|a, b| a.name.cmp(&b.name));
    if !members.is_empty() {
        node.set(name, Node { place: node.place, data: Data::Map(members) });
    }
}

type Encode = fn(&Member) -> Result<String, Fault>;

fn hidden(mut member: Member, text: String, key: &SecretKey) -> Member {
    member.value.data = Data::Secret(Secret::new(text, key));
    member
}

fn members(node: Node) -> Result<Vec<Member>, Fault> {
    match node.data {
        Data::Map(members) => Ok(members),
        _ => Err(Fault::new("GO0405", node.place, "the data of a Secret must be a mapping")),
    }
}

fn encoded(member: &Member) -> Result<String, Fault> {
    text(member).map(|text| STANDARD.encode(text))
}

fn as_it_is(member: &Member) -> Result<String, Fault> {
    let text: String = text(member)?.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    if STANDARD.decode(&text).is_ok() {
        return Ok(text);
    }
    let message = format!("`{}` is not base64", member.name);
    Err(Fault::new("GO0405", member.value.place, message).help("put plain text under `stringData`"))
}

fn text(member: &Member) -> Result<&str, Fault> {
    member.value.as_text().ok_or_else(|| {
        let message = format!("`{}` is {}, and must be text", member.name, member.value.kind());
        Fault::new("GO0405", member.value.place, message).help("put it in quotes")
    })
}

fn no_key(node: &Node) -> Fault {
    Fault::new("GO0405", node.place, "a Secret, and the renderer has no key to compare secrets under")
        .help("give the renderer the application's secret key")
}
