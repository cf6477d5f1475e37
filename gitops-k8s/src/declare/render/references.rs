//! What a kustomization, and the generators and transformers that it is configured with, load.

use crate::yaml::{Data, Node};

/// How a field names what is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// A file or a folder.
    Path,
    /// A file, or content in its place.
    PathOrContent,
    /// A file, perhaps behind the name that its content gets: `name=path`.
    Named,
    /// A file or a folder of generators and transformers, or one of them in its place.
    Plugin,
}

/// Something that is loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference<'a> {
    pub text: &'a str,
    pub how: How,
}

/// Fields of a kustomization.
const OF_KUSTOMIZATION: &[(&str, How)] = &[
    ("resources", How::Path),
    ("bases", How::Path),
    ("components", How::Path),
    ("crds", How::Path),
    ("configurations", How::Path),
    ("generators", How::Plugin),
    ("transformers", How::Plugin),
    ("validators", How::Plugin),
    ("patchesStrategicMerge", How::PathOrContent),
    ("patches", How::Path),
    ("patches.path", How::Path),
    ("patchesJson6902.path", How::Path),
    ("replacements.path", How::Path),
    ("openapi.path", How::Path),
    ("configMapGenerator.files", How::Named),
    ("configMapGenerator.envs", How::Path),
    ("configMapGenerator.env", How::Path),
    ("secretGenerator.files", How::Named),
    ("secretGenerator.envs", How::Path),
    ("secretGenerator.env", How::Path),
];

/// Fields of all generators and transformers that are built in.
const OF_PLUGIN: &[(&str, How)] = &[
    ("path", How::Path),
    ("paths", How::PathOrContent),
    ("patches.path", How::Path),
    ("replacements.path", How::Path),
    ("files", How::Named),
    ("envs", How::Path),
    ("env", How::Path),
];

/// Fields, and a kind, by which `kustomize` would fetch charts.
const CHARTS: [&str; 3] = ["helmCharts", "helmChartInflationGenerator", "helmGlobals"];

/// Keys of a kustomization of generators and transformers: with any other one, what they load is only known once it is built.
const PLAIN: [&str; 4] = ["apiVersion", "kind", "metadata", "resources"];

pub(super) fn of_kustomization(root: &Node) -> Vec<Reference<'_>> {
    find(root, OF_KUSTOMIZATION)
}

pub(super) fn of_plugin(document: &Node) -> Vec<Reference<'_>> {
    find(document, OF_PLUGIN)
}

/// What of a kustomization or of a plugin would fetch charts.
pub(super) fn charts(node: &Node) -> Option<&str> {
    let kind =
        members(node).iter().find(|member| is(&member.name, "kind")).and_then(|kind| kind.value.as_text());
    let names = members(node).iter().map(|member| member.name.as_str());
    names.chain(kind).find(|name| CHARTS.iter().any(|known| is(name, known)))
}

/// Whether a field is there.
pub(super) fn has(root: &Node, field: &str) -> bool {
    members(root).iter().any(|member| is(&member.name, field))
}

/// The first key of a kustomization of plugins by which they are made from something else.
pub(super) fn builds(root: &Node) -> Option<&str> {
    let names = members(root).iter().map(|member| member.name.as_str());
    names.into_iter().find(|name| !PLAIN.iter().any(|known| is(name, known)))
}

fn find<'a>(root: &'a Node, table: &[(&str, How)]) -> Vec<Reference<'a>> {
    let texts = |(field, how): &(&str, How)| {
        let how = *how;
        let found = field.split('.').fold(vec![root], |nodes, name| step(&nodes, name));
        found
            .into_iter()
            .filter_map(Node::as_text)
            .map(move |text| Reference { text, how })
            .collect::<Vec<_>>()
    };
    table.iter().flat_map(texts).collect()
}

/// Every value under a key, item by item where it is a list.
fn step<'a>(nodes: &[&'a Node], name: &str) -> Vec<&'a Node> {
    let named = nodes.iter().flat_map(|node| members(node)).filter(|member| is(&member.name, name));
    let items = named.flat_map(|member| match &member.value.data {
        Data::List(items) => items.iter().collect(),
        _ => vec![&member.value],
    });
    items.collect()
}

fn members(node: &Node) -> &[crate::yaml::Member] {
    match &node.data {
        Data::Map(members) => members,
        _ => &[],
    }
}

/// Whether a key is taken for a field, as Go's reader of JSON does it: in any case, and with the two signs beyond ASCII whose
/// other case is a letter.
fn is(name: &str, field: &str) -> bool {
    let folded = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(folded).eq(field.chars().map(folded))
}

/// Whether `kustomize` would take a text for an address of the network, whatever files there are of that name.
pub(super) fn is_remote(text: &str) -> bool {
    let text = text.to_lowercase();
    let first = text.split('/').next().unwrap_or_default();
    text.contains("://") || first.contains([':', '@']) || first == "github.com"
}

/// The path without what may be a secret of a URL: who stands before the `@`, and all of a query but what says which
/// revision is meant.
pub(super) fn shown(text: &str) -> String {
    // Content that is written down in place may be a Secret's.
    if text.contains(['{', '\n']) || text.contains(": ") {
        return "what is written in place".to_owned();
    }
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let path = match (path.find("://"), path.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}…{}", &path[..scheme + 3], &path[at..]),
        _ => path.to_owned(),
    };
    let is_plain = |part: &&str| part.starts_with("ref=") || part.starts_with("version=");
    let query: Vec<&str> = query.split('&').map(|part| Some(part).filter(is_plain).unwrap_or("…")).collect();
    let query = if text.contains('?') { format!("?{}", query.join("&")) } else { String::new() };
    format!("{path}{query}").chars().take(120).collect()
}
