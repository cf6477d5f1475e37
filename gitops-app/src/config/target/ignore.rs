//! Declared fields that are left to others.

use gitops_core::{Diagnostic, Error, Result};
use gitops_k8s::Ignore;

use super::super::node::{Node, Place, Shape};
use super::super::reader::Reader;
use super::kubernetes::kind;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IgnoreConfig {
    /// The rule.
    pub rule: Ignore,
    /// What to say if it has no effect.
    pub unused: Diagnostic,
}

const KEYS: [&str; 6] = ["kind", "namespace", "name", "pointers", "paths", "managers"];

const EXAMPLE: &str = "- { kind: Deployment.apps, pointers: [/spec/replicas] }";

/// The list under `ignore`.
pub fn read(reader: &Reader, node: &Node) -> Vec<IgnoreConfig> {
    let items = reader.items(node, "`ignore`", &format!("write `{EXAMPLE}` in a line of its own"));
    items.iter().filter_map(|item| rules(reader, item)).flatten().collect()
}

/// One rule for each field that is named, so that each is told of that has no effect.
fn rules(reader: &Reader, node: &Node) -> Option<Vec<IgnoreConfig>> {
    let fields = reader.fields(node, "a rule of `ignore`", node.place, &KEYS)?;
    let text = |name: &str| fields.get(name).and_then(|(_, node)| reader.text(node, &format!("`{name}`")));
    let (place, written) = fields.require("kind", "kind: Deployment.apps")?;
    let of = kind(&reader.text(written, "`kind`")?);
    let group = if of.kind() == "*" && of.group().is_empty() { "*" } else { of.group() };
    let rule = Ignore::of(group, of.kind());
    let rule = text("namespace").iter().fold(rule, |rule, pattern| rule.namespace(pattern));
    let rule = text("name").iter().fold(rule, |rule, pattern| rule.name(pattern));
    if ["pointers", "paths", "managers"].iter().all(|name| fields.get(name).is_none()) {
        let message = "the rule names no field: it needs `pointers`, `paths` or `managers`";
        reader.fault("GO0107", place, message, format!("such as `{EXAMPLE}`"));
        return None;
    }
    let each = |name: &str, add: fn(Ignore, &str) -> Result<Ignore>| match fields.limit(name) {
        Some((_, node)) => each(reader, node, name, &rule, add),
        None => Some(Vec::new()),
    };
    let mut rules = each("pointers", Ignore::pointer)?;
    rules.extend(each("paths", Ignore::path)?);
    rules.extend(each("managers", |rule, name| Ok(rule.manager(name)))?);
    Some(rules)
}

/// A rule for each text of a list; a fault at the text that it does not take.
fn each(
    reader: &Reader,
    node: &Node,
    name: &str,
    rule: &Ignore,
    add: fn(Ignore, &str) -> Result<Ignore>,
) -> Option<Vec<IgnoreConfig>> {
    let Shape::List(items) = &node.shape else {
        reader.texts(node, &format!("`{name}`"));
        return None;
    };
    let one = |item: &Node| {
        let text = reader.text(item, &format!("`{name}`"))?;
        let rule = add(rule.clone(), &text).map_err(|error| refuse(reader, item.place, &error)).ok()?;
        Some(IgnoreConfig { rule, unused: unused(reader, item.place) })
    };
    items.iter().map(one).collect()
}

fn refuse(reader: &Reader, place: Place, error: &Error) {
    reader.fault("GO0110", place, error.message().to_owned(), error.help_text().unwrap_or_default());
}

fn unused(reader: &Reader, place: Place) -> Diagnostic {
    let message =
        "the rule has no effect: no declared object of this kind, namespace and name has such a field";
    reader.warning("GO0116", place, message).help("a kind is written with its group: `Deployment.apps`")
}
