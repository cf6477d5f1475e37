//! How manifests of a cluster are made: which folders are rendered by which program, and what is filled in.

use std::path::PathBuf;

use super::super::node::{Node, Place, Shape};
use super::super::reader::{Fields, Reader};
use super::super::source::folder;

/// A folder that is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderConfig {
    /// The folder, below that of the target; empty for all of it.
    pub path: String,
    /// How.
    pub kind: RenderKind,
}

/// How a folder is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenderKind {
    /// Its files are manifests.
    Manifests,
    /// It is a kustomization.
    Kustomize {
        /// The path of `kustomize` or `kubectl`; looked for where programs are if nothing.
        program: Option<PathBuf>,
    },
    /// It is a chart.
    Helm {
        /// The path of `helm`; looked for where programs are if nothing.
        program: Option<PathBuf>,
        /// The name of what is installed.
        release: String,
        /// Files of values, below the folder of the target.
        values: Vec<String>,
        /// The version of Kubernetes that it is rendered for; that of the cluster if nothing.
        kubernetes: Option<String>,
        /// What it finds served; what the cluster serves if nothing.
        api_versions: Option<Vec<String>>,
    },
}

/// The kinds, each with its keys.
const KINDS: [&str; 3] = ["kustomize", "helm", "manifests"];
const KEYS: [(&str, &[&str]); 3] = [
    ("kustomize", &["path", "program"]),
    ("helm", &["path", "program", "release", "values", "kubernetes", "api_versions"]),
    ("manifests", &["path"]),
];

/// The list under `render`.
pub fn read(reader: &Reader, node: &Node) -> Vec<RenderConfig> {
    let items =
        reader.items(node, "`render`", "write `- kustomize: { path: apps/web }` in a line of its own");
    items.iter().filter_map(|item| one(reader, item)).collect()
}

fn one(reader: &Reader, node: &Node) -> Option<RenderConfig> {
    let (kind, place, node) =
        super::super::one_kind(reader, node, "an item of `render`", node.place, &KINDS, &[])?;
    let (what, keys) = KEYS.iter().find(|(name, _)| *name == kind)?;
    let what = format!("`{what}`");
    let fields = reader.fields(node, &what, place, keys)?;
    let path = match fields.get("path") {
        Some((_, node)) => path(reader, node)?,
        None => String::new(),
    };
    let program = fields.get("program").and_then(|(_, node)| reader.path(node, "`program`"));
    let kind = match kind {
        "kustomize" => RenderKind::Kustomize { program },
        "helm" => helm(reader, &fields, program)?,
        _ => RenderKind::Manifests,
    };
    Some(RenderConfig { path, kind })
}

/// `.` is all of the target's folder.
fn path(reader: &Reader, node: &Node) -> Option<String> {
    match &node.shape {
        Shape::Text(text) if text == "." => Some(String::new()),
        _ => folder(reader, node),
    }
}

fn helm(reader: &Reader, fields: &Fields<'_>, program: Option<PathBuf>) -> Option<RenderKind> {
    let text = |name: &str| fields.get(name).and_then(|(_, node)| reader.text(node, &format!("`{name}`")));
    let release = fields.require("release", "release: cache");
    let release = release.and_then(|(_, node)| reader.text(node, "`release`"))?;
    let values = fields.get("values").map(|(_, node)| reader.texts(node, "`values`")).unwrap_or_default();
    let api_versions = fields.get("api_versions").map(|(_, node)| reader.texts(node, "`api_versions`"));
    Some(RenderKind::Helm { program, release, values, kubernetes: text("kubernetes"), api_versions })
}

/// The mapping under `substitute`: a text for each name.
pub fn substitute(reader: &Reader, node: &Node) -> Vec<(String, String)> {
    let Shape::Map(members) = &node.shape else {
        let message =
            format!("`substitute` must be a mapping of names to texts, not {}", node.shape.article());
        reader.fault("GO0109", node.place, message, "write `substitute: { DOMAIN: example.org }`");
        return Vec::new();
    };
    let named = members.iter().filter_map(|(name, node)| {
        let is_name =
            !name.text.is_empty() && name.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name || name.text.starts_with(|first: char| first.is_ascii_digit()) {
            refuse_name(reader, name.place, &name.text);
            return None;
        }
        Some((name.text.clone(), filling(reader, node, &name.text)?))
    });
    named.collect()
}

fn refuse_name(reader: &Reader, place: Place, name: &str) {
    let message = format!("`{name}` can't be a variable");
    reader.fault("GO0110", place, message, "a name has letters, digits and `_`, and begins with no digit");
}

fn filling(reader: &Reader, node: &Node, name: &str) -> Option<String> {
    match &node.shape {
        Shape::Number(text) | Shape::Text(text) => Some(text.clone()),
        Shape::Bool(value) => Some(value.to_string()),
        _ => reader.text(node, &format!("`{name}`")),
    }
}
