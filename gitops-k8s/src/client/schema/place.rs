//! Where in its file a field of an object is declared.

use gitops_core::capability::Beside;
use gitops_core::{Diagnostic, Object};

use super::{Misfit, Step, UNKNOWN};
use crate::yaml::{self, Data, Dialect, Fault, File, Node, Place, YamlLimits, list};

/// What does not fit as a diagnostic, at its line if the file has the field.
pub(crate) fn diagnostic(object: &Object, beside: &Beside, misfit: &Misfit) -> Diagnostic {
    let path = shown(&misfit.path);
    let message = match (path.is_empty(), misfit.message.as_str()) {
        (true, message) => message.to_owned(),
        (false, UNKNOWN) => format!("{UNKNOWN} `{path}`"),
        (false, message) => format!("`{path}`: {message}"),
    };
    let help = misfit.help.clone().unwrap_or_else(|| "correct the declaration".to_owned());
    let whole =
        || Diagnostic::error("GO0420", object.provenance.to_string(), message.clone()).help(help.clone());
    let Some(bytes) = beside.file(object) else { return whole() };
    let file_path = object.provenance.path.as_str();
    let Some(place) = place(file_path, &bytes, object.provenance.line, &misfit.path) else { return whole() };
    match File::new(file_path, &bytes, &YamlLimits::default()) {
        Ok(file) => file.show(&Fault::new("GO0420", place, message.clone()).help(help.clone())),
        Err(_) => whole(),
    }
}

/// The place of a field in the document that begins in a line; that of what holds it, if it is not there.
fn place(path: &str, bytes: &[u8], line: u32, steps: &[Step]) -> Option<Place> {
    let documents = yaml::read(path, bytes, Dialect::default(), &YamlLimits::default()).ok()?;
    let nodes = list::flatten(documents.into_iter().map(|document| document.root).collect());
    let node = nodes.iter().find(|node| node.place.line == line)?;
    let (mut node, mut place) = (node, node.place);
    for step in steps {
        let Some(found) = below(node, step) else { return Some(place) };
        (place, node) = found;
    }
    Some(place)
}

fn below<'a>(node: &'a Node, step: &Step) -> Option<(Place, &'a Node)> {
    match (step, &node.data) {
        (Step::Name(name), _) => node.member(name).map(|member| (member.place, &member.value)),
        (Step::Index(index), Data::List(items)) => items.get(*index).map(|item| (item.place, item)),
        _ => None,
    }
}

fn shown(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Name(name) if text.is_empty() => text.push_str(name),
            Step::Name(name) => text.extend([".", name]),
            Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
        }
    }
    text
}

/// The steps of a path as the server writes it: `spec.containers[0].image`, perhaps with a dot before it. What is chosen by a key
/// instead of a position ends it.
pub(crate) fn steps(path: &str) -> Vec<Step> {
    let mut found = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let Some((name, rest)) = part.split_once('[') else {
            found.push(Step::Name(part.to_owned()));
            continue;
        };
        found.push(Step::Name(name.to_owned()));
        match rest.strip_suffix(']').and_then(|index| index.parse().ok()) {
            Some(index) => found.push(Step::Index(index)),
            None => return found,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_server_is_read() {
        let [spec, list, image] = ["spec", "list", "image"].map(|name| Step::Name(name.to_owned()));
        assert_eq!(steps(".spec.list[1].image"), [spec.clone(), list.clone(), Step::Index(1), image]);
        assert_eq!(steps("spec.list[name=\"a.b\"].x"), [spec, list]);
    }

    #[test]
    fn the_place_is_that_of_the_key_or_of_what_holds_it() {
        let text = b"a: b\n---\nkind: X\nspec:\n  replica: 3\n  list:\n  - name: a\n";
        let at = |path: &str| {
            let place = place("a.yaml", text, 3, &steps(path)).unwrap();
            (place.line, place.column)
        };
        assert_eq!(at("spec.replica"), (5, 3));
        assert_eq!(at("spec.list[0].name"), (7, 5));
        assert_eq!(at("spec.missing"), (4, 1));
        assert_eq!(place("a.yaml", text, 2, &[]), None);
    }
}
