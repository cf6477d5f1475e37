//! What a kustomization refers to.

use gitops_core::{Diagnostic, Part};

use super::copy::{Copy, join};
use super::failure::Failure;
use super::jail::Jail;
use crate::yaml::{self, Data, Dialect, Limits, Node};

/// The names under which `kustomize` looks for a kustomization, in order.
pub(crate) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fields that hold paths of files or folders: each a name, or names with `[]` for lists between them.
const PATHS: &[&str] = &[
    "resources[]",
    "bases[]",
    "components[]",
    "crds[]",
    "configurations[]",
    "generators[]",
    "transformers[]",
    "validators[]",
    "patchesStrategicMerge[]",
    "patches[].path",
    "patchesJson6902[].path",
    "replacements[].path",
    "openapi.path",
    "configMapGenerator[].files[]",
    "configMapGenerator[].envs[]",
    "configMapGenerator[].env",
    "secretGenerator[].files[]",
    "secretGenerator[].envs[]",
    "secretGenerator[].env",
];

/// Fields by which `kustomize` would fetch charts.
const CHARTS: &[&str] = &["helmCharts", "helmChartInflationGenerator", "helmGlobals"];

/// Copies a kustomization's folder, and those of every other one that it is built on, into a jail.
///
/// # Errors
/// Something that it refers to is not in the repository; it is refused before anything is run.
pub(super) fn gather(part: &Part<'_>, folder: &str, jail: &Jail) -> Result<(), Vec<Diagnostic>> {
    let mut copy = Copy::new(part, jail);
    let (mut due, mut seen) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = due.pop() {
        if seen.contains(&folder) {
            continue;
        }
        copy.folder(&folder)?;
        let Some((path, root)) = kustomization(part, &folder)? else { continue };
        due.extend(folders(part, &folder, &path, &root)?);
        seen.push(folder);
    }
    Ok(())
}

/// The kustomization of a folder, and its path.
fn kustomization(part: &Part<'_>, folder: &str) -> Result<Option<(String, Node)>, Vec<Diagnostic>> {
    for name in NAMES {
        let Some(path) = join(folder, name) else { continue };
        let Some(bytes) = part.read(&path)? else { continue };
        let documents = yaml::read(&path, &bytes, Dialect::KyamlV3, &Limits::default())?;
        return Ok(documents.into_iter().next().map(|document| (path, document.root)));
    }
    Ok(None)
}

/// The folders that a kustomization is built on; everything else that it names must be a file of the tree.
fn folders(part: &Part<'_>, folder: &str, path: &str, root: &Node) -> Result<Vec<String>, Vec<Diagnostic>> {
    if let Some(field) = CHARTS.iter().find(|field| root.get(field).is_some()) {
        let message = format!("`{field}` fetches charts");
        return Err(Failure::outside(message).of(path));
    }
    let mut found = Vec::new();
    for text in PATHS.iter().flat_map(|field| texts(root, field)) {
        match look_up(part, folder, text)? {
            Found::Folder(folder) => found.push(folder),
            Found::File | Found::Inline => {}
            Found::Nothing => {
                let message = format!("`{}` is no file or folder of the repository", shown(text));
                return Err(Failure::outside(message).of(path));
            }
        }
    }
    Ok(found)
}

enum Found {
    Folder(String),
    File,
    /// Content that is written where a path could be.
    Inline,
    Nothing,
}

fn look_up(part: &Part<'_>, folder: &str, text: &str) -> Result<Found, Vec<Diagnostic>> {
    if text.contains('\n') {
        return Ok(Found::Inline);
    }
    // A file of a generator may be written as `name=path`.
    let bare = text.split_once('=').map_or(text, |(_, path)| path);
    for path in [text, bare].into_iter().filter_map(|path| join(folder, path)) {
        if part.list(&path)?.is_some() {
            return Ok(Found::Folder(path));
        }
        if part.read(&path)?.is_some() {
            return Ok(Found::File);
        }
    }
    Ok(Found::Nothing)
}

/// The texts of a field.
fn texts<'a>(root: &'a Node, field: &str) -> Vec<&'a str> {
    let step = |nodes: Vec<&'a Node>, step: &str| match step.strip_suffix("[]") {
        Some(name) => nodes.iter().filter_map(|node| node.get(name)).flat_map(items).collect(),
        None => nodes.iter().filter_map(|node| node.get(step)).collect(),
    };
    field.split('.').fold(vec![root], step).into_iter().filter_map(Node::as_text).collect()
}

fn items(node: &Node) -> &[Node] {
    match &node.data {
        Data::List(items) => items,
        _ => &[],
    }
}

/// The path without what may be a password of a URL.
fn shown(text: &str) -> String {
    let text = match (text.find("://"), text.find('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}…{}", &text[..scheme + 3], &text[at..]),
        _ => text.to_owned(),
    };
    text.chars().take(120).collect()
}
