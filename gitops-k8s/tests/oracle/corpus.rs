//! Whole files: our own, and those of a corpus of public repositories if `GITOPS_CORPUS` names one.

use std::path::{Path, PathBuf};

use gitops_core::Value;
use gitops_k8s::yaml::{self, Data, Dialect, Node, YamlLimits};

use crate::kubectl;

/// All manifests below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut entries: Vec<PathBuf> = entries.collect();
    entries.sort();
    let is_manifest =
        |path: &Path| matches!(path.extension().and_then(|e| e.to_str()), Some("yaml" | "yml" | "json"));
    entries
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| is_manifest(path))
        .collect()
}

/// What `kubectl` takes for an object.
fn is_object(node: &Node) -> bool {
    ["apiVersion", "kind"].iter().all(|name| node.get(name).is_some())
}

/// The document, or what it lists.
fn items(mut node: Node) -> Vec<Node> {
    match node.take("items").map(|items| items.data) {
        Some(Data::List(items)) => items,
        _ => vec![node],
    }
}

/// Compares one file; gives the number of objects.
fn compare(path: &Path) -> usize {
    let bytes = std::fs::read(path).unwrap();
    let theirs = kubectl::read(path);
    let ours = yaml::read(&path.display().to_string(), &bytes, Dialect::KubectlV2, &YamlLimits::default());
    let ours = ours.unwrap_or_else(|faults| {
        assert!(theirs.is_empty(), "we refuse what `kubectl` reads: {}", faults[0]);
        Vec::new()
    });
    let ours = ours.into_iter().flat_map(|document| items(document.root)).filter(is_object);
    let ours: Vec<Value> = ours.map(|root| kubectl::without_label(root.into())).collect();
    // `kubectl` stops at the first document that is no object, or that has no name yet.
    assert_eq!(ours.get(..theirs.len()), Some(&theirs[..]), "in {}", path.display());
    theirs.len()
}

#[test]
fn our_own_files_are_read_as_kubectl_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/manifests");
    let counts: Vec<usize> = files(&folder).iter().map(|path| compare(path)).collect();
    assert!(counts.len() >= 4 && counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[test]
fn the_files_of_public_repositories_are_read_as_kubectl_does() {
    let Some(folder) = std::env::var_os("GITOPS_CORPUS") else {
        eprintln!("GITOPS_CORPUS names no folder: only the files of tests/data are compared");
        return;
    };
    let files = files(Path::new(&folder));
    let objects: usize = files.iter().map(|path| compare(path)).sum();
    eprintln!("{} files and {objects} objects are the same", files.len());
    assert!(objects > 0, "no object in {}", folder.display());
}
